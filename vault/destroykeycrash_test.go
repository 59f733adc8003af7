package vault_test

import (
	"context"
	"strings"
	"testing"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/audit"
)

// interrupted is a KMS whose caller ends before or after it destroys.
type interrupted struct {
	kms.KMS
	rotator
	before, after func()
}

type rotator = kms.Rotator

// Trim ends the caller, if it is to.
func (k *interrupted) Trim(ctx context.Context, key kms.Key, floor uint32) (kms.Description, error) {
	if k.before != nil {
		k.before()
		return kms.Description{}, kms.ErrUnavailable
	}
	d, err := k.rotator.Trim(ctx, key, floor)
	if k.after != nil {
		k.after()
	}
	return d, err
}

// TestDestructionIsCompleted: a process that ends on the way leaves something
// that the same approval completes, once.
func TestDestructionIsCompleted(t *testing.T) {
	for name, tt := range map[string]struct {
		interrupt func(*interrupted, func())
		available uint32
	}{
		"before the KMS": {func(k *interrupted, end func()) { k.before = end }, 1},
		"after the KMS":  {func(k *interrupted, end func()) { k.after = end }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			var k *interrupted
			o := newKeyOffice(t, func(opts *vault.Options) {
				k = &interrupted{KMS: opts.KMS, rotator: opts.KMS.(kms.Rotator)}
				opts.KMS = k
			})
			o.retire(t, kms.CardTest)
			id := o.agreed(t, kms.CardTest)
			ctx, end := context.WithCancel(t.Context())
			tt.interrupt(k, end)
			if _, err := o.DestroyKey(ctx, o.Operator, id); err == nil {
				t.Fatal("it was not interrupted")
			}
			if v := o.keyStatus(t, kms.CardTest).Versions[0]; v.State != store.KeyRetired || o.available(t, kms.CardTest) != tt.available {
				t.Errorf("interrupted: %+v, versions from %d", v, o.available(t, kms.CardTest))
			}
			if destroys := events(t, o.Store, audit.KeyDestroy); len(destroys) != 1 {
				t.Errorf("audit has %+v before the KMS was asked", destroys)
			}
			k.before, k.after = nil, nil
			if v, err := o.DestroyKey(t.Context(), o.Operator, id); err != nil || v.State != store.KeyDestroyed {
				t.Errorf("again: %+v, %v", v, err)
			}
			if v := o.keyStatus(t, kms.CardTest).Versions[0]; v.State != store.KeyDestroyed || o.available(t, kms.CardTest) != 2 {
				t.Errorf("completed: %+v, versions from %d", v, o.available(t, kms.CardTest))
			}
			if _, err := o.DestroyKey(t.Context(), o.Operator, id); codeOr(err) != vault.Conflict {
				t.Errorf("a third time: %v", err)
			}
		})
	}
}

// lowered is a KMS whose floor somebody lowered again.
type lowered struct {
	kms.KMS
	rotator
	floor uint32 // 0: as it is
}

// Describe tells so.
func (k *lowered) Describe(ctx context.Context, key kms.Key) (kms.Description, error) {
	d, err := k.KMS.Describe(ctx, key)
	if k.floor > 0 {
		d.MinDecrypt = k.floor
	}
	return d, err
}

func TestDestructionNeedsTheFloor(t *testing.T) {
	var k *lowered
	o := newKeyOffice(t, func(opts *vault.Options) {
		k = &lowered{KMS: opts.KMS, rotator: opts.KMS.(kms.Rotator)}
		opts.KMS = k
	})
	o.retire(t, kms.CardTest)
	id := o.agreed(t, kms.CardTest)
	k.floor = 1
	if _, err := o.DestroyKey(t.Context(), o.Operator, id); codeOr(err) != vault.Conflict || !strings.Contains(err.Error(), "who lowered the floor") {
		t.Errorf("%v", err)
	}
	o.wantKept(t)
}
