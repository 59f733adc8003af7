package vault

import (
	"context"
	"fmt"
	"strings"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/envelope"
)

// checkKEKs refuses KEKs that could leave the KMS, and one KEK under two names:
// test and live must not share a key (PCI DSS 3.6.1.1).
func checkKEKs(ctx context.Context, backend kms.KMS) error {
	seen := make(map[string]kms.Key)
	for _, key := range kms.Keys() {
		d, err := backend.Describe(ctx, key)
		if err != nil {
			return fmt.Errorf("key %s: %w", key, err)
		}
		if len(d.Unsafe) > 0 {
			return fmt.Errorf("key %s: %w: %s", key, kms.ErrUnsafeKey, strings.Join(d.Unsafe, "; "))
		}
		if other, ok := seen[d.Name]; ok {
			return fmt.Errorf("key %s: %w: it is the same key as %s", key, kms.ErrUnsafeKey, other)
		}
		seen[d.Name] = key
	}
	return nil
}

// loadKeyring unwraps the stored working keys into locked memory and proves
// their rows. Errors: envelope.ErrNoKey for a store that was never initialized,
// ErrKeyLost, envelope.ErrTampered, those of the store and the KMS.
func loadKeyring(ctx context.Context, s store.Store, backend kms.KMS) (*envelope.Keyring, error) {
	rows, missing, err := missingKeys(ctx, s)
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("%w: %s (%s): the database was not initialized by this release", envelope.ErrNoKey, missing[0].Purpose, missing[0].Mode)
	}
	ring, err := envelope.LoadKeyring(ctx, backend, wrappedKeys(rows))
	if err != nil {
		return nil, err
	}
	for i := range rows {
		if ring.Check(envelope.ModeAll, workingKeyRow(&rows[i]), rows[i].Tag) != nil {
			ring.Destroy()
			return nil, fmt.Errorf("working key %s (%s): %w", rows[i].Purpose, rows[i].Mode, envelope.ErrTampered)
		}
	}
	return ring, nil
}

// wrappedKeys are the usable keys of rows.
func wrappedKeys(rows []store.WorkingKey) []envelope.WrappedKey {
	var wrapped []envelope.WrappedKey
	for _, row := range rows {
		if isUsable(row) {
			wrapped = append(wrapped, envelope.WrappedKey{
				KeyName: keyName(row), Version: row.Version, KEKVersion: row.KEKVersion, Wrapped: row.Wrapped,
			})
		}
	}
	return wrapped
}

func keyName(row store.WorkingKey) envelope.KeyName {
	return envelope.KeyName{Purpose: envelope.Purpose(row.Purpose), Mode: envelope.Mode(row.Mode)}
}

// isUsable reports whether a key may still open what it sealed.
func isUsable(row store.WorkingKey) bool {
	return row.State == stateActive || row.State == stateDecryptOnly
}

// States of a key (design: one state machine for every kind of key).
const (
	stateActive      = "active"
	stateDecryptOnly = "decrypt-only"
)
