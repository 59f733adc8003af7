package vault_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/audit"
)

// secretColumns are the cells that must not outlive what they belong to.
var secretColumns = []struct{ table, column string }{
	{"cards", "wrapped_dek"}, {"cards", "sealed_pan"}, {"cards", "sealed_profile"}, {"customers", "sealed"},
	{"idempotency", "answer"}, {"idempotency", "request"}, {"idempotency", "id"}, {"fingerprints", "mac"}, {"fingerprints", "surrogate"},
}

// secretCells reads all of them, by where they stand.
func (w *world) secretCells(t *testing.T) map[string][]byte {
	t.Helper()
	out := make(map[string][]byte)
	for _, c := range secretColumns {
		rows, err := w.db.Query("SELECT rowid, " + c.column + " FROM " + c.table + " WHERE " + c.column + " IS NOT NULL")
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var rowid int64
			var value []byte
			if err := rows.Scan(&rowid, &value); err != nil {
				t.Fatal(err)
			}
			out[fmt.Sprintf("%s.%s of row %d", c.table, c.column, rowid)] = value
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// traces returns how many of the values left any eight bytes, at a multiple of
// eight, in the files of the database, and one of them. The store must be at
// rest: reading its files drops its locks.
func traces(t *testing.T, path string, values map[string][]byte) (n int, example string) {
	t.Helper()
	parts := make(map[uint64]string)
	for name, value := range values {
		for ; len(value) >= 8; value = value[8:] {
			part := binary.BigEndian.Uint64(value)
			if _, ok := parts[part]; ok {
				parts[part] = "" // what all values of a kind begin with tells nothing
				continue
			}
			parts[part] = name
		}
	}
	found := make(map[string]bool)
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) == 0 {
		t.Fatalf("database files: %v (%v)", files, err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for ; len(content) >= 8; content = content[1:] {
			if name := parts[binary.BigEndian.Uint64(content)]; name != "" {
				found[name], example = true, name+" in "+filepath.Base(file)
			}
		}
	}
	return len(found), example
}

// full is a vault of many cards, customers, fingerprints and answers, so many
// that the trees of their tables are rebalanced while they are filled and
// emptied. Its own service is closed before the files are read.
type full struct {
	*shop
	w         *world
	svc       *vault.Service
	customers []vault.Customer
}

const customers = 120

func fill(t *testing.T) *full {
	t.Helper()
	f := &full{shop: newShop(t)}
	var err error
	if f.svc, err = vault.New(t.Context(), vault.Options{
		Store: f.Store, KMS: f.KMS, Intake: true, PoolSize: 64, Clock: f.clock.Now, Retention: vault.Retention{AfterUse: 10, Backups: 7},
	}); err != nil {
		t.Fatal(err)
	}
	v := *f.Vault
	v.Service = f.svc
	f.shop = &shop{&v, f.public, f.secret, f.clock}
	var tokens []string
	for i := range 3 * customers {
		f.clock.Advance(time.Millisecond)
		tokens = append(tokens, tokenize(t, f.Vault, f.public, visa(i), fmt.Sprintf("HOLDER %d", i)).ID)
	}
	for i := range customers { // here and there: rows grow in the midst of full pages
		in := vault.CustomerFields{Token: tokens[3*(i*77%customers)], Email: fmt.Appendf(nil, "c%d@example.com", i)}
		f.customers = append(f.customers, f.remembered(t, fmt.Sprint("key ", i), in))
	}
	for i := range customers {
		c := f.customers[i*77%customers]
		f.attach(t, c.ID, tokens[3*i+1])
		long := bytes.Repeat([]byte("x"), i%250)
		if _, err := f.UpdateCustomer(t.Context(), f.secret, c.ID, vault.CustomerFields{Description: long}); err != nil {
			t.Fatal(err)
		}
		if _, err := f.UpdateCard(t.Context(), f.secret, c.ID, c.DefaultCard, vault.CardFields{City: long, PostalCode: []byte("10320")}); err != nil {
			t.Fatal(err)
		}
	}
	f.w = &world{Vault: f.Vault, db: rawDB(t, f.Vault)}
	return f
}

// visa is the n-th of some numbers that pass Luhn.
func visa(n int) string {
	digits := fmt.Appendf(nil, "4242%011d", n*7919)
	sum := 0
	for i, d := range digits {
		v := int(d - '0')
		if i%2 == 0 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return string(digits) + fmt.Sprint((10-sum%10)%10)
}

// TestDestroyedBytesAreGone: whatever destroys, once the service is closed the
// files hold no part of what was sealed, wrapped or hashed; what was kept is
// there.
func TestDestroyedBytesAreGone(t *testing.T) {
	for what, destroy := range map[string]func(f *full) error{
		"cards": func(f *full) error {
			for i, c := range f.customers {
				if i%3 == 0 {
					continue
				}
				if _, err := f.DeleteCard(t.Context(), f.secret, c.ID, c.DefaultCard); err != nil {
					return err
				}
			}
			return nil
		},
		"customers": func(f *full) error {
			for i, c := range f.customers {
				if i%3 == 0 {
					continue
				}
				if _, err := f.DeleteCustomer(t.Context(), f.secret, c.ID); err != nil {
					return err
				}
			}
			return nil
		},
		"tokens": func(f *full) error {
			f.clock.Advance(time.Hour)
			return second(f.Sweep(t.Context()))
		},
		"unused cards and tokens": func(f *full) error {
			f.clock.Advance(10*24*time.Hour + time.Second)
			return second(f.Sweep(t.Context()))
		},
	} {
		t.Run(what, func(t *testing.T) {
			f := fill(t)
			before := f.w.secretCells(t)
			if err := destroy(f); err != nil {
				t.Fatal(err)
			}
			kept := f.w.secretCells(t)
			f.wantGone(t, before, kept)
		})
	}
}

// wantGone closes the service and wants nothing left of what was before and is
// not kept.
func (f *full) wantGone(t *testing.T, before, kept map[string][]byte) {
	t.Helper()
	held := make(map[string]bool)
	for _, value := range kept {
		held[string(value)] = true
	}
	gone := make(map[string][]byte)
	for name, value := range before {
		if !held[string(value)] {
			gone[name] = value
		}
	}
	if len(gone) < 100 {
		t.Fatalf("%d values were destroyed; the test is too weak", len(gone))
	}
	if err := f.w.db.Close(); err != nil { // an open reader would keep the log
		t.Fatal(err)
	}
	f.svc.Close(context.Background())
	if n, example := traces(t, f.Path, gone); n != 0 {
		t.Errorf("%d of %d destroyed values left traces, as %s", n, len(gone), example)
	}
	if n, _ := traces(t, f.Path, kept); n != len(kept) {
		t.Errorf("%d of %d values that were kept are there; the search is broken", n, len(kept))
	}
}

// TestForgottenAnswersAreGone: an answer holds names and addresses; when its day
// is over a server that does nothing else removes it from the files too.
func TestForgottenAnswersAreGone(t *testing.T) {
	f := fill(t)
	f.clock.Advance(time.Hour)
	f.sweep(t, "tokens", customers)
	before := f.w.secretCells(t)
	f.svc.Close(context.Background())
	db := &scrubs{Store: f.Store}
	var err error
	if f.svc, err = vault.New(t.Context(), vault.Options{Store: db, KMS: f.KMS, Clock: f.clock.Now, Sweep: true}); err != nil {
		t.Fatal(err)
	}
	await(t, "the first scrub", func() bool { f.clock.Advance(time.Second); return db.done.Load() > 0 })
	f.clock.Advance(24 * time.Hour)
	await(t, "the answers to be forgotten", func() bool { return len(f.w.rowids(t, "idempotency", "")) == 0 })
	f.wantGone(t, before, f.w.secretCells(t))
}

// scrubs counts.
type scrubs struct {
	store.Store
	done atomic.Int64
}

func (s *scrubs) Scrub(ctx context.Context) error {
	err := s.Store.Scrub(ctx)
	if err == nil {
		s.done.Add(1)
	}
	return err
}

// await polls until ok, for what the background does about every second.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// TestCustomerWithoutCardsIsGone: what is sealed of it goes as well.
func TestCustomerWithoutCardsIsGone(t *testing.T) {
	f := fill(t)
	f.svc.Close(context.Background())
	var err error
	if f.svc, err = vault.New(t.Context(), vault.Options{Store: f.Store, KMS: f.KMS, Clock: f.clock.Now}); err != nil {
		t.Fatal(err)
	}
	f.Service = f.svc
	var plain []vault.Customer
	for range customers {
		plain = append(plain, f.customer(t, vault.CustomerFields{Email: []byte("a@example.com")}))
	}
	before := f.w.secretCells(t)
	for _, c := range plain {
		if _, err := f.DeleteCustomer(t.Context(), f.secret, c.ID); err != nil {
			t.Fatal(err)
		}
	}
	f.wantGone(t, before, f.w.secretCells(t))
}

// TestKilledServerScrubs: a server removes what one before it, which was killed,
// has destroyed.
func TestKilledServerScrubs(t *testing.T) {
	f := fill(t)
	before := f.w.secretCells(t)
	f.clock.Advance(time.Hour)
	killed, err := vault.New(t.Context(), vault.Options{Store: unscrubbed{f.Store}, KMS: f.KMS, Clock: f.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := killed.Sweep(t.Context()); err != nil || n != customers {
		t.Fatalf("%d tokens destroyed (%v), want %d", n, err, customers)
	}
	killed.Close(context.Background())
	f.svc.Close(context.Background())
	if f.svc, err = vault.New(t.Context(), vault.Options{Store: f.Store, KMS: f.KMS, Clock: f.clock.Now, Sweep: true}); err != nil {
		t.Fatal(err)
	}
	f.wantGone(t, before, f.w.secretCells(t))
}

// unscrubbed is a store of a process that does not live to scrub it.
type unscrubbed struct{ store.Store }

func (unscrubbed) Scrub(context.Context) error { return nil }

// TestShredHorizon: the day after which no backup brings a record back is the
// same in the audit log and in what operators see.
func TestShredHorizon(t *testing.T) {
	for _, days := range []int{0, 1, 35} {
		s := newShopWith(t, func(o *vault.Options) { o.Retention = vault.Retention{Backups: days} })
		c := s.customer(t, vault.CustomerFields{Token: s.token(t)})
		dropped := s.attach(t, c.ID, s.token(t))
		lapsing := s.token(t)
		s.setClock(time.Date(2028, 2, 28, 23, 30, 0, 123456000, time.UTC))
		want := s.clock.Now().Add(time.Duration(days) * 24 * time.Hour)
		if got := s.record(t, dropped); !got.ShredHorizon.IsZero() || !got.DeletedAt.IsZero() {
			t.Errorf("a card that is kept: %+v", got)
		}
		if _, err := s.DeleteCard(t.Context(), s.secret, c.ID, dropped); err != nil {
			t.Fatal(err)
		}
		s.sweep(t, "a token", 1)
		if _, err := s.DeleteCustomer(t.Context(), s.secret, c.ID); err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{dropped, lapsing, c.DefaultCard} {
			if got := s.record(t, id); got.State != vault.StateDestroyed || !got.DeletedAt.Equal(s.clock.Now()) || !got.ShredHorizon.Equal(want) {
				t.Errorf("%d days: %s was destroyed at %s, horizon %s; want %s", days, id, got.DeletedAt, got.ShredHorizon, want)
			}
		}
		got, err := s.CustomerRecord(t.Context(), s.Operator, c.ID)
		if err != nil || got.State != vault.StateDestroyed || !got.ShredHorizon.Equal(want) || got.Cards != 0 {
			t.Errorf("%d days: customer %+v (%v), want the horizon %s", days, got, err, want)
		}
		for _, e := range append(events(t, s.Store, audit.CardDestroy), events(t, s.Store, audit.CustomerDelete)...) {
			if e.Details["shred_horizon"] != want.Format(time.RFC3339) {
				t.Errorf("%d days: %s of %s has horizon %q, want %s", days, e.Type, e.Object, e.Details["shred_horizon"], want.Format(time.RFC3339))
			}
		}
	}
}

// TestDestructionIsNotForOthers: no key of another merchant or kind destroys.
func TestDestructionIsNotForOthers(t *testing.T) {
	s := newShop(t)
	c := s.customer(t, vault.CustomerFields{Token: s.token(t)})
	for what, caller := range map[string]vault.Caller{
		"a public key": s.public, "an operator": s.Operator,
		"another merchant": s.Caller(t, s.Merchant(t, vault.MerchantSettings{}), policy.Secret, false),
	} {
		if _, err := s.DeleteCard(t.Context(), caller, c.ID, c.DefaultCard); err == nil {
			t.Errorf("%s deletes a card", what)
		}
		if _, err := s.DeleteCustomer(t.Context(), caller, c.ID); err == nil {
			t.Errorf("%s deletes a customer", what)
		}
	}
	if got := s.record(t, c.DefaultCard).State; got != vault.StateStored {
		t.Errorf("the card is %s", got)
	}
}
