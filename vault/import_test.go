package vault_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/vaulttest"
)

// importing is an import of a file that does not exist: the test says what was
// read of it.
type importing struct {
	*vault.Importer
	read int64
}

const importHead = "number,month,year\n4242424242424242,12,2040\n"

func source(merchant string, live bool) vault.ImportSource {
	return vault.ImportSource{Merchant: merchant, Live: live, Head: []byte(importHead)}
}

func begin(t testing.TB, s *vault.Service, c vault.Caller, from vault.ImportSource) *importing {
	t.Helper()
	im, err := s.StartImport(t.Context(), c, from)
	if err != nil {
		t.Fatalf("start import: %v", err)
	}
	return &importing{Importer: im, read: im.Mark().ReadTo}
}

// line is a card of a file. Every field is a copy, which the vault may wipe.
func line(number, customer string) vault.ImportCard {
	return vault.ImportCard{
		Card:     card.Input{Number: []byte(number), ExpirationMonth: []byte("12"), ExpirationYear: []byte("2040"), Name: []byte("JANE DOE")},
		Customer: []byte(customer),
	}
}

func (im *importing) seal(t testing.TB, in vault.ImportCard) *vault.SealedCard {
	t.Helper()
	sealed, err := im.Seal(t.Context(), in)
	if err != nil {
		t.Fatalf("seal: %v", err)
	}
	return sealed
}

// mark is the mark behind so many more cards, each of ten bytes.
func (im *importing) mark(cards int) vault.ImportMark {
	m := im.Mark()
	m.Records, m.Cards, m.ReadTo = m.Records+int64(cards), m.Cards+int64(cards), m.ReadTo+10*int64(cards)
	m.MapSize, m.RejectSize = m.MapSize+7*int64(cards), m.RejectSize+1
	return m
}

// take seals cards and commits them together.
func (im *importing) take(t testing.TB, cards ...vault.ImportCard) []*vault.SealedCard {
	t.Helper()
	var all []*vault.SealedCard
	for _, in := range cards {
		all = append(all, im.seal(t, in))
		im.Read(fmt.Appendf(nil, "record %3d", im.read))
		im.read += 10
	}
	if err := im.Commit(t.Context(), all, im.mark(len(all)), im.Prefix()); err != nil {
		t.Fatalf("commit: %v", err)
	}
	return all
}

func storedCard(t testing.TB, s store.Store, id string) store.Card {
	t.Helper()
	var row store.Card
	err := s.View(t.Context(), func(r store.Reader) (err error) {
		row, err = r.Card(t.Context(), id[len(id)-store.IDLength:])
		return err
	})
	if err != nil {
		t.Fatalf("card %s: %v", id, err)
	}
	return row
}

func TestImportOpensAgain(t *testing.T) {
	v := vaulttest.New(t, nil)
	for _, live := range []bool{false, true} {
		merchant := v.Merchant(t, vault.MerchantSettings{})
		im := begin(t, v.Service, v.Operator, source(merchant, live))
		for _, tt := range []struct{ typed, number, brand string }{
			{"4242424242424242", "4242424242424242", "Visa"},
			{"4242 4242 4242 4242", "4242424242424242", "Visa"},
			{"5555-5555-5555-4444", "5555555555554444", "MasterCard"},
			{"3782 822463 10005", "378282246310005", "American Express"},
		} {
			in := line(tt.typed, "")
			in.Card.SecurityCode = []byte("739")
			in.Card.Name, in.Card.City = nil, []byte("Bangkok")
			sealed := im.take(t, in)[0]
			row := storedCard(t, v.Store, sealed.ID)
			got, err := openPAN(t.Context(), v.KMS, row)
			if err != nil || got != tt.number {
				t.Errorf("live %v, %s: opens as %s (%v), want %s", live, tt.typed, got, err, tt.number)
			}
			if sealed.Brand != tt.brand || sealed.LastDigits != tt.number[len(tt.number)-4:] || row.Live != live || row.Merchant != merchant {
				t.Errorf("%s: sealed as %+v", tt.typed, sealed)
			}
			secret := v.Caller(t, merchant, policy.Secret, live)
			view, err := v.Card(t.Context(), secret, sealed.Customer, sealed.ID)
			if err != nil || view.Profile.Holder.Name != "" || view.Profile.Holder.City != "Bangkok" || view.Expiry != (card.Expiry{Month: 12, Year: 2040}) {
				t.Errorf("%s: its merchant reads %+v (%v)", tt.typed, view, err)
			}
			public := v.Caller(t, merchant, policy.Public, live)
			if token, err := v.Token(t.Context(), public, strings.Replace(sealed.ID, "card_", "tokn_", 1)); err != nil || !token.Used {
				t.Errorf("%s: its token is %+v (%v), want used", tt.typed, token, err)
			}
		}
	}
	for name, plain := range map[string]string{"number": "4242424242424242", "security code": "739739"} {
		if text := readDatabase(t, v); strings.Contains(text, plain) {
			t.Errorf("the %s is in the database", name)
		}
	}
}

// readDatabase is every byte of the database.
func readDatabase(t *testing.T, v *vaulttest.Vault) string {
	t.Helper()
	var out []byte
	files, err := filepath.Glob(v.Path + "*")
	if err != nil || len(files) == 0 {
		t.Fatalf("database files %v: %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, text...)
	}
	return string(out)
}

func TestImportRefusesCards(t *testing.T) {
	clock := vaulttest.NewClock()
	v := vaulttest.New(t, func(o *vault.Options) { o.Clock, o.AllowExpired = clock.Now, true })
	merchant := v.Merchant(t, vault.MerchantSettings{})
	strict := begin(t, v.Service, v.Operator, source(merchant, false))
	lenient := source(merchant, false)
	lenient.AllowExpired, lenient.Name = true, "old ones"
	lax := begin(t, v.Service, v.Operator, lenient)
	expired := func() vault.ImportCard {
		in := line("4242424242424242", "")
		in.Card.ExpirationYear = []byte("2020")
		return in
	}
	with := func(change func(*vault.ImportCard)) vault.ImportCard {
		in := line("4242424242424242", "")
		change(&in)
		return in
	}
	tests := []struct {
		name string
		im   *importing
		in   vault.ImportCard
		want vault.Code // "": taken
	}{
		{"good", strict, line("4242424242424242", ""), ""},
		{"check digit", strict, line("4242424242424241", ""), vault.InvalidCard},
		{"no number", strict, line("", ""), vault.InvalidCard},
		{"expired", strict, expired(), vault.InvalidCard},
		{"expired, allowed", lax, expired(), ""},
		{"no month", lax, with(func(in *vault.ImportCard) { in.Card.ExpirationMonth = nil }), vault.InvalidCard},
		{"number in the name", strict, with(func(in *vault.ImportCard) { in.Card.Name = []byte("JANE 4242424242424242") }), vault.InvalidCard},
		{"number in the email", strict, with(func(in *vault.ImportCard) { in.Email = []byte("4242424242424242@example.com") }), vault.BadRequest},
		{"number in the description", strict, with(func(in *vault.ImportCard) { in.Description = []byte("4242 4242 4242 4242") }), vault.BadRequest},
	}
	for _, tt := range tests {
		_, err := tt.im.Seal(t.Context(), tt.in)
		if got := codeOr(err); got != tt.want {
			t.Errorf("%s: got %q (%v), want %q", tt.name, got, err, tt.want)
		}
		if err != nil && (strings.Contains(err.Error(), "42") || strings.Contains(err.Error(), "20")) {
			t.Errorf("%s: the reason quotes the card: %v", tt.name, err)
		}
	}
	if rows := rowCounts(t, v); rows[2] != 0 {
		t.Errorf("%d cards in the store before a commit", rows[2])
	}
}

func codeOr(err error) vault.Code {
	if err == nil {
		return ""
	}
	return vault.CodeOf(err)
}

// TestImportCustomers: cards of one reference share a customer, within one
// import only.
func TestImportCustomers(t *testing.T) {
	v := vaulttest.New(t, nil)
	a, b := v.Merchant(t, vault.MerchantSettings{}), v.Merchant(t, vault.MerchantSettings{})
	first := begin(t, v.Service, v.Operator, source(a, false))
	jane := line("4242424242424242", "jane")
	jane.Email, jane.Description = []byte("jane@example.com"), []byte("from the old vault")
	again := line("5555555555554444", "jane")
	again.Email = []byte("later@example.com")
	made := first.take(t, jane, again, line("378282246310005", "john"), line("4242424242424242", ""), line("4242424242424242", ""))
	later := begin(t, v.Service, v.Operator, source(a, false)).take(t, line("4111111111111111", "jane"))
	owners := map[string]string{"jane": made[0].Customer}
	other := func(name string, from vault.ImportSource) {
		owners[name] = begin(t, v.Service, v.Operator, from).take(t, line("4242424242424242", "jane"))[0].Customer
	}
	named := source(a, false)
	named.Name = "another file"
	other("another import", named)
	other("another merchant", source(b, false))
	other("another mode", source(a, true))
	owners["john"], owners["nobody"], owners["nobody else"] = made[2].Customer, made[3].Customer, made[4].Customer
	if made[1].Customer != made[0].Customer || later[0].Customer != made[0].Customer {
		t.Errorf("jane is %s, %s and %s, want one customer", made[0].Customer, made[1].Customer, later[0].Customer)
	}
	for name, id := range owners {
		for other, same := range owners {
			if name != other && id[len(id)-16:] == same[len(same)-16:] {
				t.Errorf("%s and %s share customer %s", name, other, id)
			}
		}
	}
	secret := v.Caller(t, a, policy.Secret, false)
	got, err := v.Customer(t.Context(), secret, made[0].Customer)
	if err != nil || got.Email != "jane@example.com" || got.Description != "from the old vault" || got.DefaultCard != made[0].ID || got.Cards.Total != 3 {
		t.Errorf("jane reads as %+v (%v), want the first line's words and card, and three cards", got, err)
	}
	var ids []string
	for _, c := range got.Cards.Rows {
		ids = append(ids, c.ID)
	}
	if want := []string{made[0].ID, made[1].ID, later[0].ID}; !slices.Equal(ids, want) {
		t.Errorf("her cards are %v, want %v", ids, want)
	}
	all, err := v.Customers(t.Context(), secret, vault.Page{Limit: 100})
	if err != nil || all.Total != 5 {
		t.Errorf("%d customers (%v), want 5", all.Total, err)
	}
}

// TestImportedNumbersAreKnown: a number has one fingerprint of a merchant and
// mode, however it came.
func TestImportedNumbersAreKnown(t *testing.T) {
	v := vaulttest.New(t, nil)
	a, b := v.Merchant(t, vault.MerchantSettings{}), v.Merchant(t, vault.MerchantSettings{})
	api := tokenize(t, v, v.Caller(t, a, policy.Public, false), "4242424242424242", "ONE").Card.Fingerprint
	print := func(merchant string, live bool) []byte {
		made := begin(t, v.Service, v.Operator, source(merchant, live)).take(t, line("4242424242424242", ""), line("4242424242424242", ""))
		one, two := storedCard(t, v.Store, made[0].ID), storedCard(t, v.Store, made[1].ID)
		if !bytes.Equal(one.Fingerprint, two.Fingerprint) {
			t.Errorf("one number of %s has two fingerprints", merchant)
		}
		return one.Fingerprint
	}
	if !bytes.Equal(print(a, false), api) {
		t.Error("an imported card has another fingerprint than one of the API")
	}
	if bytes.Equal(print(a, true), api) || bytes.Equal(print(b, false), api) {
		t.Error("a fingerprint is that of another mode or merchant")
	}
	late := tokenize(t, v, v.Caller(t, b, policy.Public, false), "4242424242424242", "TWO").Card.Fingerprint
	if bytes.Equal(late, api) {
		t.Error("two merchants share a fingerprint")
	}
}

func TestImportIsRecorded(t *testing.T) {
	clock := vaulttest.NewClock()
	v := vaulttest.New(t, func(o *vault.Options) { o.Clock = clock.Now })
	merchant := v.Merchant(t, vault.MerchantSettings{})
	im := begin(t, v.Service, v.Operator, source(merchant, true))
	made := im.take(t, line("4242424242424242", "jane"), line("5555555555554444", "jane"), line("378282246310005", ""))
	if err := im.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Hour)
	if again := begin(t, v.Service, v.Operator, source(merchant, true)); !again.Resumed || !again.Finished || again.ID() != im.ID() {
		t.Errorf("started again: resumed %v, finished %v, %s", again.Resumed, again.Finished, again.ID())
	}
	for _, tt := range []struct {
		of      audit.Type
		objects []string
		details map[string]string
	}{
		{audit.ImportStart, []string{im.ID()}, nil},
		{audit.CustomerCreate, []string{made[0].Customer, made[2].Customer}, nil},
		{audit.CardImport, []string{made[0].ID, made[1].ID, made[2].ID}, map[string]string{"import": im.ID()}},
		{audit.ImportFinish, []string{im.ID()}, map[string]string{"records": "3", "cards": "3"}},
	} {
		var objects []string
		for _, e := range events(t, v.Store, tt.of) {
			objects = append(objects, e.Object)
			if e.Merchant != merchant || e.Mode != "live" || e.Actor.ID != v.Operator.Key {
				t.Errorf("%s says merchant %s, mode %s, actor %s", tt.of, e.Merchant, e.Mode, e.Actor.ID)
			}
			for key, want := range tt.details {
				if got := e.Details[key]; got != want {
					t.Errorf("%s: %s is %q, want %q", tt.of, key, got, want)
				}
			}
			for _, c := range made {
				if e.Object == c.ID && e.Details["customer"] != c.Customer {
					t.Errorf("card.import of %s names customer %s, want %s", e.Object, e.Details["customer"], c.Customer)
				}
			}
		}
		slices.Sort(objects) // the clock stands: their order is by chance
		slices.Sort(tt.objects)
		if !slices.Equal(objects, tt.objects) {
			t.Errorf("%s is of %v, want %v", tt.of, objects, tt.objects)
		}
	}
}
