package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/panvault/panvault/vault/httpapi"
)

// TestRecords is the life of a card as operators see it beside a running
// server: made and attached through the API, found by everything that is known
// of it, deleted through the API, and shown as destroyed with its shred horizon.
func TestRecords(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := startDev(t, dir)
	c := drawCard()
	token := s.create(c)
	s.create(drawCard())
	customer := must(t, http.MethodPost, s.URL+"/customers", s.SecretKey, url.Values{"card": {token}, "email": {"a@example.com"}}).id()
	card := "card_" + strings.TrimPrefix(token, "tokn_")
	key, err := os.ReadFile(filepath.Join(dir, sandboxOperator))
	if err != nil {
		t.Fatal(err)
	}
	operator := strings.TrimSpace(string(key))

	var shown httpapi.CardRecord
	commandJSON(t, &shown, "card", "show", card, "--data", dir)
	if shown.State != "stored" || *shown.Customer != customer || *shown.LastDigits != c.number[12:] || shown.ShredHorizon != nil {
		t.Errorf("card show: %+v", shown)
	}
	for _, criterion := range []struct{ flag, parameter, value string }{
		{"--last4", "last_digits", c.number[12:]}, {"--bin", "bin", "424242"}, {"--brand", "brand", "visa"},
		{"--fingerprint", "fingerprint", *shown.Fingerprint}, {"--customer", "customer", customer},
	} {
		var found httpapi.FoundCards
		commandJSON(t, &found, "card", "find", "--data", dir, criterion.flag, criterion.value)
		r := must(t, http.MethodGet, s.AdminURL+"/admin/cards?"+url.Values{criterion.parameter: {criterion.value}}.Encode(), operator, nil, "admin")
		var listed httpapi.FoundCards
		r.decode(t, &listed)
		for where, found := range map[string]httpapi.FoundCards{"command": found, "API": listed} {
			ids := ""
			for _, c := range found.Data {
				ids += c.ID + " "
			}
			if !strings.Contains(ids, card) {
				t.Errorf("%s %s finds %q through the %s, not %s", criterion.flag, criterion.value, ids, where, card)
			}
		}
		if strings.Contains(r.body, c.number) || strings.Contains(r.body, c.name) {
			t.Errorf("%s: the answer shows the card: %s", criterion.flag, r.body)
		}
	}
	out, errs := command(t, 0, "card", "find", "--data", dir, "--customer", customer)
	if want := fmt.Sprintf(`(?m)^%s  %s  Visa   …%s   12/%d  stored  %s  %s$`, card, customer, c.number[12:], time.Now().Year()+3, `\d{4}-\d\d-\d\d`, s.Merchant); !regexp.MustCompile(want).MatchString(out) || !strings.Contains(errs, "1 found, 1 cards looked at\n") {
		t.Errorf("card find prints\n%s%s want %s", out, errs, want)
	}
	out, errs = command(t, 0, "card", "find", "--data", dir, "--brand", "visa", "--limit", "1")
	if lines := strings.Count(out, "\n"); lines != 2 || !strings.Contains(errs, "for what is left: --after card_test_") {
		t.Errorf("card find --limit 1 prints\n%s%s", out, errs)
	}
	out, _ = command(t, 0, "customer", "show", customer, "--data", dir)
	if !strings.Contains(out, "  state     active\n") || !strings.Contains(out, "  cards     1\n") || strings.Contains(out, "example.com") {
		t.Errorf("customer show prints\n%s", out)
	}
	out, _ = command(t, 0, "retention", "report", "--data", dir)
	if !regexp.MustCompile(`(?m)^  unused tokens   1, destroyed 30m0s after they were made unless their merchant says otherwise\n  stored cards    1$`).MatchString(out) {
		t.Errorf("retention report prints\n%s", out)
	}

	if r := must(t, http.MethodDelete, s.URL+"/customers/"+customer, s.SecretKey, nil); r.status != http.StatusOK {
		t.Fatalf("DELETE: %d %s", r.status, r.body)
	}
	shown = httpapi.CardRecord{}
	commandJSON(t, &shown, "card", "show", token, "--data", dir)
	if shown.State != "destroyed" || shown.LastDigits != nil || shown.Fingerprint != nil || shown.DeletedAt == nil || shown.ShredHorizon == nil {
		t.Fatalf("card show of a destroyed card: %+v", shown)
	}
	deleted, err := time.Parse(time.RFC3339, *shown.DeletedAt)
	if err != nil {
		t.Fatal(err)
	}
	if want := deleted.Add(35 * 24 * time.Hour).Format(time.RFC3339); *shown.ShredHorizon != want {
		t.Errorf("shred horizon %s, want %s, when the last backup of 35 days is gone", *shown.ShredHorizon, want)
	}
	out, _ = command(t, 0, "card", "show", card, "--data", dir)
	for _, want := range []string{"  state          destroyed\n", "  shred horizon  2", "  destroyed      2", "  customer       " + customer} {
		if !strings.Contains(out, want) {
			t.Errorf("card show lacks %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "…") || strings.Contains(out, "expires") {
		t.Errorf("card show of a destroyed card prints\n%s", out)
	}
	var gone httpapi.CustomerRecord
	commandJSON(t, &gone, "customer", "show", customer, "--data", dir)
	if gone.State != "destroyed" || gone.Cards != 0 || gone.ShredHorizon == nil {
		t.Errorf("customer show: %+v", gone)
	}
	var found httpapi.FoundCards
	if commandJSON(t, &found, "card", "find", "--data", dir, "--last4", c.number[12:]); len(found.Data) != 0 {
		t.Errorf("found %+v", found.Data)
	}
	must(t, http.MethodGet, s.AdminURL+"/admin/cards/"+card, operator, nil, "admin")
	must(t, http.MethodGet, s.AdminURL+"/admin/customers/"+customer, operator, nil, "admin")
	s.Stop()
}

// TestRetentionPast: what no server destroys makes the report fail.
func TestRetentionPast(t *testing.T) {
	t.Parallel()
	in := install(t)
	s := in.serve(in.config)
	s.create(drawCard())
	s.Kill()
	exec := func(statement string) { column(t, s.Data, statement+" RETURNING 'x'") }
	exec("UPDATE cards SET expires_at = expires_at - 3600000000")
	out, errs := command(t, 1, "retention", "report", "--config", in.config)
	for _, want := range []string{"  due now         1\n", "  past retention  1\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("the report lacks %q:\n%s", want, out)
		}
	}
	if want := "panvault: 1 records are past retention: 0 spent cards, 1 lapsed tokens, 0 unused cards, 0 expired cards\n  try: deploy/runbooks/retention.md: is a server running, and what does its log say?"; !strings.HasPrefix(errs, want) {
		t.Errorf("it says %q, want %q", errs, want)
	}
	out, _ = command(t, 1, "retention", "report", "--config", in.config, "--json")
	if !strings.Contains(out, `"past_retention":1`) || !strings.Contains(out, `"lapsed_tokens":1`) {
		t.Errorf("the report as JSON is %s", out)
	}
}
