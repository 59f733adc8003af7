package vault_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/cardfile"
	"github.com/panvault/panvault/vault/vaulttest"
)

// exported is a line of an export.
type exported struct {
	Reference string
	Customer  struct {
		ID, Email, Description string
		Metadata               json.RawMessage
	}
	Card struct {
		Number, Name, City, Email       string
		ExpirationMonth, ExpirationYear int
	}
}

func (o *office) run(t *testing.T, id string) (text, plain []byte, result vault.ExportResult) {
	t.Helper()
	var file bytes.Buffer
	result, err := o.Export(t.Context(), o.Operator, id, &file, nil)
	if err != nil {
		t.Fatalf("export: %v", err)
	}
	return file.Bytes(), decrypt(t, file.Bytes(), o.identity), result
}

func decrypt(t *testing.T, file []byte, identity age.Identity) []byte {
	t.Helper()
	r, err := age.Decrypt(bytes.NewReader(file), identity)
	if err != nil {
		t.Fatalf("decrypt: %v", err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("decrypt: %v", err)
	}
	return plain
}

func exportedLines(t *testing.T, plain []byte) map[string]exported {
	t.Helper()
	out := make(map[string]exported)
	for text := range strings.Lines(string(plain)) {
		var l exported
		decoder := json.NewDecoder(strings.NewReader(strings.NewReplacer("expiration_month", "ExpirationMonth", "expiration_year", "ExpirationYear").Replace(text)))
		if err := decoder.Decode(&l); err != nil || out[l.Reference].Reference != "" {
			t.Fatalf("line of %s: %v, or a second one", l.Reference, err)
		}
		out[l.Reference] = l
	}
	return out
}

// customer makes a customer with a card by the API, and returns the card's id.
func (o *office) customer(t *testing.T, live bool, number string, in vault.CustomerFields) vault.Customer {
	t.Helper()
	req := request(number, "API "+number[12:])
	req.Card.Email = []byte("holder@example.com")
	token, err := o.Tokenize(t.Context(), o.Caller(t, o.merchant, policy.Public, live), req)
	if err != nil {
		t.Fatal(err)
	}
	in.Token = token.ID
	c, err := o.CreateCustomer(t.Context(), o.Caller(t, o.merchant, policy.Secret, live), in)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestExportHoldsWhatIsStored: every stored card of the merchant and mode once,
// and nothing else, for the recipient alone.
func TestExportHoldsWhatIsStored(t *testing.T) {
	o := newOffice(t, nil)
	stranger := o.Merchant(t, vault.MerchantSettings{})
	want := make(map[string]string) // number by card
	metadata := `{"pin":"1234","html":"<&>","big":12345678901234567890}`
	jane := o.customer(t, true, "4242424242424242", vault.CustomerFields{
		Email: []byte("jane@example.com"), Description: []byte("first"), Metadata: []byte(metadata),
	})
	want[jane.DefaultCard] = "4242424242424242"
	var many []vault.ImportCard
	numbers := manyNumbers(300)
	for i, number := range numbers { // three batches
		many = append(many, line(number, fmt.Sprint(i/2)))
	}
	for i, sealed := range begin(t, o.Service, o.Operator, source(o.merchant, true)).take(t, many...) {
		want[sealed.ID] = numbers[i]
	}
	destroyed := o.customer(t, true, "5555555555554444", vault.CustomerFields{})
	if _, err := o.DeleteCard(t.Context(), o.Caller(t, o.merchant, policy.Secret, true), destroyed.ID, destroyed.DefaultCard); err != nil {
		t.Fatal(err)
	}
	tokenize(t, o.Vault, o.Caller(t, o.merchant, policy.Public, true), "378282246310005", "UNUSED")
	begin(t, o.Service, o.Operator, source(o.merchant, false)).take(t, line("4111111111111111", ""))
	begin(t, o.Service, o.Operator, source(stranger, true)).take(t, line("4000056655665556", ""))

	id := o.approved(t, true)
	file, plain, result := o.run(t, id)
	got := make(map[string]string)
	lines := exportedLines(t, plain)
	for reference, l := range lines {
		got[reference] = l.Card.Number
	}
	if !maps.Equal(got, want) || result.Cards != len(want) || result.Tampered != 0 {
		t.Errorf("the file holds %d cards, the result says %+v; want %d", len(got), result, len(want))
	}
	l := lines[jane.DefaultCard]
	if l.Customer.ID != jane.ID || l.Customer.Email != "jane@example.com" || l.Customer.Description != "first" || l.Card.Name != "API 4242" ||
		l.Card.City != "Bangkok" || l.Card.Email != "holder@example.com" || l.Card.ExpirationMonth != 12 || l.Card.ExpirationYear != 2040 {
		t.Errorf("jane's line is %+v", l)
	}
	if string(l.Customer.Metadata) != metadata {
		t.Errorf("her metadata is %s, want %s", l.Customer.Metadata, metadata)
	}
	for _, number := range want {
		if bytes.Contains(file, []byte(number)) {
			t.Error("a number is in the encrypted file")
		}
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := age.Decrypt(bytes.NewReader(file), other); !errors.As(err, new(*age.NoIdentityMatchError)) {
		t.Errorf("another identity: %v, want no match", err)
	}
	checkExportEvents(t, o, id, want, result)
	if all, err := o.Approvals(t.Context(), o.bob); err != nil || len(all) != 1 || all[0].UsedAt.IsZero() {
		t.Errorf("approvals are %+v (%v), want one that was used", all, err)
	}
}

func checkExportEvents(t *testing.T, o *office, approval string, want map[string]string, result vault.ExportResult) {
	t.Helper()
	opened := make(map[string]int)
	for _, e := range events(t, o.Store, audit.CardExport) {
		opened[e.Object]++
		if e.Details["approval"] != approval || e.Actor.ID != o.Operator.Key || e.Merchant != o.merchant || e.Mode != "live" {
			t.Errorf("the record of %s is %+v", e.Object, e)
		}
	}
	for id := range want {
		if opened[id] != 1 {
			t.Errorf("the opening of %s is on record %d times", id, opened[id])
		}
	}
	start, finish := events(t, o.Store, audit.ExportStart), events(t, o.Store, audit.ExportFinish)
	if len(opened) != len(want) || len(start) != 1 || len(finish) != 1 || start[0].Object != approval || start[0].Details["recipient"] != o.identity.Recipient().String() ||
		finish[0].Details["cards"] != fmt.Sprint(len(want)) || finish[0].Details["tampered"] != "0" || finish[0].Details["digest"] != result.SHA256 {
		t.Errorf("%d openings, start %+v, finish %+v", len(opened), start, finish)
	}
}

// manyNumbers are Visa numbers that pass Luhn.
func manyNumbers(n int) []string {
	var out []string
	for i := range n {
		number := fmt.Sprintf("400000%09d", i)
		sum := 0
		for at, c := range number {
			d := int(c - '0')
			if at%2 == 0 {
				if d *= 2; d > 9 {
					d -= 9
				}
			}
			sum += d
		}
		out = append(out, number+fmt.Sprint((10-sum%10)%10))
	}
	return out
}

func TestExportForAHybridKey(t *testing.T) {
	o := newOffice(t, nil)
	begin(t, o.Service, o.Operator, source(o.merchant, true)).take(t, line("4242424242424242", ""))
	identity, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	subject := o.subject(true)
	subject.Recipient = identity.Recipient().String()
	r, err := o.RequestExport(t.Context(), o.Operator, subject, "post-quantum")
	if err == nil {
		_, err = o.GrantApproval(t.Context(), o.bob, r.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if _, err := o.Export(t.Context(), o.bob, r.ID, &file, nil); err != nil {
		t.Fatal(err)
	}
	if lines := exportedLines(t, decrypt(t, file.Bytes(), identity)); len(lines) != 1 {
		t.Errorf("%d lines, want 1", len(lines))
	}
	if _, err := age.Decrypt(bytes.NewReader(file.Bytes()), o.identity); err == nil {
		t.Error("a key that was not approved opens the file")
	}
}

// witness is the KMS, with somebody who looks whether an opening is on record,
// and who may end it.
type witness struct {
	kms.KMS
	onRecord func(event string) bool
	opened   int
	secret   []string // openings that were not on record
	limit    int      // openings before the KMS is down; 0: none
}

func (w *witness) Unwrap(ctx context.Context, key kms.Key, items []kms.UnwrapItem) ([]kms.UnwrapResult, error) {
	if key != kms.Work {
		if w.limit > 0 && w.opened+len(items) > w.limit {
			return nil, kms.ErrUnavailable
		}
		for _, item := range items {
			w.opened++
			if item.Event == "" || !w.onRecord(item.Event) {
				w.secret = append(w.secret, item.Event)
			}
		}
	}
	return w.KMS.Unwrap(ctx, key, items)
}

// TestExportIsOnRecordFirst: PCI DSS 10.2.1.1. Another connection sees a card's
// record before the KMS is asked for its key; and an export that the KMS ends in
// the middle does not use the approval up.
func TestExportIsOnRecordFirst(t *testing.T) {
	w := new(witness)
	o := newOffice(t, func(opts *vault.Options) {
		w.KMS = opts.KMS
		opts.KMS = w
	})
	db := rawDB(t, o.Vault)
	w.onRecord = func(event string) bool {
		var n int
		err := db.QueryRow("SELECT count(*) FROM events WHERE id = ? AND type = ?", event, string(audit.CardExport)).Scan(&n)
		return err == nil && n == 1
	}
	var many []vault.ImportCard
	for _, number := range manyNumbers(kms.MaxBatch + 10) {
		many = append(many, line(number, ""))
	}
	begin(t, o.Service, o.Operator, source(o.merchant, true)).take(t, many...)
	id := o.approved(t, true)
	w.limit = kms.MaxBatch
	if _, err := o.Export(t.Context(), o.Operator, id, io.Discard, nil); vault.CodeOf(err) != vault.Unavailable {
		t.Errorf("the KMS goes down in the middle: %v, want unavailable", err)
	}
	w.limit = 0
	_, plain, _ := o.run(t, id)
	if got := len(exportedLines(t, plain)); got != len(many) {
		t.Errorf("%d lines, want %d", got, len(many))
	}
	if want := kms.MaxBatch + len(many); w.opened != want || len(w.secret) > 0 {
		t.Errorf("%d openings, %d of them not on record; want %d and none", w.opened, len(w.secret), want)
	}
}

// TestExportLeavesTamperedCardsOut: one edited row does not keep the others in.
func TestExportLeavesTamperedCardsOut(t *testing.T) {
	o := newOffice(t, nil)
	made := begin(t, o.Service, o.Operator, source(o.merchant, true)).take(t,
		line("4242424242424242", ""), line("5555555555554444", ""), line("378282246310005", ""), line("4111111111111111", "jane"))
	db := rawDB(t, o.Vault)
	record := func(i int) string { return strings.TrimPrefix(made[i].ID, "card_") }
	for statement, arg := range map[string]string{
		"UPDATE cards SET last_digits = '0000' WHERE id = ?":                                                             record(0),
		"UPDATE customers SET created_at = 1 WHERE id = ?":                                                               strings.TrimPrefix(made[1].Customer, "cust_"),
		"UPDATE cards SET wrapped_dek = (SELECT wrapped_dek FROM cards c2 WHERE c2.id <> cards.id LIMIT 1) WHERE id = ?": record(2),
	} {
		if _, err := db.Exec(statement, arg); err != nil {
			t.Fatal(err)
		}
	}
	_, plain, result := o.run(t, o.approved(t, true))
	if lines := exportedLines(t, plain); len(lines) != 1 || lines[made[3].ID].Card.Number != "4111111111111111" || result.Cards != 1 || result.Tampered != 3 {
		t.Errorf("the file has %d lines, the result is %+v; want the one good card", len(lines), result)
	}
	var objects []string
	for _, e := range events(t, o.Store, audit.RecordTampered) {
		objects = append(objects, e.Details["what"]+" "+e.Object)
	}
	slices.Sort(objects)
	want := []string{"card " + made[0].ID, "card " + made[2].ID, "customer " + made[1].Customer}
	slices.Sort(want)
	if !slices.Equal(objects, want) {
		t.Errorf("tampering is on record of %v, want %v", objects, want)
	}
	if finish := events(t, o.Store, audit.ExportFinish); len(finish) != 1 || finish[0].Details["tampered"] != "3" {
		t.Errorf("the end is on record as %+v", finish)
	}
}

// TestExportImportsAgain: another vault takes numbers, names, addresses and
// customers over. It does not take: ids and times, which are its own, which card
// was the default, fingerprints, and the customers' metadata.
func TestExportImportsAgain(t *testing.T) {
	o := newOffice(t, nil)
	big := `{"pin":"1","note":"` + strings.Repeat("<", 15000) + `"}`
	wide := `{"a":[0` + strings.Repeat(",0", 900) + `],"b":{"track":{"c":{"d":{"e":{"cvc":1}}}}}}`
	for i, metadata := range []string{`{}`, big, wide, `{"a":"\u2028","security_code":"x"}`} {
		o.customer(t, true, manyNumbers(4)[i], vault.CustomerFields{
			Email: fmt.Appendf(nil, "c%d@example.com", i), Description: []byte("<b>" + strings.Repeat("é", 200)), Metadata: []byte(metadata),
		})
	}
	begin(t, o.Service, o.Operator, source(o.merchant, true)).take(t, line("4242424242424242", "jane"), line("5555555555554444", "jane"))
	_, plain, result := o.run(t, o.approved(t, true))
	if result.Cards != 6 {
		t.Fatalf("%d cards, want 6", result.Cards)
	}
	want := exportedLines(t, plain)

	other := vaulttest.New(t, nil)
	merchant := other.Merchant(t, vault.MerchantSettings{})
	secret := other.Caller(t, merchant, policy.Secret, true)
	im := begin(t, other.Service, other.Operator, source(merchant, true))
	reader := cardfile.NewReader(bytes.NewReader(plain), cardfile.JSONLines)
	customers := make(map[string]string)
	read := 0
	for ; ; read++ {
		rec, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || rec.Problem != nil {
			t.Fatalf("line %d: %v, %v", read+1, err, rec)
		}
		old := want[string(rec.Reference)]
		made := im.take(t, vault.ImportCard{Card: rec.Card, Customer: rec.Customer, Email: rec.Email, Description: rec.Description})[0]
		if got, err := openPAN(t.Context(), other.KMS, storedCard(t, other.Store, made.ID)); err != nil || got != old.Card.Number {
			t.Errorf("line %d: the number is another one (%v)", read+1, err)
		}
		view, err := other.Card(t.Context(), secret, made.Customer, made.ID)
		if err != nil || view.Profile.Holder.Name != old.Card.Name || view.Profile.Holder.City != old.Card.City || view.Profile.Holder.Email != old.Card.Email ||
			view.Expiry != (card.Expiry{Month: old.Card.ExpirationMonth, Year: old.Card.ExpirationYear}) {
			t.Errorf("line %d: the card is %+v (%v)", read+1, view, err)
		}
		owner, err := other.Customer(t.Context(), secret, made.Customer)
		if err != nil || owner.Email != old.Customer.Email || owner.Description != old.Customer.Description || string(owner.Metadata) != "{}" {
			t.Errorf("line %d: the customer is %q %.20q %s (%v)", read+1, owner.Email, owner.Description, owner.Metadata, err)
		}
		if before, ok := customers[old.Customer.ID]; ok && before != made.Customer {
			t.Errorf("line %d: the customer's cards are of two now", read+1)
		}
		customers[old.Customer.ID] = made.Customer
	}
	if read != len(want) || len(customers) != 5 {
		t.Errorf("%d lines of %d customers, want %d of 5", read, len(customers), len(want))
	}
}
