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

// loadKeyring unwraps the stored working keys into locked memory.
func loadKeyring(ctx context.Context, s store.Store, backend kms.KMS) (*envelope.Keyring, error) {
	var rows []store.WorkingKey
	err := s.View(ctx, func(r store.Reader) (err error) {
		rows, err = r.WorkingKeys(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	wrapped := make([]envelope.WrappedKey, 0, len(rows))
	for _, row := range rows {
		if row.State != stateActive && row.State != stateDecryptOnly {
			continue
		}
		wrapped = append(wrapped, envelope.WrappedKey{
			KeyName: envelope.KeyName{Purpose: envelope.Purpose(row.Purpose), Mode: envelope.Mode(row.Mode)},
			Version: row.Version, KEKVersion: row.KEKVersion, Wrapped: row.Wrapped,
		})
	}
	return envelope.LoadKeyring(ctx, backend, wrapped)
}

// States of a key (design: one state machine for every kind of key).
const (
	stateActive      = "active"
	stateDecryptOnly = "decrypt-only"
)
