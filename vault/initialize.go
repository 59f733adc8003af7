package vault

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/envelope"
)

// ErrKeyLost: a working key is gone from a database in use. A new one would not
// open what the old one sealed and would take its name, so none is made:
// restore the database from its backup.
var ErrKeyLost = errors.New("vault: a working key is gone from a database in use; restore the database from its backup")

// Initialize prepares a store for its first start: it makes the working keys,
// wrapped by the work KEK, and records each. It changes nothing in a store that
// has them, so it may be run again, also by two nodes at once. created tells
// how many keys were made. Errors: ErrKeyLost if a store in use lacks a key,
// those of the store and the KMS.
func Initialize(ctx context.Context, s store.Store, backend kms.KMS, node, version string, clock func() time.Time, random io.Reader) (created int, err error) {
	if clock == nil {
		clock = time.Now
	}
	if random == nil {
		random = rand.Reader
	}
	if err := checkKEKs(ctx, backend); err != nil {
		return 0, err
	}
	fresh, err := isFresh(ctx, s)
	if err != nil || !fresh {
		return 0, err
	}
	rows, err := drawWorkingKeys(ctx, backend, clock(), random)
	if err != nil {
		return 0, err
	}
	log := audit.NewLog(node, clock, random)
	err = s.Update(ctx, func(tx store.Tx) error {
		actor := System("panvault init")
		init := actor.event(audit.SystemInit, audit.OK, "")
		init.Details = map[string]string{"version": version}
		if _, err := log.Append(ctx, tx, init); err != nil {
			return err
		}
		for i := range rows {
			row := &rows[i]
			if err := tx.InsertWorkingKey(ctx, row); err != nil {
				return err
			}
			e := actor.event(audit.KeyCreate, audit.OK, row.Purpose+"/"+row.Mode)
			e.Details = map[string]string{
				"purpose": row.Purpose, "version": "1", "kek_version": strconv.FormatUint(uint64(row.KEKVersion), 10),
			}
			if _, err := log.Append(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, store.ErrConflict) {
		return 0, nil // another node was first; its keys are as good
	}
	return len(rows), err
}

// isFresh reports whether a store was never initialized. ErrKeyLost if it was
// and lacks a key now.
func isFresh(ctx context.Context, s store.Store) (fresh bool, err error) {
	var keys []store.WorkingKey
	var events []store.Event
	err = s.View(ctx, func(r store.Reader) (err error) {
		if keys, err = r.WorkingKeys(ctx); err != nil {
			return err
		}
		events, err = r.Events(ctx, "", 1)
		return err
	})
	switch {
	case err != nil:
		return false, err
	case len(keys) == 0 && len(events) == 0:
		return true, nil
	}
	return false, checkComplete(keys)
}

// checkComplete returns ErrKeyLost, naming the first, if a required key is not
// among the usable ones.
func checkComplete(rows []store.WorkingKey) error {
	usable := make(map[envelope.KeyName]bool)
	for _, row := range rows {
		if isUsable(row) {
			usable[keyName(row)] = true
		}
	}
	for _, name := range envelope.RequiredKeys() {
		if !usable[name] {
			return fmt.Errorf("%w: %s (%s)", ErrKeyLost, name.Purpose, name.Mode)
		}
	}
	return nil
}

// drawWorkingKeys makes version 1 of every required key, as rows. Their tags
// are made with one of them, so they are opened once.
func drawWorkingKeys(ctx context.Context, backend kms.KMS, now time.Time, random io.Reader) ([]store.WorkingKey, error) {
	keys, err := envelope.NewWorkingKeys(ctx, backend, random, envelope.RequiredKeys(), 1)
	if err != nil {
		return nil, err
	}
	ring, err := envelope.LoadKeyring(ctx, backend, keys)
	if err != nil {
		return nil, err
	}
	defer ring.Destroy()
	rows := make([]store.WorkingKey, len(keys))
	for i, key := range keys {
		row := &rows[i]
		*row = store.WorkingKey{
			Purpose: string(key.Purpose), Mode: string(key.Mode), Version: key.Version,
			State: stateActive, KEKVersion: key.KEKVersion, Wrapped: key.Wrapped, CreatedAt: now.UnixMicro(),
		}
		if row.Tag, err = ring.Tag(envelope.ModeAll, workingKeyRow(row)); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// CreateFirstOperator makes the first operator key. It fails with Conflict once
// any operator exists, so a stranger with the configuration file cannot add
// himself later.
func (s *Service) CreateFirstOperator(ctx context.Context, name string) (APIKey, APISecret, error) {
	var rows []store.APIKey
	err := s.store.View(ctx, func(r store.Reader) (err error) {
		rows, err = r.APIKeys(ctx, "")
		return err
	})
	if err != nil {
		return APIKey{}, APISecret{}, s.fail(err)
	}
	if len(rows) > 0 {
		return APIKey{}, APISecret{}, &Error{Code: Conflict, Message: "an operator exists already"}
	}
	return s.createAPIKey(ctx, System("panvault init"), NewAPIKey{Kind: policy.Operator, Label: name})
}
