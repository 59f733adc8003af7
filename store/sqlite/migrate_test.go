package sqlite

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/store/storetest"
)

// What a release of migration 1 wrote: a row or two in each table.
var firstRelease = []string{
	`INSERT INTO merchants VALUES (?m, 'Shop', 1, 2, 1, 1, 3, ?20a)`,
	`INSERT INTO api_keys VALUES (?akey, ?32a, ?m, 'secret', 1, 'shop', 'a1b2', 4, 5, 6, ?20b)`,
	`INSERT INTO cards VALUES (?c1, ?m, 1, '', 7, 8, 0, 0, 0, 'Visa', '4242', 1, 2030, ?32b, 'unknown', 1, 2, ?32c, ?32d, ?32e, ?20c)`,
	`INSERT INTO cards VALUES (?c2, ?m, 0, ?cu, 9, 0, 10, 11, 0, 'JCB', '0000', 12, 2020, ?32f, 'charged', 3, 4, ?32a, ?32b, ?32c, ?20d)`,
	`INSERT INTO cards VALUES (?c3, ?m, 1, ?cu, 12, 0, 13, 14, 15, '', '0000', 1, 1970, ?32a, '', 5, 6, NULL, NULL, NULL, ?20e)`,
	`INSERT INTO customers VALUES (?cu, ?m, 0, 16, 0, ?c2, ?32a, ?20a)`,
	`INSERT INTO fingerprints VALUES (?32a, 1, ?m, 1, ?32b, 17, ?20b)`,
	`INSERT INTO fingerprints VALUES (?32c, 2, ?m, 0, ?32d, 18, ?20c)`,
	`INSERT INTO working_keys VALUES ('profile', 'live', 1, 'active', 2, ?32a, 19, ?20a)`,
	`INSERT INTO events VALUES (?evnt, 20, 'token.create', ?32a, ?32b)`,
}

// What a release of migration 2 wrote besides, in the columns and tables that
// it brought.
var secondRelease = []string{
	`UPDATE cards SET fingerprint_id = ?c1 WHERE id = ?c1`,
	`UPDATE fingerprints SET id = ?c1, cards = 1 WHERE mac = ?32a`,
	`INSERT INTO idempotency VALUES (?32a, ?32b, ?m, 1, ?cu, 21, 22, 201, ?32c, ?20a)`,
	`INSERT INTO imports VALUES (?32a, ?impt, ?m, 1, 23, 24, 25, 26, 27, ?32b, 28, 29, ?20b)`,
	`INSERT INTO approvals VALUES (?appr, 'export', ?32a, 'audit', ?akey, 30, ?akey, 31, 32, 33, ?20c)`,
}

// What releases of migrations 3 and 4 wrote besides.
var thirdRelease = []string{
	`UPDATE cards SET payment_method = '00000000-0000-4000-8000-000000000000' WHERE id = ?c2`,
	`UPDATE merchants SET payment_mid = 'mid'`,
	`INSERT INTO cards VALUES (?c4, ?m, 1, '', 34, 0, 35, 0, 0, 'Visa', '4242', 2, 2031, ?32b, 'unknown', 1, 1, ?32c, ?32d, ?32e, ?20f, ?c1, '')`,
	`UPDATE fingerprints SET cards = 2 WHERE mac = ?32a`,
	`INSERT INTO forwards VALUES (?fwd, ?m, 1, 'charge', 'acquirer', ?c4, 1, ?chrg, ?32a, 'answered', '', 200, 1, 36, 37, 38, 0, 39, 40, ?20a)`,
	`INSERT INTO charges VALUES (?chrg, ?m, 1, ?c4, '', 'Visa', '4242', 41, 'THB', 1, 'successful', '', 'ref', '', ?32b, 42, 43, 44, ?20b)`,
}

var fourthRelease = []string{
	`INSERT INTO reveals VALUES (?rvel, ?akey, ?m, 1, ?c4, 'number', 'opened', 45, 46, ?20c)`,
}

// oldValues replaces the names of values in these, for SQL.
func oldValues() *strings.Replacer {
	var pairs []string
	for name, value := range map[string]string{"?m": oldID("mrch_", 1), "?akey": oldID("akey_", 2), "?evnt": oldID("evnt_", 3),
		"?impt": oldID("impt_", 8), "?appr": oldID("appr_", 9), "?c4": oldID("", 10), "?fwd": oldID("", 11), "?chrg": oldID("", 12),
		"?rvel": oldID("rvel_", 13),
		"?c1":   oldID("", 4), "?c2": oldID("", 5), "?c3": oldID("", 6), "?cu": oldID("", 7)} {
		pairs = append(pairs, name, "'"+value+"'")
	}
	for _, c := range "abcdef" {
		for _, n := range []int{20, 32} {
			pairs = append(pairs, fmt.Sprintf("?%d%c", n, c), fmt.Sprintf("x'%x'", oldBytes(n, byte(c))))
		}
	}
	return strings.NewReplacer(pairs...)
}

func oldID(prefix string, n int) string { return fmt.Sprintf("%s%024d", prefix, n) }

func oldBytes(n int, c byte) []byte { return bytes.Repeat([]byte{c}, n) }

// oldDatabase makes a database as the release of migration 1 left it.
func oldDatabase(t *testing.T) (path string) {
	t.Helper()
	return databaseOf(t, firstRelease)
}

// databaseOf makes a database that was used by the first releases, each of which
// wrote rows.
func databaseOf(t *testing.T, releases ...[]string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "panvault.db")
	if err := createFile(path); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open(driverName, dsn(path, writing, Options{}.withDefaults().BusyTimeout))
	if err != nil {
		t.Fatal(err)
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	values := oldValues()
	for i, rows := range releases {
		if _, err := provider.UpTo(t.Context(), int64(i+1)); err != nil {
			t.Fatal(err)
		}
		for _, query := range rows {
			if _, err := db.ExecContext(t.Context(), values.Replace(query)); err != nil {
				t.Fatalf("%s: %v", query, err)
			}
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestUpgradeFromTheFirstRelease(t *testing.T) {
	path := oldDatabase(t)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []Options{{}, {ReadOnly: true}} {
		if _, err := Open(t.Context(), path, o); !errors.Is(err, store.ErrOldSchema) {
			t.Errorf("%+v: got %v, want %v", o, err, store.ErrOldSchema)
		}
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("an old database that was refused has changed (%v)", err)
	}

	s := open(t, path, Options{Migrate: true})
	checkUpgraded(t, s)
	integrity(t, s)
	if got := pragma(t, s, "foreign_key_check"); got != "" {
		t.Errorf("foreign_key_check: %s", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, o := range []Options{{Migrate: true}, {}, {ReadOnly: true}} { // now there is nothing left to do
		s := open(t, path, o)
		checkUpgraded(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// checkUpgraded reads every row of firstRelease through the store.
func checkUpgraded(t *testing.T, s *Store) {
	t.Helper()
	m, cu := oldID("mrch_", 1), oldID("", 7)
	b32 := func(c byte) []byte { return oldBytes(32, c) }
	b20 := func(c byte) []byte { return oldBytes(20, c) }
	merchant := store.Merchant{ID: m, Name: "Shop", CreatedAt: 1, DisabledAt: 2, ShowFirstDigits: true, HideFingerprint: true,
		TokenTTL: 3, Tag: b20('a')}
	key := store.APIKey{ID: oldID("akey_", 2), Hash: b32('a'), Merchant: m, Kind: "secret", Live: true, Label: "shop", Hint: "a1b2",
		CreatedAt: 4, RevokedAt: 5, LastUsed: 6, Tag: b20('b')}
	token := store.Card{ID: oldID("", 4), Merchant: m, Live: true, CreatedAt: 7, ExpiresAt: 8, Brand: "Visa", LastDigits: "4242",
		ExpiryMonth: 1, ExpiryYear: 2030, Fingerprint: b32('b'), ChargeStatus: "unknown", KEKVersion: 1, DEKGeneration: 2,
		WrappedDEK: b32('c'), SealedPAN: b32('d'), SealedProfile: b32('e'), Tag: b20('c')}
	card := store.Card{ID: oldID("", 5), Merchant: m, Customer: cu, CreatedAt: 9, UsedAt: 10, AttachedAt: 11, Brand: "JCB",
		LastDigits: "0000", ExpiryMonth: 12, ExpiryYear: 2020, Fingerprint: b32('f'), ChargeStatus: "charged", KEKVersion: 3,
		DEKGeneration: 4, WrappedDEK: b32('a'), SealedPAN: b32('b'), SealedProfile: b32('c'), Tag: b20('d')}
	gone := store.Card{ID: oldID("", 6), Merchant: m, Live: true, Customer: cu, CreatedAt: 12, UsedAt: 13, AttachedAt: 14,
		DeletedAt: 15, LastDigits: "0000", ExpiryMonth: 1, ExpiryYear: 1970, Fingerprint: b32('a'), KEKVersion: 5,
		DEKGeneration: 6, Tag: b20('e')}
	owner := store.Customer{ID: cu, Merchant: m, CreatedAt: 16, DefaultCard: card.ID, Sealed: b32('a'), Tag: b20('a')}
	live := store.Fingerprint{MAC: b32('a'), KeyVersion: 1, Merchant: m, Live: true, Surrogate: b32('b'), CreatedAt: 17, Tag: b20('b')}
	test := store.Fingerprint{MAC: b32('c'), KeyVersion: 2, Merchant: m, Surrogate: b32('d'), CreatedAt: 18, Tag: b20('c')}
	working := store.WorkingKey{Purpose: "profile", Mode: "live", Version: 1, State: "active", KEKVersion: 2, Wrapped: b32('a'),
		CreatedAt: 19, Tag: b20('a')}
	event := store.Event{ID: oldID("evnt_", 3), At: 20, Type: "token.create", Body: b32('a'), Leaf: b32('b')}

	ctx := t.Context()
	for _, row := range []struct {
		name string
		read func(r store.Reader) (any, error)
		want any
	}{
		{"merchants", func(r store.Reader) (any, error) { return r.Merchants(ctx) }, []store.Merchant{merchant}},
		{"api keys", func(r store.Reader) (any, error) { return r.APIKeys(ctx, m) }, []store.APIKey{key}},
		{"token", func(r store.Reader) (any, error) { return r.Card(ctx, token.ID) }, token},
		{"card", func(r store.Reader) (any, error) { return r.Card(ctx, card.ID) }, card},
		{"destroyed card", func(r store.Reader) (any, error) { return r.Card(ctx, gone.ID) }, gone},
		{"customer", func(r store.Reader) (any, error) { return r.Customer(ctx, cu) }, owner},
		{"fingerprint", func(r store.Reader) (any, error) { return r.Fingerprint(ctx, live.MAC) }, live},
		{"another fingerprint", func(r store.Reader) (any, error) { return r.Fingerprint(ctx, test.MAC) }, test},
		{"working keys", func(r store.Reader) (any, error) { return r.WorkingKeys(ctx) }, []store.WorkingKey{working}},
		{"events", func(r store.Reader) (any, error) { return r.Events(ctx, "", 10) }, []store.Event{event}},
		{"lapsed tokens", func(r store.Reader) (any, error) { return r.LapsedTokens(ctx, 8, 9) }, []store.Card{token}},
		{"unused cards", func(r store.Reader) (any, error) { return r.UnusedCards(ctx, 99, 9) }, []store.Card{card}},
		{"expired cards", func(r store.Reader) (any, error) { return r.ExpiredCards(ctx, 2021, 1, 9) }, []store.Card{card}},
		{"cards found", func(r store.Reader) (any, error) { return r.FindCards(ctx, store.CardFilter{Mode: -1}, 9) }, []store.Card{card, token}},
		{"approvals", func(r store.Reader) (any, error) { return r.Approvals(ctx, 9) }, []store.Approval(nil)},
		{"reveals", func(r store.Reader) (any, error) { return r.Reveals(ctx, key.ID, 0, 9) }, []store.Reveal(nil)},
	} {
		var got any
		err := s.View(ctx, func(r store.Reader) (err error) { got, err = row.read(r); return err })
		if diff := cmp.Diff(row.want, got); err != nil || diff != "" {
			t.Errorf("%s (-want +got), error %v:\n%s", row.name, err, diff)
		}
	}
	err := s.View(ctx, func(r store.Reader) error { _, err := r.FingerprintByID(ctx, ""); return err })
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a fingerprint without an id: got %v, want %v", err, store.ErrNotFound)
	}
}

// Rows of the first release get what is new when they are next written.
func TestUpgradedRowsCanBeWritten(t *testing.T) {
	s := open(t, oldDatabase(t), Options{Migrate: true})
	defer s.Close()
	ctx, first := t.Context(), oldID("", 4)
	err := s.Update(ctx, func(tx store.Tx) error {
		c, err := tx.Card(ctx, first)
		if err != nil {
			return err
		}
		f, err := tx.Fingerprint(ctx, oldBytes(32, 'a'))
		if err != nil {
			return err
		}
		was, count := c.Tag, f.Tag
		c.FingerprintID, c.Tag = first, oldBytes(20, 'z')
		f.Cards, f.Tag = 1, oldBytes(20, 'z')
		next := storetest.Card(77)
		next.Merchant = c.Merchant
		return errors.Join(tx.UpdateCard(ctx, &c, was), tx.UpdateFingerprint(ctx, &f, f.MAC, count), tx.InsertCard(ctx, &next),
			tx.DeleteFingerprint(ctx, oldBytes(32, 'c'), oldBytes(20, 'c')))
	})
	if err != nil {
		t.Fatal(err)
	}
	err = s.View(ctx, func(r store.Reader) error {
		c, cardErr := r.Card(ctx, first)
		f, printErr := r.Fingerprint(ctx, oldBytes(32, 'a'))
		if c.FingerprintID != first || f.Cards != 1 {
			t.Errorf("got %q and %d cards, want what was written", c.FingerprintID, f.Cards)
		}
		return errors.Join(cardErr, printErr)
	})
	if err != nil {
		t.Error(err)
	}
	integrity(t, s)
}

// TestUpgradeFromTheSecondRelease: rows read as they were, and what is new is
// empty in them.
func TestUpgradeFromTheSecondRelease(t *testing.T) {
	path := databaseOf(t, firstRelease, secondRelease)
	if _, err := Open(t.Context(), path, Options{}); !errors.Is(err, store.ErrOldSchema) {
		t.Errorf("got %v, want %v", err, store.ErrOldSchema)
	}
	s := open(t, path, Options{Migrate: true})
	defer s.Close()
	ctx, m, cu := t.Context(), oldID("mrch_", 1), oldID("", 7)
	b32 := func(c byte) []byte { return oldBytes(32, c) }
	b20 := func(c byte) []byte { return oldBytes(20, c) }
	merchant := store.Merchant{ID: m, Name: "Shop", CreatedAt: 1, DisabledAt: 2, ShowFirstDigits: true, HideFingerprint: true,
		TokenTTL: 3, Tag: b20('a')}
	token := store.Card{ID: oldID("", 4), Merchant: m, Live: true, CreatedAt: 7, ExpiresAt: 8, Brand: "Visa", LastDigits: "4242",
		ExpiryMonth: 1, ExpiryYear: 2030, Fingerprint: b32('b'), ChargeStatus: "unknown", KEKVersion: 1, DEKGeneration: 2,
		WrappedDEK: b32('c'), SealedPAN: b32('d'), SealedProfile: b32('e'), Tag: b20('c'), FingerprintID: oldID("", 4)}
	fingerprint := store.Fingerprint{MAC: b32('a'), KeyVersion: 1, Merchant: m, Live: true, Surrogate: b32('b'), CreatedAt: 17,
		ID: token.ID, Cards: 1, Tag: b20('b')}
	request := store.Idempotency{ID: b32('a'), Request: b32('b'), Merchant: m, Live: true, Customer: cu, CreatedAt: 21, ExpiresAt: 22,
		Status: 201, Answer: b32('c'), Tag: b20('a')}
	imported := store.Import{Source: b32('a'), ID: oldID("impt_", 8), Merchant: m, Live: true, CreatedAt: 23, FinishedAt: 24,
		Records: 25, Cards: 26, ReadTo: 27, Prefix: b32('b'), MapSize: 28, RejectSize: 29, Tag: b20('b')}
	approval := store.Approval{ID: oldID("appr_", 9), Action: "export", Subject: b32('a'), Reason: "audit", RequestedBy: oldID("akey_", 2),
		RequestedAt: 30, GrantedBy: oldID("akey_", 2), GrantedAt: 31, ExpiresAt: 32, UsedAt: 33, Tag: b20('c')}
	all := store.Page{To: 99, Limit: 9}
	for _, row := range []struct {
		name string
		read func(r store.Reader) (any, error)
		want any
	}{
		{"merchants", func(r store.Reader) (any, error) { return r.Merchants(ctx) }, []store.Merchant{merchant}},
		{"token", func(r store.Reader) (any, error) { return r.Card(ctx, token.ID) }, token},
		{"fingerprint", func(r store.Reader) (any, error) { return r.FingerprintByID(ctx, token.ID) }, fingerprint},
		{"idempotency", func(r store.Reader) (any, error) { return r.Idempotency(ctx, request.ID) }, request},
		{"import", func(r store.Reader) (any, error) { return r.Import(ctx, imported.Source) }, imported},
		{"approvals", func(r store.Reader) (any, error) { return r.Approvals(ctx, 9) }, []store.Approval{approval}},
		{"spent cards", func(r store.Reader) (any, error) { return r.SpentCards(ctx, 99, 9) }, []store.Card(nil)},
		{"forwards", func(r store.Reader) (any, error) { return r.Forwards(ctx, "", 9) }, []store.Forward(nil)},
		{"charges", func(r store.Reader) (any, error) { return r.Charges(ctx, m, true, all) }, []store.Charge(nil)},
	} {
		var got any
		err := s.View(ctx, func(r store.Reader) (err error) { got, err = row.read(r); return err })
		if diff := cmp.Diff(row.want, got); err != nil || diff != "" {
			t.Errorf("%s (-want +got), error %v:\n%s", row.name, err, diff)
		}
	}
	const method = "00000000-0000-4000-8000-000000000000"
	err := s.Update(ctx, func(tx store.Tx) error {
		c, m := token, merchant
		c.PaymentMethod, m.PaymentMID = method, "mid"
		f := store.Forward{ID: c.ID, Merchant: m.ID, Use: "forward", Destination: "x", Card: c.ID, State: store.ForwardNotSent, Tag: b20('z')}
		return errors.Join(tx.UpdateCard(ctx, &c, token.Tag), tx.UpdateMerchant(ctx, &m), tx.InsertForward(ctx, &f))
	})
	if err != nil {
		t.Error(err)
	}
	err = s.View(ctx, func(r store.Reader) error {
		c, err := r.CardOfPaymentMethod(ctx, method)
		if c.ID != token.ID {
			t.Errorf("got card %q by its new payment method", c.ID)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	integrity(t, s)
	if got := pragma(t, s, "foreign_key_check"); got != "" {
		t.Errorf("foreign_key_check: %s", got)
	}
}

// TestUpgradeFromTheFourthRelease: rows read as they were, and are found by the
// keys that protect them. There are no changes of keys yet.
func TestUpgradeFromTheFourthRelease(t *testing.T) {
	path := databaseOf(t, firstRelease, secondRelease, thirdRelease, fourthRelease)
	if _, err := Open(t.Context(), path, Options{}); !errors.Is(err, store.ErrOldSchema) {
		t.Errorf("got %v, want %v", err, store.ErrOldSchema)
	}
	s := open(t, path, Options{Migrate: true})
	defer s.Close()
	ctx, m, cu := t.Context(), oldID("mrch_", 1), oldID("", 7)
	b32 := func(c byte) []byte { return oldBytes(32, c) }
	b20 := func(c byte) []byte { return oldBytes(20, c) }
	merchant := store.Merchant{ID: m, Name: "Shop", CreatedAt: 1, DisabledAt: 2, ShowFirstDigits: true, HideFingerprint: true,
		TokenTTL: 3, PaymentMID: "mid", Tag: b20('a')}
	first := store.Card{ID: oldID("", 4), Merchant: m, Live: true, CreatedAt: 7, ExpiresAt: 8, Brand: "Visa", LastDigits: "4242",
		ExpiryMonth: 1, ExpiryYear: 2030, Fingerprint: b32('b'), ChargeStatus: "unknown", KEKVersion: 1, DEKGeneration: 2,
		WrappedDEK: b32('c'), SealedPAN: b32('d'), SealedProfile: b32('e'), Tag: b20('c'), FingerprintID: oldID("", 4)}
	test := store.Card{ID: oldID("", 5), Merchant: m, Customer: cu, CreatedAt: 9, UsedAt: 10, AttachedAt: 11, Brand: "JCB",
		LastDigits: "0000", ExpiryMonth: 12, ExpiryYear: 2020, Fingerprint: b32('f'), ChargeStatus: "charged", KEKVersion: 3,
		DEKGeneration: 4, WrappedDEK: b32('a'), SealedPAN: b32('b'), SealedProfile: b32('c'), Tag: b20('d'),
		PaymentMethod: "00000000-0000-4000-8000-000000000000"}
	again := store.Card{ID: oldID("", 10), Merchant: m, Live: true, CreatedAt: 34, UsedAt: 35, Brand: "Visa", LastDigits: "4242",
		ExpiryMonth: 2, ExpiryYear: 2031, Fingerprint: b32('b'), ChargeStatus: "unknown", KEKVersion: 1, DEKGeneration: 1,
		WrappedDEK: b32('c'), SealedPAN: b32('d'), SealedProfile: b32('e'), Tag: b20('f'), FingerprintID: first.ID}
	fingerprint := store.Fingerprint{MAC: b32('a'), KeyVersion: 1, Merchant: m, Live: true, Surrogate: b32('b'), CreatedAt: 17,
		ID: first.ID, Cards: 2, Tag: b20('b')}
	forward := store.Forward{ID: oldID("", 11), Merchant: m, Live: true, Use: "charge", Destination: "acquirer", Card: again.ID,
		Token: true, Charge: oldID("", 12), Request: b32('a'), State: store.ForwardAnswered, Status: 200, Masked: 1, CreatedAt: 36,
		SentAt: 37, EndedAt: 38, VaultTime: 39, AnswerTime: 40, Tag: b20('a')}
	charge := store.Charge{ID: forward.Charge, Merchant: m, Live: true, Card: again.ID, Brand: "Visa", LastDigits: "4242", Amount: 41,
		Currency: "THB", Capture: true, State: store.ChargeSuccessful, Reference: "ref", Sealed: b32('b'), CreatedAt: 42, PaidAt: 43,
		ReversedAt: 44, Tag: b20('b')}
	reveal := store.Reveal{ID: oldID("rvel_", 13), APIKey: oldID("akey_", 2), Merchant: m, Live: true, Card: again.ID,
		Fields: "number", Outcome: "opened", CreatedAt: 45, CountedAt: 46, Tag: b20('c')}
	all := store.Page{To: 99, Limit: 9}
	for _, row := range []struct {
		name string
		read func(r store.Reader) (any, error)
		want any
	}{
		{"merchants", func(r store.Reader) (any, error) { return r.Merchants(ctx) }, []store.Merchant{merchant}},
		{"cards of a customer", func(r store.Reader) (any, error) { return r.CustomerCards(ctx, cu, all) }, []store.Card{test}},
		{"forward", func(r store.Reader) (any, error) { return r.LastForward(ctx, again.ID) }, forward},
		{"charges", func(r store.Reader) (any, error) { return r.Charges(ctx, m, true, all) }, []store.Charge{charge}},
		{"reveals", func(r store.Reader) (any, error) { return r.Reveals(ctx, reveal.APIKey, 0, 9) }, []store.Reveal{reveal}},
		{"cards by KEK", func(r store.Reader) (any, error) { return r.CountCardsByKEK(ctx, true) },
			map[uint32]store.KeyUse{1: {Cards: 2, OldestCreated: 7}}},
		{"test cards by KEK", func(r store.Reader) (any, error) { return r.CountCardsByKEK(ctx, false) },
			map[uint32]store.KeyUse{3: {Cards: 1, OldestCreated: 9}}},
		{"cards of a KEK", func(r store.Reader) (any, error) { return r.CardsOfKEK(ctx, true, 2, "", 9) }, []store.Card{first, again}},
		{"cards of a generation", func(r store.Reader) (any, error) { return r.CardsOfGeneration(ctx, true, 2, 0, "", 9) }, []store.Card{again}},
		{"card of a fingerprint", func(r store.Reader) (any, error) { return r.CardOfFingerprint(ctx, first.ID) }, first},
		{"fingerprints by key", func(r store.Reader) (any, error) { return r.CountFingerprintsByVersion(ctx, false) }, map[uint32]int{2: 1}},
		{"fingerprints of a key", func(r store.Reader) (any, error) { return r.FingerprintsOfVersion(ctx, true, 2, "", 9) },
			[]store.Fingerprint{fingerprint}},
		{"key versions", func(r store.Reader) (any, error) { return r.KeyVersions(ctx) }, []store.KeyVersion(nil)},
		{"epoch", func(r store.Reader) (any, error) { return r.Epoch(ctx) }, int64(0)},
		{"nodes", func(r store.Reader) (any, error) { return r.Nodes(ctx) }, []store.Node(nil)},
		{"jobs", func(r store.Reader) (any, error) { return r.KeyJobs(ctx, 9) }, []store.KeyJob(nil)},
	} {
		var got any
		err := s.View(ctx, func(r store.Reader) (err error) { got, err = row.read(r); return err })
		if diff := cmp.Diff(row.want, got); err != nil || diff != "" {
			t.Errorf("%s (-want +got), error %v:\n%s", row.name, err, diff)
		}
	}
	err := s.Update(ctx, func(tx store.Tx) error {
		c, was := first, first.Tag
		c.KEKVersion, c.Tag = 2, b20('z')
		_, err := tx.BumpEpoch(ctx)
		return errors.Join(err, tx.UpdateCardKeys(ctx, &c, was))
	})
	if err != nil {
		t.Error(err)
	}
	integrity(t, s)
	if got := pragma(t, s, "foreign_key_check"); got != "" {
		t.Errorf("foreign_key_check: %s", got)
	}
}
