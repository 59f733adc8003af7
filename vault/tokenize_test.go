package vault_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/vaulttest"
)

func TestTokenize(t *testing.T) {
	v := vaulttest.New(t, nil)
	caller := v.Caller(t, v.Merchant(t, vault.MerchantSettings{}), policy.Public, false)
	token := tokenize(t, v, caller, "4242424242424242", "SOMCHAI PRASERT")
	again, err := v.Token(t.Context(), caller, token.ID)
	if err != nil {
		t.Fatal(err)
	}
	if again.ID != token.ID || again.Used || again.ChargeStatus != "unknown" || again.Live {
		t.Errorf("token reads back as %+v", again)
	}
	got := *again.Card
	if got.Brand != "Visa" || got.LastDigits != "4242" || got.FirstDigits != "" || got.Expiry != (card.Expiry{Month: 12, Year: 2040}) ||
		got.Profile.Holder.Name != "SOMCHAI PRASERT" || got.Profile.Holder.City != "Bangkok" || len(got.Fingerprint) != 32 {
		t.Errorf("card reads back as %v %v %v %v", got.Brand, got.LastDigits, got.FirstDigits, got.Expiry)
	}
	if token.ID[len("tokn_test_"):] != got.ID[len("card_test_"):] {
		t.Errorf("token %s and card %s do not share their suffix", token.ID, got.ID)
	}
	events := events(t, v.Store, audit.TokenCreate)
	if len(events) != 1 || events[0].Object != token.ID || events[0].Actor.ID != caller.Key || events[0].Mode != "test" {
		t.Errorf("audit has %+v, want one token.create of %s", events, token.ID)
	}
}

// events decodes the audit records of one type.
func events(t testing.TB, s store.Store, of audit.Type) []audit.Record {
	t.Helper()
	var rows []store.Event
	err := s.View(t.Context(), func(r store.Reader) error {
		for after, more := "", true; more; {
			page, err := r.Events(t.Context(), after, 1000)
			if err != nil {
				return err
			}
			if more = len(page) == 1000; more {
				after = page[len(page)-1].ID
			}
			rows = append(rows, page...)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var out []audit.Record
	for _, row := range rows {
		record, err := audit.Decode(row.Body)
		if err != nil {
			t.Fatalf("record %s: %v", row.ID, err)
		}
		if record.Type == of {
			out = append(out, record)
		}
	}
	return out
}

func TestFingerprintIsOfTheNumberAndTheMerchant(t *testing.T) {
	v := vaulttest.New(t, nil)
	a, b := v.Merchant(t, vault.MerchantSettings{}), v.Merchant(t, vault.MerchantSettings{})
	test, live, other := v.Caller(t, a, policy.Public, false), v.Caller(t, a, policy.Public, true), v.Caller(t, b, policy.Public, false)
	print := func(c vault.Caller, number, name string) []byte {
		return tokenize(t, v, c, number, name).Card.Fingerprint
	}
	first := print(test, "4242424242424242", "ONE")
	if again := print(test, "4242424242424242", "TWO"); !bytes.Equal(first, again) {
		t.Error("the same number of one merchant has two fingerprints")
	}
	for name, got := range map[string][]byte{
		"another number":   print(test, "5555555555554444", "ONE"),
		"another mode":     print(live, "4242424242424242", "ONE"),
		"another merchant": print(other, "4242424242424242", "ONE"),
	} {
		if bytes.Equal(first, got) {
			t.Errorf("%s has the same fingerprint", name)
		}
	}
}

func TestMerchantSettings(t *testing.T) {
	v := vaulttest.New(t, nil)
	merchant := v.Merchant(t, vault.MerchantSettings{ShowFirstDigits: true, HideFingerprint: true})
	token := tokenize(t, v, v.Caller(t, merchant, policy.Public, false), "4242424242424242", "ONE")
	if token.Card.FirstDigits != "424242" || token.Card.Fingerprint != nil {
		t.Errorf("first digits %q and fingerprint %x, want 424242 and none", token.Card.FirstDigits, token.Card.Fingerprint)
	}
}

func TestTokenizeRefuses(t *testing.T) {
	v := vaulttest.New(t, func(o *vault.Options) { o.AllowExpired = true })
	merchant := v.Merchant(t, vault.MerchantSettings{})
	test, live := v.Caller(t, merchant, policy.Public, false), v.Caller(t, merchant, policy.Public, true)
	expired := request("4242424242424242", "ONE")
	expired.Card.ExpirationYear = []byte("2020")
	if _, err := v.Tokenize(t.Context(), test, expired); err != nil {
		t.Errorf("an expired card in test mode, allowed: %v", err)
	}
	_, err := v.Tokenize(t.Context(), live, expired)
	var e *vault.Error
	if !errors.As(err, &e) || e.Code != vault.InvalidCard || !slices.Equal(e.Problems, card.Problems{card.DatePast}) {
		t.Errorf("an expired card in live mode: %v, want invalid card", err)
	}
	for _, kind := range []policy.Kind{policy.Secret} {
		if _, err := v.Tokenize(t.Context(), v.Caller(t, merchant, kind, false), request("4242424242424242", "ONE")); vault.CodeOf(err) != vault.Unauthenticated {
			t.Errorf("kind %s: %v, want unauthenticated", kind, err)
		}
	}
	if _, err := v.Tokenize(t.Context(), v.Operator, request("4242424242424242", "ONE")); vault.CodeOf(err) != vault.Unauthenticated {
		t.Errorf("an operator: %v, want unauthenticated", err)
	}
}

func TestRateLimit(t *testing.T) {
	clock := vaulttest.NewClock()
	v := vaulttest.New(t, func(o *vault.Options) {
		o.Clock = clock.Now
		o.Limits.PerAddress = policy.Limit{Rate: 0.5, Burst: 3}
	})
	merchant := v.Merchant(t, vault.MerchantSettings{})
	one, two := v.Caller(t, merchant, policy.Public, false), v.Caller(t, merchant, policy.Public, false)
	for range 3 {
		tokenize(t, v, one, "4242424242424242", "ONE")
	}
	// The limit is the address's: another key does not help.
	_, err := v.Tokenize(t.Context(), two, request("4242424242424242", "ONE"))
	var e *vault.Error
	if !errors.As(err, &e) || e.Code != vault.RateLimited || e.RetryAfter != 2*time.Second {
		t.Fatalf("the fourth in a burst of three: %v, want rate limited for 2 s", err)
	}
	two.Origin.IP = "192.0.2.2"
	tokenize(t, v, two, "4242424242424242", "ONE")
	clock.Advance(2 * time.Second)
	tokenize(t, v, one, "4242424242424242", "ONE")
}

// failingLog is a store whose audit log cannot be written.
type failingLog struct {
	store.Store
	err error
}

type failingTx struct {
	store.Tx
	err error
}

func (f failingTx) AppendEvent(context.Context, *store.Event) error { return f.err }

func (f failingLog) Update(ctx context.Context, fn func(store.Tx) error) error {
	return f.Store.Update(ctx, func(tx store.Tx) error { return fn(failingTx{tx, f.err}) })
}

// TestNoRecordNoEffect: invariant 2.
func TestNoRecordNoEffect(t *testing.T) {
	good := vaulttest.New(t, nil)
	caller := good.Caller(t, good.Merchant(t, vault.MerchantSettings{}), policy.Public, false)
	broken, err := vault.New(t.Context(), vault.Options{
		Store: failingLog{good.Store, store.ErrFull}, KMS: good.KMS, Intake: true, PoolSize: 8,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer broken.Close(t.Context())
	before := rowCounts(t, good)
	for name, do := range map[string]func() error{
		"tokenize": func() error {
			_, err := broken.Tokenize(t.Context(), caller, request("4242424242424242", "ONE"))
			return err
		},
		"create merchant": func() error {
			_, err := broken.CreateMerchant(t.Context(), good.Operator, vault.MerchantSettings{Name: "X"})
			return err
		},
		"disable merchant": func() error {
			_, err := broken.SetMerchantDisabled(t.Context(), good.Operator, caller.Merchant, true)
			return err
		},
		"create key": func() error {
			_, _, err := broken.CreateAPIKey(t.Context(), good.Operator, vault.NewAPIKey{Merchant: caller.Merchant, Kind: policy.Secret})
			return err
		},
		"revoke key": func() error {
			_, err := broken.RevokeAPIKey(t.Context(), good.Operator, caller.Key)
			return err
		},
		"record the start": func() error { return broken.RecordStart(t.Context(), nil) },
	} {
		if err := do(); vault.CodeOf(err) != vault.Unavailable || err == nil {
			t.Errorf("%s without an audit log: %v, want unavailable", name, err)
		}
	}
	if after := rowCounts(t, good); !slices.Equal(before, after) {
		t.Errorf("rows before %v and after %v: something was written without its record", before, after)
	}
	keys, err := good.APIKeys(t.Context(), good.Operator, caller.Merchant)
	if err != nil || len(keys) != 1 || !keys[0].RevokedAt.IsZero() {
		t.Errorf("keys are %+v (%v); the revocation took effect without its record", keys, err)
	}
	m, err := good.Merchants(t.Context(), good.Operator)
	if err != nil || !m[0].DisabledAt.IsZero() {
		t.Errorf("merchants are %+v (%v); one was disabled without its record", m, err)
	}
}

func TestTokenizeConcurrently(t *testing.T) {
	v := vaulttest.New(t, nil)
	caller := v.Caller(t, v.Merchant(t, vault.MerchantSettings{}), policy.Public, false)
	const clients, each = 16, 20
	var mu sync.Mutex
	seen := make(map[string]bool)
	prints := make(map[string]bool)
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for range each {
				token, err := v.Tokenize(t.Context(), caller, request("4242424242424242", "ONE"))
				if err != nil {
					t.Errorf("tokenize: %v", err)
					return
				}
				mu.Lock()
				seen[token.ID] = true
				prints[string(token.Card.Fingerprint)] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(seen) != clients*each || len(prints) != 1 {
		t.Errorf("%d tokens and %d fingerprints, want %d and 1", len(seen), len(prints), clients*each)
	}
}

// TestEveryCardHasItsOwnKey: invariant 3, read from the rows.
func TestEveryCardHasItsOwnKey(t *testing.T) {
	w := newWorld(t)
	var seen [][]byte
	for _, rowid := range w.rowids(t, "cards", "") {
		wrapped := w.cell(t, "cards", "wrapped_dek", rowid).([]byte)
		for _, other := range seen {
			if bytes.Equal(other, wrapped) {
				t.Error("two cards share a wrapped data key")
			}
		}
		seen = append(seen, wrapped)
	}
}
