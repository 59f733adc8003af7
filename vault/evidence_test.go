package vault_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/audit"
)

// newEvidence is a shop with a thief's connection.
func newEvidence(t *testing.T, change func(*vault.Options)) (*shop, *world) {
	t.Helper()
	registry := prometheus.NewRegistry()
	s := newShopWith(t, func(o *vault.Options) {
		o.Metrics = registry
		if change != nil {
			change(o)
		}
	})
	return s, &world{Vault: s.Vault, db: rawDB(t, s.Vault), registry: registry}
}

// TestSweepLeavesEvidence: edited rows are left as they are, recorded once, and
// keep no other row from being destroyed, wherever and however many they are.
func TestSweepLeavesEvidence(t *testing.T) {
	for _, tt := range []struct{ good, edited, last int }{{3, 150, 3}, {0, 1, 0}, {99, 1, 1}, {100, 1, 100}, {1, 2, 250}} {
		what := fmt.Sprint(tt)
		s, w := newEvidence(t, nil)
		ids := s.tokens(t, tt.good)
		s.clock.Advance(time.Second)
		edited := s.tokens(t, tt.edited)
		s.clock.Advance(time.Second)
		ids = append(ids, s.tokens(t, tt.last)...)
		for _, id := range edited {
			if _, err := w.db.Exec("UPDATE cards SET charge_status = 'paid' WHERE id = ?", id[len("tokn_test_"):]); err != nil {
				t.Fatal(err)
			}
		}
		s.clock.Advance(time.Hour)
		s.sweep(t, what, len(ids))
		s.destroyedOnce(t, ids)
		s.wantRecorded(t, edited)
		if count := w.tamperCount(t); count != float64(tt.edited) {
			t.Errorf("%s: %v rows counted as edited, want %d", what, count, tt.edited)
		}
		if r := s.report(t); r.Past() != tt.edited || r.LapsedTokens != tt.edited || r.Due != tt.edited {
			t.Errorf("%s: %+v, want %d past retention", what, r, tt.edited)
		}
		s.sweep(t, what+", again", 0)
		if got := w.tamperEvents(t); got != tt.edited {
			t.Errorf("%s: %d rows recorded after the second sweep, want %d", what, got, tt.edited)
		}
		var left int
		if err := w.db.QueryRow("SELECT count(*) FROM cards WHERE deleted_at = 0 AND wrapped_dek IS NOT NULL AND charge_status = 'paid'").Scan(&left); err != nil || left != tt.edited {
			t.Errorf("%s: %d edited rows are as they were (%v), want %d", what, left, err, tt.edited)
		}
	}
}

// TestSweepTakesWhatIsRestored: a row that is as it was is swept like any other,
// without a restart.
func TestSweepTakesWhatIsRestored(t *testing.T) {
	s, w := newEvidence(t, nil)
	ids := s.tokens(t, 2)
	edit := func(status string) {
		t.Helper()
		if _, err := w.db.Exec("UPDATE cards SET charge_status = ? WHERE id = ?", status, ids[0][len("tokn_test_"):]); err != nil {
			t.Fatal(err)
		}
	}
	edit("paid")
	s.clock.Advance(time.Hour)
	s.sweep(t, "edited", 1)
	s.clock.Advance(2 * time.Minute)
	s.sweep(t, "still edited", 0)
	edit("unknown")
	s.clock.Advance(2 * time.Minute)
	s.sweep(t, "restored", 1)
	if got := w.tamperEvents(t); got != 1 {
		t.Errorf("%d records of tampering, want 1", got)
	}
	if r := s.report(t); r.Past() != 0 {
		t.Errorf("%d past retention, want 0", r.Past())
	}
}

// wantRecorded wants one record.tampered for each token's card.
func (s *shop) wantRecorded(t *testing.T, tokens []string) {
	t.Helper()
	var got, want []string
	for _, e := range events(t, s.Store, audit.RecordTampered) {
		got = append(got, e.Object)
		if e.Actor.ID != "panvault retention" || e.Details["what"] != "card" {
			t.Errorf("record %+v, want it of a card, by retention", e)
		}
	}
	for _, token := range tokens {
		want = append(want, cardOf(token))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d cards recorded as edited, want these %d: %v", len(got), len(want), want)
	}
}

// TestSweepLeavesRelatives: a card whose customer or fingerprint was edited is
// left too, for what belongs to it cannot be changed; others are not.
func TestSweepLeavesRelatives(t *testing.T) {
	for what, edit := range map[string]string{
		"customer":    "UPDATE customers SET created_at = created_at + 1 WHERE id = ?",
		"fingerprint": "UPDATE fingerprints SET cards = cards + 1 WHERE id = (SELECT fingerprint_id FROM cards WHERE customer = ?)",
	} {
		s, w := newEvidence(t, func(o *vault.Options) { o.Retention.AfterUse = 1 })
		edited := s.customer(t, vault.CustomerFields{Token: tokenize(t, s.Vault, s.public, "5555555555554444", "ONE").ID})
		other := s.customer(t, vault.CustomerFields{Token: s.token(t)})
		if _, err := w.db.Exec(edit, edited.ID[len("cust_test_"):]); err != nil {
			t.Fatal(err)
		}
		s.clock.Advance(48 * time.Hour)
		s.sweep(t, what, 1)
		s.sweep(t, what+", again", 0)
		if got := s.states(t, edited.DefaultCard, other.DefaultCard); got[0] != vault.StateStored || got[1] != vault.StateDestroyed {
			t.Errorf("%s: states %v, want the first as it was and the second destroyed", what, got)
		}
		if got := events(t, s.Store, audit.RecordTampered); len(got) != 1 || got[0].Details["what"] != what {
			t.Errorf("%s: audit has %+v, want one", what, got)
		}
		if r := s.report(t); r.Past() != 1 || r.UnusedCards != 1 {
			t.Errorf("%s: %+v, want one past retention", what, r)
		}
	}
}

var errKilled = errors.New("killed")

// killed is a store whose transactions end at the n-th write, as those of a
// process that is killed there do; 0 lets all pass.
type killed struct {
	store.Store
	at atomic.Int64
}

type killedTx struct {
	store.Tx
	left *int64
}

func (k *killed) Update(ctx context.Context, fn func(store.Tx) error) error {
	left := k.at.Load()
	if left == 0 {
		return k.Store.Update(ctx, fn)
	}
	return k.Store.Update(ctx, func(tx store.Tx) error { return fn(killedTx{tx, &left}) })
}

func (k killedTx) write() error {
	if *k.left--; *k.left <= 0 {
		return errKilled
	}
	return nil
}

func (k killedTx) AppendEvent(ctx context.Context, e *store.Event) error {
	return errors.Join(k.Tx.AppendEvent(ctx, e), k.write())
}

func (k killedTx) UpdateCard(ctx context.Context, c *store.Card, was []byte) error {
	return errors.Join(k.Tx.UpdateCard(ctx, c, was), k.write())
}

func (k killedTx) UpdateCustomer(ctx context.Context, c *store.Customer, was []byte) error {
	return errors.Join(k.Tx.UpdateCustomer(ctx, c, was), k.write())
}

func (k killedTx) UpdateFingerprint(ctx context.Context, f *store.Fingerprint, mac, was []byte) error {
	return errors.Join(k.Tx.UpdateFingerprint(ctx, f, mac, was), k.write())
}

func (k killedTx) DeleteFingerprint(ctx context.Context, mac, was []byte) error {
	return errors.Join(k.Tx.DeleteFingerprint(ctx, mac, was), k.write())
}

// contents is every row of the tables that destruction changes.
func (w *world) contents(t *testing.T) string {
	t.Helper()
	out := ""
	for _, table := range []string{"cards", "customers", "fingerprints", "events"} {
		columns := w.columns(t, table)
		for _, rowid := range w.rowids(t, table, "") {
			for _, column := range columns {
				out += fmt.Sprintf("%s.%s=%v\n", table, column, w.cell(t, table, column, rowid))
			}
		}
	}
	return out
}

// TestDestructionIsWhole: whichever write a sweep or a deletion is killed at,
// nothing of it has happened; the next one does it all.
func TestDestructionIsWhole(t *testing.T) {
	for what, destroy := range map[string]func(s *shop, customer, card string) error{
		"sweep": func(s *shop, _, _ string) error { _, err := s.Sweep(t.Context()); return err },
		"delete card": func(s *shop, customer, card string) error {
			return second(s.DeleteCard(t.Context(), s.secret, customer, card))
		},
		"delete customer": func(s *shop, customer, _ string) error {
			return second(s.DeleteCustomer(t.Context(), s.secret, customer))
		},
	} {
		db := &killed{}
		s, w := newEvidence(t, func(o *vault.Options) { db.Store, o.Store, o.Retention.AfterUse = o.Store, db, 1 })
		c := s.customer(t, vault.CustomerFields{Token: s.token(t)})
		s.attach(t, c.ID, tokenize(t, s.Vault, s.public, "5555555555554444", "ONE").ID)
		s.clock.Advance(48 * time.Hour)
		before := w.contents(t)
		for at := int64(1); ; at++ {
			db.at.Store(at)
			err := destroy(s, c.ID, c.DefaultCard)
			db.at.Store(0)
			if err == nil {
				if at < 4 {
					t.Errorf("%s has %d writes only; the test is too weak", what, at-1)
				}
				break
			}
			if !errors.Is(err, errKilled) {
				t.Fatalf("%s killed at write %d: %v", what, at, err)
			}
			if w.contents(t) != before {
				t.Fatalf("%s killed at write %d left something", what, at)
			}
		}
		if s.record(t, c.DefaultCard).State != vault.StateDestroyed {
			t.Errorf("%s: the card is %s", what, s.record(t, c.DefaultCard).State)
		}
	}
}
