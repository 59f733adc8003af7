package vault_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/envelope"
)

// prints are the stored fingerprints, in the order they were made.
func (s *shop) prints(t *testing.T) []store.Fingerprint {
	t.Helper()
	w := &world{Vault: s.Vault, db: rawDB(t, s.Vault)}
	var out []store.Fingerprint
	for _, rowid := range w.rowids(t, "fingerprints", "") {
		mac := w.cell(t, "fingerprints", "mac", rowid).([]byte)
		err := s.Store.View(t.Context(), func(r store.Reader) error {
			row, err := r.Fingerprint(t.Context(), mac)
			out = append(out, row)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// wantPrint wants one fingerprint that counts n cards, none if n is 0.
func (s *shop) wantPrint(t *testing.T, what string, n int64, surrogate []byte) {
	t.Helper()
	got := s.prints(t)
	switch {
	case n == 0:
		if len(got) != 0 {
			t.Errorf("%s: %d fingerprints are left", what, len(got))
		}
	case len(got) != 1 || got[0].Cards != n || !bytes.Equal(got[0].Surrogate, surrogate):
		t.Errorf("%s: %+v, want one fingerprint of %d cards with the surrogate of before", what, got, n)
	}
}

// again makes another token of the shop's number and wants its fingerprint to be
// the surrogate.
func (s *shop) again(t *testing.T, surrogate []byte) string {
	t.Helper()
	token := tokenize(t, s.Vault, s.public, "4242424242424242", "AGAIN")
	if !bytes.Equal(token.Card.Fingerprint, surrogate) {
		t.Error("the same number has another fingerprint while a card of it is kept")
	}
	return token.ID
}

// TestFingerprintGoesWithTheLastCard: in every way a card can be destroyed the
// keyed hash of its number stays as long as another card has it, and no longer.
func TestFingerprintGoesWithTheLastCard(t *testing.T) {
	for what, destroy := range map[string]func(s *shop, customer string, cards []string, i int) error{
		"by request": func(s *shop, customer string, cards []string, i int) error {
			_, err := s.DeleteCard(t.Context(), s.secret, customer, cards[i])
			return err
		},
		"by retention": func(s *shop, _ string, _ []string, _ int) error {
			s.clock.Advance(24 * time.Hour) // they were used a day apart
			_, err := s.Sweep(t.Context())
			return err
		},
	} {
		s := newShopWith(t, func(o *vault.Options) { o.Retention.AfterUse = 10 })
		first := tokenize(t, s.Vault, s.public, "4242424242424242", "ONE")
		surrogate := first.Card.Fingerprint
		c := s.customer(t, vault.CustomerFields{Token: first.ID})
		cards := []string{c.DefaultCard}
		for range 2 {
			s.clock.Advance(24 * time.Hour)
			cards = append(cards, s.attach(t, c.ID, s.again(t, surrogate)))
		}
		s.clock.Advance(8*24*time.Hour - time.Minute)
		s.wantPrint(t, what+", at first", 3, surrogate)
		if what == "by retention" {
			s.clock.Advance(-24*time.Hour + 2*time.Minute) // so that each day ends one more
		}
		for i := range cards {
			if err := destroy(s, c.ID, cards, i); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			s.wantPrint(t, fmt.Sprintf("%s, after %d of 3", what, i+1), int64(2-i), surrogate)
		}
		if token := tokenize(t, s.Vault, s.public, "4242424242424242", "NEW"); bytes.Equal(token.Card.Fingerprint, surrogate) {
			t.Errorf("%s: a card after the last one has the fingerprint of before", what)
		}
	}
}

// TestFingerprintOfTokens: the same for tokens that lapse, and for cards that go
// with their customer.
func TestFingerprintOfTokens(t *testing.T) {
	s := newShop(t)
	first := tokenize(t, s.Vault, s.public, "4242424242424242", "ONE")
	surrogate := first.Card.Fingerprint
	c := s.customer(t, vault.CustomerFields{Token: first.ID})
	s.attach(t, c.ID, s.again(t, surrogate))
	s.again(t, surrogate) // lapses
	s.clock.Advance(20 * time.Minute)
	s.again(t, surrogate) // lapses later
	s.wantPrint(t, "at first", 4, surrogate)
	s.clock.Advance(10 * time.Minute)
	s.sweep(t, "the first token", 1)
	s.wantPrint(t, "after the first lapse", 3, surrogate)
	if _, err := s.DeleteCustomer(t.Context(), s.secret, c.ID); err != nil {
		t.Fatal(err)
	}
	s.wantPrint(t, "after the customer", 1, surrogate)
	s.clock.Advance(20 * time.Minute)
	s.sweep(t, "the second token", 1)
	s.wantPrint(t, "after the last lapse", 0, nil)
}

// TestFingerprintsAreApart: what one merchant or mode destroys takes nothing
// from another.
func TestFingerprintsAreApart(t *testing.T) {
	s := newShop(t)
	s.token(t)
	tokenize(t, s.Vault, s.Caller(t, s.public.Merchant, policy.Public, true), "4242424242424242", "LIVE")
	other := s.Merchant(t, vault.MerchantSettings{TokenTTL: 24 * time.Hour})
	foreign := s.Caller(t, other, policy.Public, false)
	kept := tokenize(t, s.Vault, foreign, "4242424242424242", "OTHER").Card.Fingerprint
	s.clock.Advance(time.Hour)
	s.sweep(t, "one merchant's", 2)
	s.wantPrint(t, "another merchant's", 1, kept)
}

// ring loads the vault's working keys.
func (s *shop) ring(t *testing.T) (*envelope.Keyring, []store.WorkingKey) {
	t.Helper()
	var rows []store.WorkingKey
	err := s.Store.View(t.Context(), func(r store.Reader) (err error) {
		rows, err = r.WorkingKeys(t.Context())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var keys []envelope.WrappedKey
	for _, row := range rows {
		keys = append(keys, envelope.WrappedKey{
			KeyName: envelope.KeyName{Purpose: envelope.Purpose(row.Purpose), Mode: envelope.Mode(row.Mode)},
			Version: row.Version, KEKVersion: row.KEKVersion, Wrapped: row.Wrapped,
		})
	}
	ring, err := envelope.LoadKeyring(t.Context(), s.KMS, keys)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ring.Destroy)
	return ring, rows
}

// renewed adds a second version of a working key of test mode and opens the
// vault with both.
func (s *shop) renewed(t *testing.T, purpose envelope.Purpose) *shop {
	t.Helper()
	ring, rows := s.ring(t)
	name := envelope.KeyName{Purpose: purpose, Mode: envelope.ModeTest}
	keys, err := envelope.NewWorkingKeys(t.Context(), s.KMS, rand.Reader, []envelope.KeyName{name}, 2)
	if err != nil {
		t.Fatal(err)
	}
	row := store.WorkingKey{
		Purpose: string(purpose), Mode: string(name.Mode), Version: 2, State: rows[0].State,
		KEKVersion: keys[0].KEKVersion, Wrapped: keys[0].Wrapped, CreatedAt: s.clock.Now().UnixMicro(),
	}
	if row.Tag, err = ring.Tag(envelope.ModeAll, vault.WorkingKeyRow(&row)); err != nil {
		t.Fatal(err)
	}
	if err := s.Store.Update(t.Context(), func(tx store.Tx) error { return tx.InsertWorkingKey(t.Context(), &row) }); err != nil {
		t.Fatal(err)
	}
	v := *s.Vault
	if v.Service, err = vault.New(t.Context(), vault.Options{Store: s.Store, KMS: s.KMS, Intake: true, PoolSize: 32, Clock: s.clock.Now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Service.Close(context.Background()) })
	return &shop{&v, s.public, s.secret, s.clock}
}

// TestFingerprintUnderAnOlderKey: a hash of before the key's renewal is found,
// moved to the new key with its count and surrogate, and goes with the last card.
func TestFingerprintUnderAnOlderKey(t *testing.T) {
	s := newShop(t)
	first := tokenize(t, s.Vault, s.public, "4242424242424242", "ONE")
	surrogate := first.Card.Fingerprint
	s.again(t, surrogate)
	old := s.prints(t)[0]
	s = s.renewed(t, envelope.PurposeFingerprint)
	c := s.customer(t, vault.CustomerFields{Token: first.ID})
	s.wantPrint(t, "before it is seen again", 2, surrogate)
	s.again(t, surrogate)
	s.wantPrint(t, "once it is seen again", 3, surrogate)
	if got := s.prints(t)[0]; got.KeyVersion != 2 || bytes.Equal(got.MAC, old.MAC) || got.ID != old.ID {
		t.Errorf("the hash is of version %d and row %s, want version 2 of row %s", got.KeyVersion, got.ID, old.ID)
	}
	s.clock.Advance(time.Hour)
	s.sweep(t, "two tokens", 2)
	s.wantPrint(t, "after the tokens", 1, surrogate)
	if _, err := s.DeleteCard(t.Context(), s.secret, c.ID, c.DefaultCard); err != nil {
		t.Fatal(err)
	}
	s.wantPrint(t, "after the last card", 0, nil)
}

// TestIdempotencyUnderAnOlderKey: a request of before the key's renewal is known.
func TestIdempotencyUnderAnOlderKey(t *testing.T) {
	s := newShop(t)
	s.remembered(t, "k", vault.CustomerFields{})
	s = s.renewed(t, envelope.PurposeIdempotency)
	if _, answer, err := s.Begin(t.Context(), s.secret, once("k", []byte("k"))); err != nil || answer == nil {
		t.Errorf("got %v, %v; want the answer of before", answer, err)
	}
	if _, _, err := s.Begin(t.Context(), s.secret, once("k", []byte("x"))); vault.CodeOf(err) != vault.IdempotencyConflict {
		t.Errorf("another request: %v, want a conflict", err)
	}
	s.clock.Advance(25 * time.Hour)
	if _, answer, err := s.Begin(t.Context(), s.secret, once("k", []byte("x"))); err != nil || answer != nil {
		t.Errorf("a day later: %v, %v; want a new claim", answer, err)
	}
}

// TestFingerprintOfBefore: hashes of before migration 2 count no cards and stay;
// their surrogate stays with them.
func TestFingerprintOfBefore(t *testing.T) {
	s := newShop(t)
	first := tokenize(t, s.Vault, s.public, "4242424242424242", "ONE")
	surrogate := first.Card.Fingerprint
	ring, _ := s.ring(t)
	row := s.prints(t)[0]
	row.ID, row.Cards = "", 0
	tag, err := ring.Tag(envelope.ModeTest, vault.FingerprintRow(&row))
	if err != nil {
		t.Fatal(err)
	}
	record := first.ID[len("tokn_test_"):]
	var card store.Card
	if err := s.Store.View(t.Context(), func(r store.Reader) (err error) { card, err = r.Card(t.Context(), record); return err }); err != nil {
		t.Fatal(err)
	}
	card.FingerprintID = ""
	cardTag, err := ring.Tag(envelope.ModeTest, vault.CardRow(&card))
	if err != nil {
		t.Fatal(err)
	}
	db := rawDB(t, s.Vault)
	if _, err := db.Exec("UPDATE fingerprints SET id = '', cards = 0, tag = ?", tag); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("UPDATE cards SET fingerprint_id = '', tag = ?", cardTag); err != nil {
		t.Fatal(err)
	}
	s.again(t, surrogate)
	s.clock.Advance(time.Hour)
	s.sweep(t, "cards of an old hash", 2)
	if got := s.prints(t); len(got) != 1 || got[0].ID != "" {
		t.Errorf("%+v, want the old hash as it was", got)
	}
	s.again(t, surrogate)
}

// TestFingerprintCountIsProved: neither the count nor the name of a hash can be
// edited, in the row or in the card, without its being found.
func TestFingerprintCountIsProved(t *testing.T) {
	for _, statement := range []string{
		"UPDATE fingerprints SET cards = 1", "UPDATE fingerprints SET cards = 9", "UPDATE fingerprints SET id = '', cards = 0",
		"UPDATE fingerprints SET id = '000000000000000000000000'",
	} {
		s, w := newEvidence(t, nil)
		c := s.customer(t, vault.CustomerFields{Token: s.token(t)})
		s.token(t)
		if _, err := w.db.Exec(statement); err != nil {
			t.Fatal(err)
		}
		w.wantTampered(t, statement, func() error {
			return second(s.Tokenize(t.Context(), s.public, request("4242424242424242", "MORE")))
		})
		if w.cell(t, "fingerprints", "id", 1) != w.cell(t, "cards", "fingerprint_id", 1) {
			continue // no card names it any more
		}
		w.wantTampered(t, statement, func() error { return second(s.DeleteCard(t.Context(), s.secret, c.ID, c.DefaultCard)) })
		w.wantTampered(t, statement, func() error { return second(s.DeleteCustomer(t.Context(), s.secret, c.ID)) })
	}
	s, w := newEvidence(t, nil)
	c := s.customer(t, vault.CustomerFields{Token: s.token(t)})
	if _, err := w.db.Exec("UPDATE cards SET fingerprint_id = ''"); err != nil {
		t.Fatal(err)
	}
	w.wantTampered(t, "a card without its hash", func() error { return second(s.DeleteCard(t.Context(), s.secret, c.ID, c.DefaultCard)) })
}
