package vault_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/audit"
)

// keyOffice is an office that has a version to destroy.
type keyOffice struct {
	*office
	backups time.Duration // how long they are kept
}

func newKeyOffice(t *testing.T, change func(*vault.Options)) *keyOffice {
	t.Helper()
	o := &keyOffice{}
	o.office = newOffice(t, func(opts *vault.Options) {
		if change != nil {
			change(opts)
		}
		o.backups = time.Duration(opts.Retention.Backups) * 24 * time.Hour
	})
	return o
}

// retire brings a key to version 2, with version 1 retired.
func (o *keyOffice) retire(t *testing.T, key kms.Key) {
	t.Helper()
	if _, err := o.RotateKey(t.Context(), o.Operator, vault.RotateRequest{Key: key, Reason: "yearly"}); err != nil {
		t.Fatal(err)
	}
	if _, err := o.RewrapKey(t.Context(), o.Operator, key, vault.RewrapOptions{}); err != nil {
		t.Fatal(err)
	}
	o.clock.Advance(o.backups)
	if _, err := o.RetireKey(t.Context(), o.Operator, key, 1, "yearly"); err != nil {
		t.Fatal(err)
	}
}

func (o *keyOffice) askDestruction(t *testing.T, key kms.Key) string {
	t.Helper()
	r, err := o.RequestDestruction(t.Context(), o.Operator, key, 1, "no backup is left")
	if err != nil {
		t.Fatal(err)
	}
	return r.ID
}

// agreed is a destruction that was asked for and granted.
func (o *keyOffice) agreed(t *testing.T, key kms.Key) string {
	t.Helper()
	id := o.askDestruction(t, key)
	if _, err := o.GrantApproval(t.Context(), o.bob, id); err != nil {
		t.Fatal(err)
	}
	return id
}

func (o *keyOffice) keyStatus(t *testing.T, key kms.Key) vault.KeyStatus {
	t.Helper()
	return (&till{shop: &shop{Vault: o.Vault}}).status(t, key)
}

func (o *keyOffice) available(t *testing.T, key kms.Key) uint32 {
	t.Helper()
	d, err := o.KMS.Describe(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return d.MinAvailable
}

func TestDestroyKey(t *testing.T) {
	for _, key := range kms.Keys() {
		t.Run(string(key), func(t *testing.T) {
			o := newKeyOffice(t, nil)
			o.retire(t, key)
			if v := o.keyStatus(t, key).Versions[0]; v.State != store.KeyRetired || v.Next != "keys destroy" {
				t.Errorf("before: %+v", v)
			}
			epoch := o.epoch(t)
			id := o.agreed(t, key)
			v, err := o.DestroyKey(t.Context(), o.bob, id)
			if err != nil || v.Version != 1 || v.State != store.KeyDestroyed || !v.DestroyedAt.Equal(o.clock.Now().UTC().Truncate(time.Microsecond)) || v.ChangedBy != o.bob.Key || v.Reason != "no backup is left" {
				t.Fatalf("%+v, %v", v, err)
			}
			k := o.keyStatus(t, key)
			if k.Versions[0].State != store.KeyDestroyed || k.Versions[0].Next != "" || k.Versions[1].State != store.KeyActive {
				t.Errorf("after: %+v", k)
			}
			if got := o.available(t, key); got != 2 {
				t.Errorf("the KMS has versions from %d, want 2", got)
			}
			if got := o.epoch(t); got != epoch+1 {
				t.Errorf("epoch %d, want %d", got, epoch+1)
			}
			destroys := events(t, o.Store, audit.KeyDestroy)
			if len(destroys) != 1 || destroys[0].Object != string(key) || destroys[0].Details["up_to"] != "1" || destroys[0].Details["approval"] != id || destroys[0].Actor.ID != o.bob.Key {
				t.Errorf("audit has %+v", destroys)
			}
			gone := events(t, o.Store, audit.KeyVersion)
			gone = slices.DeleteFunc(gone, func(r audit.Record) bool { return r.Details["state"] != "destroyed" })
			if len(gone) != 1 || gone[0].Object != string(key) || gone[0].Details["version"] != "1" {
				t.Errorf("audit has changes to destroyed %+v", gone)
			}
			if _, err := o.DestroyKey(t.Context(), o.Operator, id); codeOr(err) != vault.Conflict || !strings.Contains(err.Error(), "was used") {
				t.Errorf("again: %v", err)
			}
			next, err := vault.New(t.Context(), vault.Options{Store: o.Store, KMS: o.KMS, Clock: o.clock.Now})
			if err != nil {
				t.Fatalf("a process that starts afterwards: %v", err)
			}
			next.Close(context.Background())
		})
	}
}

func (o *keyOffice) epoch(t *testing.T) (epoch int64) {
	t.Helper()
	err := o.Store.View(t.Context(), func(r store.Reader) (err error) {
		epoch, err = r.Epoch(t.Context())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return epoch
}

func TestDestructionRequestRefusals(t *testing.T) {
	o := newKeyOffice(t, func(opts *vault.Options) { opts.Retention.Backups = 30 })
	o.retire(t, kms.CardTest)
	if next := o.keyStatus(t, kms.CardTest).Versions[0].Next; !strings.HasPrefix(next, "keys destroy, from ") {
		t.Errorf("next is %q", next)
	}
	if _, err := o.RotateKey(t.Context(), o.Operator, vault.RotateRequest{Key: kms.CardTest, Reason: "yearly"}); err != nil {
		t.Fatal(err)
	}
	o.keyStatus(t, kms.CardLive)
	for _, tt := range []struct {
		name    string
		advance time.Duration
		caller  vault.Caller
		key     kms.Key
		version uint32
		reason  string
		want    vault.Code // "": asked for
		says    string
	}{
		{"a merchant", 0, o.Caller(t, o.merchant, policy.Secret, true), kms.CardTest, 1, "x", vault.Unauthenticated, ""},
		{"nobody", 0, vault.Caller{}, kms.CardTest, 1, "x", vault.Unauthenticated, ""},
		{"no such key", 0, o.Operator, "card-other", 1, "x", vault.BadRequest, "card-live"},
		{"no reason", 0, o.Operator, kms.CardTest, 1, "", vault.BadRequest, "reason"},
		{"no version", 0, o.Operator, kms.CardTest, 0, "x", vault.BadRequest, "no such version"},
		{"a version to come", 0, o.Operator, kms.CardTest, 4, "x", vault.BadRequest, "no such version"},
		{"the newest", 0, o.Operator, kms.CardTest, 3, "x", vault.Conflict, "version 2 is decrypt-only, not retired; version 3 is active, not retired"},
		{"the only one", 0, o.Operator, kms.CardLive, 1, "x", vault.Conflict, "version 1 is active, not retired"},
		{"not retired", 0, o.Operator, kms.CardTest, 2, "x", vault.Conflict, "version 2 is decrypt-only, not retired"},
		{"retired today", 0, o.Operator, kms.CardTest, 1, "x", vault.Conflict, "retention.backup_days"},
		{"a second before", 30*24*time.Hour - time.Second, o.Operator, kms.CardTest, 1, "x", vault.Conflict, "version 1 was retired on"},
		{"backups are gone", time.Second, o.Operator, kms.CardTest, 1, "x", "", ""},
	} {
		o.clock.Advance(tt.advance)
		r, err := o.RequestDestruction(t.Context(), tt.caller, tt.key, tt.version, tt.reason)
		if codeOr(err) != tt.want || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %q with %q", tt.name, err, tt.want, tt.says)
		}
		if err == nil && (r.Action != "destroy" || r.Subject != vault.ApprovalSubject{Key: tt.key, Version: tt.version}) {
			t.Errorf("%s: asked for %+v", tt.name, r)
		}
	}
	if asked := events(t, o.Store, audit.ApprovalRequest); len(asked) != 1 {
		t.Errorf("audit has %+v, want the one request", asked)
	}
}

// TestDestructionRunRefusals: what changed since it was asked for counts too,
// and nothing that was refused reaches the KMS.
func TestDestructionRunRefusals(t *testing.T) {
	for _, tt := range []struct {
		name string
		run  func(t *testing.T, o *keyOffice) (vault.Caller, string)
		want vault.Code
		says string
	}{
		{"not approved", func(t *testing.T, o *keyOffice) (vault.Caller, string) {
			return o.Operator, o.askDestruction(t, kms.CardTest)
		}, vault.Conflict, "another operator must approve this first"},
		{"a third operator", func(t *testing.T, o *keyOffice) (vault.Caller, string) {
			return o.hire(t, "carol"), o.agreed(t, kms.CardTest)
		}, vault.Conflict, "only the operator who asked"},
		{"a merchant", func(t *testing.T, o *keyOffice) (vault.Caller, string) {
			return o.Caller(t, o.merchant, policy.Secret, true), o.agreed(t, kms.CardTest)
		}, vault.Unauthenticated, ""},
		{"too late", func(t *testing.T, o *keyOffice) (vault.Caller, string) {
			id := o.agreed(t, kms.CardTest)
			o.clock.Advance(vault.ApprovalLife)
			return o.Operator, id
		}, vault.Conflict, "older than a day"},
		{"who approved is gone", func(t *testing.T, o *keyOffice) (vault.Caller, string) {
			id := o.agreed(t, kms.CardTest)
			if _, err := o.RevokeAPIKey(t.Context(), o.Operator, o.bob.Key); err != nil {
				t.Fatal(err)
			}
			return o.Operator, id
		}, vault.Conflict, "revoked"},
		{"edited to another key", func(t *testing.T, o *keyOffice) (vault.Caller, string) {
			id := o.agreed(t, kms.CardTest)
			if _, err := rawDB(t, o.Vault).Exec("UPDATE approvals SET subject = CAST(replace(CAST(subject AS TEXT), 'card-test', 'card-live') AS BLOB)"); err != nil {
				t.Fatal(err)
			}
			return o.Operator, id
		}, vault.Internal, ""},
		{"a record that needs it", func(t *testing.T, o *keyOffice) (vault.Caller, string) {
			id := o.agreed(t, kms.CardTest)
			tokenize(t, o.Vault, o.Caller(t, o.merchant, policy.Public, false), "4242424242424242", "JOHN DOE")
			if _, err := rawDB(t, o.Vault).Exec("UPDATE cards SET kek_version = 1"); err != nil {
				t.Fatal(err)
			}
			return o.Operator, id
		}, vault.Conflict, "1 records are wrapped by it"},
		{"a server that does not know of it", func(t *testing.T, o *keyOffice) (vault.Caller, string) {
			id := o.agreed(t, kms.CardTest)
			o.fallBehind(t, "till-1")
			err := o.Store.Update(t.Context(), func(tx store.Tx) error {
				_, err := tx.BumpEpoch(t.Context())
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return o.Operator, id
		}, vault.Conflict, "till-1"},
		{"an export's approval", func(t *testing.T, o *keyOffice) (vault.Caller, string) {
			return o.Operator, o.approved(t, false)
		}, vault.NotFound, ""},
		{"absent", func(_ *testing.T, o *keyOffice) (vault.Caller, string) {
			return o.Operator, "appr_000000000000000000000000"
		}, vault.NotFound, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := newKeyOffice(t, nil)
			o.retire(t, kms.CardTest)
			caller, id := tt.run(t, o)
			_, err := o.DestroyKey(t.Context(), caller, id)
			if codeOr(err) != tt.want || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, want %q with %q", err, tt.want, tt.says)
			}
			o.wantKept(t)
		})
	}
}

// fallBehind leaves a server in the store that says nothing any more.
func (o *keyOffice) fallBehind(t *testing.T, name string) {
	t.Helper()
	server, err := vault.New(t.Context(), vault.Options{Store: o.Store, KMS: o.KMS, Clock: o.clock.Now, Serve: true, Node: name})
	if err != nil {
		t.Fatal(err)
	}
	for range 500 {
		nodes, err := o.Nodes(t.Context(), o.Operator)
		if err != nil {
			t.Fatal(err)
		}
		if len(nodes) == 1 && nodes[0].Current {
			db := rawDB(t, o.Vault)
			if _, err := db.Exec("CREATE TABLE saved AS SELECT * FROM nodes"); err != nil {
				t.Fatal(err)
			}
			server.Close(context.Background()) // it says goodbye, which is undone
			if _, err := db.Exec("DELETE FROM nodes; INSERT INTO nodes SELECT * FROM saved"); err != nil {
				t.Fatal(err)
			}
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the server does not show")
}

// wantKept checks that nothing was destroyed.
func (o *keyOffice) wantKept(t *testing.T) {
	t.Helper()
	if got := o.available(t, kms.CardTest); got != 1 {
		t.Errorf("the KMS has versions from %d, want 1", got)
	}
	if v := o.keyStatus(t, kms.CardTest).Versions[0]; v.State != store.KeyRetired || !v.DestroyedAt.IsZero() {
		t.Errorf("the ledger has %+v", v)
	}
	if destroys := events(t, o.Store, audit.KeyDestroy); len(destroys) != 0 {
		t.Errorf("audit has %+v", destroys)
	}
}

// TestDestructionOfLiveKeysNeedsOldOperators: a second key that was made today
// destroys no live card, and not what finds and proves them.
func TestDestructionOfLiveKeysNeedsOldOperators(t *testing.T) {
	for key, want := range map[kms.Key]vault.Code{kms.CardLive: vault.Conflict, kms.Work: vault.Conflict, kms.CardTest: ""} {
		o := newKeyOffice(t, func(opts *vault.Options) { opts.KeyAge = 0 }) // the default
		o.retire(t, key)
		if _, err := o.GrantApproval(t.Context(), o.bob, o.askDestruction(t, key)); codeOr(err) != want || err != nil && !strings.Contains(err.Error(), "younger than 24h") {
			t.Errorf("%s, young keys: %v, want %q", key, err, want)
		}
		o.clock.Advance(vault.DefaultKeyAge)
		if _, err := o.GrantApproval(t.Context(), o.bob, o.askDestruction(t, key)); err != nil {
			t.Errorf("%s, old keys: %v", key, err)
		}
	}
}
