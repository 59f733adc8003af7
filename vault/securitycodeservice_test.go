package vault_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/audit"
)

// codeShop is a shop whose metrics can be read.
type codeShop struct {
	*shop
	registry *prometheus.Registry
}

func newCodeShop(t testing.TB, change func(*vault.Options)) *codeShop {
	t.Helper()
	s := &codeShop{registry: prometheus.NewRegistry()}
	s.shop = newShopWith(t, func(o *vault.Options) {
		o.Metrics = s.registry
		if change != nil {
			change(o)
		}
	})
	return s
}

// coded makes a token with a security code and returns its record id too.
func (s *codeShop) coded(t testing.TB, code string) (token, record string) {
	t.Helper()
	in := request("378282246310005", "SOMCHAI PRASERT")
	in.Card.SecurityCode = []byte(code)
	s.clock.Advance(time.Millisecond)
	made, err := s.Tokenize(t.Context(), s.public, in)
	if err != nil {
		t.Fatal(err)
	}
	return made.ID, strings.TrimPrefix(made.ID, "tokn_test_")
}

// counted reads the metrics of security codes: held, released, now, and each
// reason of expiry; those that are zero are left out.
func (s *codeShop) counted(t testing.TB) map[string]int {
	t.Helper()
	families, err := s.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]int)
	for _, family := range families {
		name, ours := strings.CutPrefix(family.GetName(), "panvault_security_codes")
		if !ours {
			continue
		}
		for _, m := range family.GetMetric() {
			key := strings.Trim(strings.TrimSuffix(name, "_total"), "_")
			for _, label := range m.GetLabel() {
				key = label.GetValue()
			}
			if n := int(m.GetCounter().GetValue() + m.GetGauge().GetValue()); n != 0 {
				out[key] = n
			}
		}
	}
	return out
}

func (s *codeShop) wantCounts(t testing.TB, what string, want map[string]int) {
	t.Helper()
	if got := s.counted(t); !maps.Equal(got, want) {
		t.Errorf("%s: counts %v, want %v", what, got, want)
	}
}

// borrowed returns what an attempt would get.
func (s *codeShop) borrowed(record string) (out string) {
	code := s.BorrowCode(record)
	defer code.Wipe()
	code.Use(func(digits []byte) { out = string(digits) })
	return out
}

func TestTokenizeHoldsTheCode(t *testing.T) {
	s := newCodeShop(t, nil)
	_, record := s.coded(t, "7391")
	s.token(t) // has none
	s.wantCounts(t, "two tokens, one with a code", map[string]int{"held": 1, "": 1})
	if got := s.borrowed(record); got != "7391" {
		t.Errorf("an attempt gets %d digits", len(got))
	}
	s.SettleCode(record, false)
	if got := s.borrowed(record); got != "7391" {
		t.Errorf("a second attempt gets %d digits", len(got))
	}
	s.SettleCode(record, true)
	if got := s.borrowed(record); got != "" {
		t.Error("the code outlives its payment")
	}
	s.wantCounts(t, "after the payment", map[string]int{"held": 1, "released": 1})
}

// TestCodeEndsWithItsToken: each end that the service itself brings about, in
// the metrics and in the audit log.
func TestCodeEndsWithItsToken(t *testing.T) {
	for _, tt := range []struct {
		why string
		end func(t *testing.T, s *codeShop, token, record string)
	}{
		{"attached", func(t *testing.T, s *codeShop, token, _ string) { s.customer(t, vault.CustomerFields{Token: token}) }},
		{"attached", func(t *testing.T, s *codeShop, token, _ string) {
			s.attach(t, s.customer(t, vault.CustomerFields{}).ID, token)
		}},
		{"lapsed", func(t *testing.T, s *codeShop, _, _ string) { s.clock.Advance(30 * time.Minute) }},
		{"lapsed", func(t *testing.T, s *codeShop, _, _ string) {
			s.clock.Advance(30 * time.Minute)
			s.sweep(t, "a token", 1)
		}},
		{"retry_window", func(t *testing.T, s *codeShop, _, record string) {
			s.SettleCode(record, false)
			s.clock.Advance(vault.DefaultCodeRetry)
		}},
		{"shutdown", func(*testing.T, *codeShop, string, string) {}},
	} {
		t.Run(tt.why, func(t *testing.T) {
			s := newCodeShop(t, nil)
			token, record := s.coded(t, "7391")
			tt.end(t, s, token, record)
			if tt.why != "shutdown" {
				await(t, "housekeeping", func() bool { return len(events(t, s.Store, audit.CodeExpire)) == 1 })
				if got := s.borrowed(record); got != "" {
					t.Error("an attempt gets the code")
				}
			}
			s.Close(context.Background())
			s.wantCounts(t, "at the end", map[string]int{"held": 1, tt.why: 1})
			all := events(t, s.Store, audit.CodeExpire)
			if len(all) != 1 || all[0].Object != token || all[0].Merchant != s.public.Merchant || all[0].Mode != "test" ||
				all[0].Details["reason"] != tt.why || all[0].Details["ended"] != s.clock.Now().UTC().Format(time.RFC3339) {
				t.Errorf("records %+v, want one of %s", all, token)
			}
		})
	}
}

// TestCodeOfACardThatAnotherProcessAttached: that process has no code to drop;
// this one drops it with the card.
func TestCodeOfACardThatAnotherProcessAttached(t *testing.T) {
	for what, destroy := range map[string]func(s *codeShop, c vault.Customer) error{
		"card": func(s *codeShop, c vault.Customer) error {
			return second(s.DeleteCard(t.Context(), s.secret, c.ID, c.DefaultCard))
		},
		"customer": func(s *codeShop, c vault.Customer) error {
			return second(s.DeleteCustomer(t.Context(), s.secret, c.ID))
		},
	} {
		s := newCodeShop(t, nil)
		other, err := vault.New(t.Context(), vault.Options{Store: s.Store, KMS: s.KMS, Clock: s.clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close(context.Background())
		token, record := s.coded(t, "7391")
		if code := other.BorrowCode(record); !code.IsZero() {
			t.Error("a process without intake has a code")
		}
		c, err := other.CreateCustomer(t.Context(), s.secret, vault.CustomerFields{Token: token})
		if err != nil {
			t.Fatal(err)
		}
		s.wantCounts(t, what+" attached elsewhere", map[string]int{"held": 1, "": 1})
		if err := destroy(s, c); err != nil {
			t.Fatal(err)
		}
		s.wantCounts(t, what+" destroyed", map[string]int{"held": 1, "destroyed": 1})
	}
}

// TestFailedChangeKeepsTheCode: only what is committed ends a code.
func TestFailedChangeKeepsTheCode(t *testing.T) {
	s := newCodeShop(t, nil)
	token, _ := s.coded(t, "7391")
	in := vault.CustomerFields{Token: token, DefaultCard: "card_test_" + strings.Repeat("0", 24)}
	c := s.customer(t, vault.CustomerFields{})
	if _, err := s.UpdateCustomer(t.Context(), s.secret, c.ID, in); vault.CodeOf(err) != vault.NotFound {
		t.Fatal(err)
	}
	if _, err := s.UpdateCustomer(t.Context(), s.public, c.ID, vault.CustomerFields{Token: token}); err == nil {
		t.Fatal("a public key attaches")
	}
	s.wantCounts(t, "after changes that failed", map[string]int{"held": 1, "": 1})
}

func TestImportHoldsNoCode(t *testing.T) {
	s := newCodeShop(t, nil)
	im := begin(t, s.Service, s.Operator, source(s.public.Merchant, false))
	in := line("4242424242424242", "a")
	in.Card.SecurityCode = []byte("739")
	im.take(t, in)
	s.wantCounts(t, "an import", map[string]int{})
}

// TestCodesAreInNoFile: by construction, no row and no record can tell one code
// from another or from none; and in fact, neither the digits nor what was sealed
// of them is in the files. Both copies are wiped from memory.
func TestCodesAreInNoFile(t *testing.T) {
	const tokens, code = 400, "7391"
	s := newCodeShop(t, nil)
	for range tokens {
		s.coded(t, code)
	}
	live := s.SealedCodes()
	var sealed [][]byte
	for _, b := range live {
		sealed = append(sealed, bytes.Clone(b))
	}
	if len(sealed) != tokens || len(sealed[0]) == 0 || !s.CodeKeyLocked() {
		t.Fatalf("%d codes are sealed (key locked: %v), want %d", len(sealed), s.CodeKeyLocked(), tokens)
	}
	s.Close(context.Background())
	for _, b := range live {
		if slices.ContainsFunc(b, func(c byte) bool { return c != 0 }) {
			t.Fatal("what was sealed is in memory after Close")
		}
	}
	if s.CodeKeyLocked() {
		t.Error("the key is in memory after Close")
	}
	if n := len(events(t, s.Store, audit.CodeExpire)); n != tokens {
		t.Errorf("%d records of ends, want %d", n, tokens)
	}
	if err := s.Store.Close(); err != nil {
		t.Fatal(err)
	}
	var all []byte
	files, err := filepath.Glob(s.Path + "*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, content...)
	}
	for _, b := range sealed {
		if bytes.Contains(all, b[len(b)-16:]) {
			t.Fatal("what was sealed is in a file")
		}
	}
	for what, form := range map[string]string{"plain": code, "hex": fmt.Sprintf("%x", code)} {
		// Four digits occur by chance, but not once for each card.
		if n := bytes.Count(all, []byte(form)); n > tokens/4 {
			t.Errorf("the code of %d cards occurs %d times in the files, %s", tokens, n, what)
		}
	}
}

// TestRecordsDoNotTellCodes: what is written of a token is the same for every
// code, but for ids and times.
func TestRecordsDoNotTellCodes(t *testing.T) {
	var seen []string
	for _, code := range []string{"0000", "7391", "9999"} {
		s := newCodeShop(t, nil)
		token, _ := s.coded(t, code)
		s.Close(context.Background())
		var out strings.Builder
		for _, kind := range []audit.Type{audit.TokenCreate, audit.CodeExpire, audit.CodeRelease} {
			for _, e := range events(t, s.Store, kind) {
				delete(e.Details, "ended")
				fmt.Fprintln(&out, e.Type, e.Outcome, e.Object == token, e.Details)
			}
		}
		w := &world{Vault: s.Vault, db: rawDB(t, s.Vault)}
		for _, column := range w.columns(t, "cards") {
			for _, rowid := range w.rowids(t, "cards", "") {
				switch v := w.cell(t, "cards", column, rowid).(type) {
				case []byte:
					fmt.Fprintln(&out, column, len(v))
				case string:
					fmt.Fprintln(&out, column, len(v))
				}
			}
		}
		seen = append(seen, out.String())
	}
	if seen[0] != seen[1] || seen[1] != seen[2] || !strings.Contains(seen[0], "sealed_pan") || !strings.Contains(seen[0], "code.expire") {
		t.Errorf("the records of three codes:\n%s", strings.Join(seen, "\n"))
	}
}
