package vault_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/envelope"
	"github.com/panvault/panvault/vault/vaulttest"
)

// world is two merchants with cards in both modes: everything that could be
// confused with something else.
type world struct {
	*vaulttest.Vault
	registry *prometheus.Registry
	db       *sql.DB // a thief's connection: raw, without the store's checks
	cards    []vaulted
	secrets  []vault.APISecret
}

type vaulted struct {
	caller vault.Caller
	token  string
	number string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{registry: prometheus.NewRegistry()}
	w.Vault = vaulttest.New(t, func(o *vault.Options) { o.Metrics = w.registry })
	numbers := []string{"4242424242424242", "5555555555554444", "378282246310005"}
	for m := range 2 {
		merchant := w.Merchant(t, vault.MerchantSettings{
			Name: fmt.Sprintf("Merchant %d", m), ShowFirstDigits: m == 1, HideFingerprint: m == 1,
		})
		for _, live := range []bool{false, true} {
			secret := w.Key(t, merchant, policy.Public, live)
			w.secrets = append(w.secrets, secret)
			caller := w.Login(t, secret)
			for i, number := range numbers[:2+m] {
				token := tokenize(t, w.Vault, caller, number, fmt.Sprintf("HOLDER %d %v %d", m, live, i))
				w.cards = append(w.cards, vaulted{caller, token.ID, number})
			}
		}
	}
	w.db = rawDB(t, w.Vault)
	return w
}

// rawDB is a thief's connection: without the checks of the store's.
func rawDB(t *testing.T, v *vaulttest.Vault) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+v.Path+"?_pragma=busy_timeout(5000)&_pragma=ignore_check_constraints(1)&_pragma=foreign_keys(0)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func tokenize(t testing.TB, v *vaulttest.Vault, c vault.Caller, number, name string) vault.Token {
	t.Helper()
	token, err := v.Tokenize(t.Context(), c, request(number, name))
	if err != nil {
		t.Fatalf("tokenize: %v", err)
	}
	return token
}

func request(number, name string) vault.TokenizeRequest {
	return vault.TokenizeRequest{Card: card.Input{
		Name: []byte(name), Number: []byte(number), SecurityCode: nil,
		ExpirationMonth: []byte("12"), ExpirationYear: []byte("2040"), City: []byte("Bangkok"),
	}}
}

// columns lists a table's columns.
func (w *world) columns(t *testing.T, table string) []string {
	t.Helper()
	rows, err := w.db.Query("SELECT name FROM pragma_table_info(?)", table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		out = append(out, name)
	}
	if len(out) < 3 {
		t.Fatalf("table %s has columns %v", table, out)
	}
	return out
}

func (w *world) rowids(t *testing.T, table, where string) []int64 {
	t.Helper()
	rows, err := w.db.Query("SELECT rowid FROM " + table + where + " ORDER BY rowid")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		out = append(out, id)
	}
	return out
}

func (w *world) cell(t *testing.T, table, column string, rowid int64) any {
	t.Helper()
	var v any
	if err := w.db.QueryRow("SELECT "+column+" FROM "+table+" WHERE rowid = ?", rowid).Scan(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func (w *world) setCell(t *testing.T, table, column string, rowid int64, v any) {
	t.Helper()
	if err := w.trySet(table, column, rowid, v); err != nil {
		t.Fatalf("set %s.%s: %v", table, column, err)
	}
}

func (w *world) trySet(table, column string, rowid int64, v any) error {
	_, err := w.db.Exec("UPDATE "+table+" SET "+column+" = ? WHERE rowid = ?", v, rowid)
	return err
}

// swap exchanges one column of two rows. It reports false if they are equal.
func (w *world) swap(t *testing.T, table, column string, a, b int64) bool {
	t.Helper()
	va, vb := w.cell(t, table, column, a), w.cell(t, table, column, b)
	if fmt.Sprint(va) == fmt.Sprint(vb) {
		return false
	}
	if isText(va) { // unique columns pass through a third value
		w.setCell(t, table, column, a, "a value nobody has")
	} else if isBlob(va) {
		w.setCell(t, table, column, a, []byte("a value nobody has"))
	}
	if err := w.trySet(table, column, b, va); err != nil { // two rows would share their key: no such swap
		w.setCell(t, table, column, a, va)
		return false
	}
	if err := w.trySet(table, column, a, vb); err != nil {
		w.setCell(t, table, column, b, vb)
		w.setCell(t, table, column, a, va)
		return false
	}
	return true
}

func isText(v any) bool { _, ok := v.(string); return ok }
func isBlob(v any) bool { _, ok := v.([]byte); return ok }

// eachSwap swaps every column of every pair of rows of a table, checks, and
// swaps back.
func (w *world) eachSwap(t *testing.T, table, where string, skip map[string]bool, check func(t *testing.T, column string, a, b int)) {
	t.Helper()
	ids := w.rowids(t, table, where)
	swaps := 0
	for _, column := range w.columns(t, table) {
		if skip[column] {
			continue
		}
		for a := range ids {
			for b := a + 1; b < len(ids); b++ {
				if !w.swap(t, table, column, ids[a], ids[b]) {
					continue
				}
				swaps++
				check(t, column, a, b)
				w.swap(t, table, column, ids[a], ids[b])
			}
		}
	}
	if swaps < 20 {
		t.Errorf("only %d swaps of %s were possible; the test is too weak", swaps, table)
	}
}

func (w *world) tamperCount(t *testing.T) float64 {
	t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	total := 0.0
	for _, f := range families {
		if f.GetName() == "panvault_tampered_total" {
			for _, m := range f.GetMetric() {
				total += m.GetCounter().GetValue()
			}
		}
	}
	return total
}

func (w *world) tamperEvents(t *testing.T) int {
	t.Helper()
	var n int
	if err := w.db.QueryRow("SELECT count(*) FROM events WHERE type = ?", string(audit.RecordTampered)).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// wantTampered wants the error of a tampered row, one more event and one more
// count.
func (w *world) wantTampered(t *testing.T, what string, do func() error) {
	t.Helper()
	events, count := w.tamperEvents(t), w.tamperCount(t)
	err := do()
	if !errors.Is(err, envelope.ErrTampered) || vault.CodeOf(err) != vault.Internal {
		t.Errorf("%s: got %v, want tampered", what, err)
		return
	}
	if got := w.tamperEvents(t); got != events+1 {
		t.Errorf("%s: %d audit events, want %d", what, got, events+1)
	}
	if got := w.tamperCount(t); got != count+1 {
		t.Errorf("%s: metric is %v, want %v", what, got, count+1)
	}
}

// TestSwapCards: invariant 4. Swap any two columns between any two cards, of
// one or two merchants and modes, and reading either fails as tampered, for
// its owner and for anybody else, while every other card still reads.
func TestSwapCards(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	swapped := make(map[string]bool)
	w.eachSwap(t, "cards", "", nil, func(t *testing.T, column string, a, b int) {
		swapped[column] = true
		for i, c := range w.cards {
			what := fmt.Sprintf("%s of cards %d and %d, reading %d", column, a, b, i)
			if i == a || i == b {
				w.wantTampered(t, what, func() error {
					token, err := w.Token(ctx, c.caller, c.token)
					if token != (vault.Token{}) {
						t.Errorf("%s: something came back", what)
					}
					return err
				})
				continue
			}
			if _, err := w.Token(ctx, c.caller, c.token); err != nil {
				t.Errorf("%s: an untouched card fails: %v", what, err)
			}
		}
	})
	for _, c := range w.cards {
		if _, err := w.Token(ctx, c.caller, c.token); err != nil {
			t.Errorf("after swapping back: %v", err)
		}
	}
	if !swapped["fingerprint_id"] {
		t.Error("no two cards differ in their fingerprint_id")
	}
}

// TestSwapSealedPAN: the number itself, opened as a forward would, with the
// row's own values: any swap of what its opening depends on fails.
func TestSwapSealedPAN(t *testing.T) {
	w := newWorld(t)
	for i, c := range w.cards {
		if got, err := w.open(t, i); err != nil || got != c.number {
			t.Fatalf("card %d does not open: %v", i, err)
		}
	}
	bound := map[string]bool{"id": true, "merchant": true, "live": true, "wrapped_dek": true, "sealed_pan": true}
	skip := make(map[string]bool)
	for _, column := range w.columns(t, "cards") {
		skip[column] = !bound[column]
	}
	w.eachSwap(t, "cards", "", skip, func(t *testing.T, column string, a, b int) {
		for _, i := range []int{a, b} {
			if _, err := w.open(t, i); err == nil {
				t.Errorf("%s of cards %d and %d swapped, and %d opens", column, a, b, i)
			}
		}
	})
}

// open unwraps the data key of the i-th row and opens its number.
func (w *world) open(t *testing.T, i int) (string, error) {
	t.Helper()
	rowid := w.rowids(t, "cards", "")[i]
	row := store.Card{
		ID: w.cell(t, "cards", "id", rowid).(string), Merchant: w.cell(t, "cards", "merchant", rowid).(string),
		Live:       w.cell(t, "cards", "live", rowid).(int64) == 1,
		WrappedDEK: w.cell(t, "cards", "wrapped_dek", rowid).([]byte),
		SealedPAN:  w.cell(t, "cards", "sealed_pan", rowid).([]byte),
	}
	return openPAN(t.Context(), w.KMS, row)
}

// TestSwapCustomers: a customer reads as its own or as tampered, and so does a
// card that was moved to another customer.
func TestSwapCustomers(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	type owner struct {
		caller vault.Caller
		id     string
	}
	var owners []owner
	for i := range 4 {
		secret := w.Caller(t, w.cards[i*2].caller.Merchant, policy.Secret, w.cards[i*2].caller.Live)
		c, err := w.CreateCustomer(ctx, secret, vault.CustomerFields{Description: fmt.Appendf(nil, "customer %d", i), Token: w.cards[i*2].token})
		if err != nil {
			t.Fatal(err)
		}
		owners = append(owners, owner{secret, c.ID})
	}
	check := func(t *testing.T, column string, a, b int) {
		for _, i := range []int{a, b} {
			w.wantTampered(t, fmt.Sprintf("%s of customers %d and %d", column, a, b), func() error {
				_, err := w.Service.Customer(ctx, owners[i].caller, owners[i].id)
				return err
			})
		}
	}
	w.eachSwap(t, "customers", "", nil, check)
	ids := w.rowids(t, "cards", " WHERE customer <> ''")
	for a := range ids {
		for b := a + 1; b < len(ids); b++ {
			w.swap(t, "cards", "customer", ids[a], ids[b])
			check(t, "cards", a, b)
			w.swap(t, "cards", "customer", ids[a], ids[b])
		}
	}
	for _, o := range owners {
		if _, err := w.Service.Customer(ctx, o.caller, o.id); err != nil {
			t.Errorf("after swapping back: %v", err)
		}
	}
}

// TestSwapWorkingKeys: a vault does not open with working keys that were moved,
// or whose state or age was edited.
func TestSwapWorkingKeys(t *testing.T) {
	w := newWorld(t)
	open := func() error {
		svc, err := vault.New(context.Background(), vault.Options{Store: w.Store, KMS: w.KMS})
		if err == nil {
			svc.Close(context.Background())
		}
		return err
	}
	w.eachSwap(t, "working_keys", "", nil, func(t *testing.T, column string, a, b int) {
		if open() == nil {
			t.Errorf("%s of working keys %d and %d swapped, and the vault opens", column, a, b)
		}
	})
	rowid := w.rowids(t, "working_keys", "")[3]
	for column, forged := range map[string]any{"created_at": 1, "kek_version": 7, "state": "decrypt-only"} {
		old := w.cell(t, "working_keys", column, rowid)
		w.setCell(t, "working_keys", column, rowid, forged)
		if err := open(); !errors.Is(err, envelope.ErrTampered) {
			t.Errorf("a forged %s: %v, want tampered", column, err)
		}
		w.setCell(t, "working_keys", column, rowid, old)
	}
	if err := open(); err != nil {
		t.Errorf("after swapping back: %v", err)
	}
}
