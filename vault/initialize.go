package vault

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
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
// wrapped by the work KEK, and records each. In a store of an older release it
// makes the keys of the purposes that have come since. It changes nothing in a
// store that has them all, so it may be run again, also by two nodes at once.
// created tells how many keys were made. Errors: ErrKeyLost if a store in use
// lacks a key that a new one cannot replace, those of the store and the KMS.
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
	have, missing, err := missingKeys(ctx, s)
	if err != nil || len(missing) == 0 {
		return 0, err
	}
	rows, err := drawWorkingKeys(ctx, backend, have, missing, clock(), random)
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
				"purpose": row.Purpose, "version": strconv.FormatUint(uint64(row.Version), 10),
				"kek_version": strconv.FormatUint(uint64(row.KEKVersion), 10),
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

// missingKeys returns the keys a store has, and which it still needs: all of
// them if it was never initialized, those that a new release added. ErrKeyLost,
// naming the first, if a store in use lacks one that a new one cannot replace.
func missingKeys(ctx context.Context, s store.Store) (have []store.WorkingKey, missing []envelope.KeyName, err error) {
	var events []store.Event
	err = s.View(ctx, func(r store.Reader) (err error) {
		if have, err = r.WorkingKeys(ctx); err != nil {
			return err
		}
		events, err = r.Events(ctx, "", 1)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	usable := make(map[envelope.KeyName]bool)
	for _, row := range have {
		if isUsable(row) {
			usable[keyName(row)] = true
		}
	}
	fresh := len(have) == 0 && len(events) == 0
	for _, name := range envelope.RequiredKeys() {
		switch {
		case usable[name]:
		case fresh, name.Purpose.Renewable():
			missing = append(missing, name)
		default:
			return nil, nil, fmt.Errorf("%w: %s (%s)", ErrKeyLost, name.Purpose, name.Mode)
		}
	}
	return have, missing, nil
}

// drawWorkingKeys makes a key of each name, as rows. Their tags are made with
// one of the keys, so these are opened once.
func drawWorkingKeys(ctx context.Context, backend kms.KMS, have []store.WorkingKey, names []envelope.KeyName, now time.Time, random io.Reader) ([]store.WorkingKey, error) {
	version := uint32(1)
	for _, row := range have {
		if slices.Contains(names, keyName(row)) {
			version = max(version, row.Version+1)
		}
	}
	keys, err := envelope.NewWorkingKeys(ctx, backend, random, names, version)
	if err != nil {
		return nil, err
	}
	ring, err := envelope.LoadKeyring(ctx, backend, append(wrappedKeys(have), keys...))
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
