package vault_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/vaulttest"
)

// stuckStore refuses updates while it is stuck.
type stuckStore struct {
	store.Store
	stuck atomic.Bool
}

func (s *stuckStore) Update(ctx context.Context, fn func(store.Tx) error) error {
	if s.stuck.Load() {
		return store.ErrUnavailable
	}
	return s.Store.Update(ctx, fn)
}

// TestLastUsedSurvivesAnOutage: what could not be written is written later.
func TestLastUsedSurvivesAnOutage(t *testing.T) {
	db := &stuckStore{}
	v := vaulttest.New(t, func(o *vault.Options) { db.Store, o.Store = o.Store, db })
	merchant := v.Merchant(t, vault.MerchantSettings{})
	secret := v.Key(t, merchant, policy.Public, false)
	db.stuck.Store(true)
	v.Login(t, secret)
	time.Sleep(1500 * time.Millisecond) // a flush fails
	db.stuck.Store(false)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		keys, err := v.APIKeys(t.Context(), v.Operator, merchant)
		if err != nil {
			t.Fatal(err)
		}
		if !keys[0].LastUsed.IsZero() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the last use was lost with the flush that failed")
		}
	}
}
