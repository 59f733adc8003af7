package vault

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/envelope"
)

// Initialize prepares a store for its first start: it makes the working keys
// that are missing, wrapped by the work KEK, and records each. It changes
// nothing in a store that has them, so it may be run again, also by two nodes
// at once. created tells how many keys were made.
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
	missing, err := missingKeys(ctx, s)
	if err != nil || len(missing) == 0 {
		return 0, err
	}
	keys, err := envelope.NewWorkingKeys(ctx, backend, random, missing, 1)
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
		for _, key := range keys {
			row := store.WorkingKey{
				Purpose: string(key.Purpose), Mode: string(key.Mode), Version: key.Version,
				State: stateActive, KEKVersion: key.KEKVersion, Wrapped: key.Wrapped, CreatedAt: clock().UnixMicro(),
			}
			if err := tx.InsertWorkingKey(ctx, &row); err != nil {
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
	return len(keys), err
}

func missingKeys(ctx context.Context, s store.Store) ([]envelope.KeyName, error) {
	var rows []store.WorkingKey
	err := s.View(ctx, func(r store.Reader) (err error) {
		rows, err = r.WorkingKeys(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	have := make(map[envelope.KeyName]bool)
	for _, row := range rows {
		have[envelope.KeyName{Purpose: envelope.Purpose(row.Purpose), Mode: envelope.Mode(row.Mode)}] = true
	}
	var missing []envelope.KeyName
	for _, name := range envelope.RequiredKeys() {
		if !have[name] {
			missing = append(missing, name)
		}
	}
	return missing, nil
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
