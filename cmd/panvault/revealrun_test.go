package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// TestRevealStory: a merchant's desk asks to see a card, an operator looks at
// what waits and approves it; without him, and without the right, nothing is
// shown.
func TestRevealStory(t *testing.T) {
	t.Parallel()
	in := install(t, "reveals.approval", "10s")
	s := in.serve(in.config)
	_, secret := in.newKey("secret")
	reveal, desk := in.newKey("reveal")
	var token, customer struct {
		ID   string
		Card string `json:"default_card"`
	}
	must(t, http.MethodPost, s.URL+"/tokens", s.PublicKey, testCard{"4242424242424242", "JOHN DOE", "123"}.form()).decode(t, &token)
	must(t, http.MethodPost, s.URL+"/customers", secret, map[string][]string{"card": {token.ID}}).decode(t, &customer)
	form := map[string][]string{"card": {customer.Card}, "fields": {"number,name"}, "reason": {"case 17"}}

	type outcome struct {
		reply
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		r, err := request(t.Context(), http.DefaultClient, http.MethodPost, s.URL+"/v1/reveals", desk, form)
		done <- outcome{r, err}
	}()
	var waits []approvalJSON
	s.await("a request that waits", func() bool {
		commandJSON(t, &waits, "approval", "list", "--config", in.config)
		return len(waits) == 1
	})
	a := waits[0]
	if a.Action != "reveal" || a.State != "waiting" || a.Reason != "case 17" || a.RequestedBy != reveal || a.Subject.Card != customer.Card || a.Subject.Fields != "number,name" {
		t.Errorf("what waits is %+v", a)
	}
	if out, _ := command(t, 0, "approval", "list", "--config", in.config); !strings.Contains(out, customer.Card+" number,name") {
		t.Errorf("the list does not say what for:\n%s", out)
	}
	out, errs := command(t, 0, "approve", a.ID, "--config", in.config)
	if !strings.Contains(out, customer.Card) || !strings.Contains(errs, "approved; the request that waits is answered now") {
		t.Errorf("approve says\n%s%s", out, errs)
	}
	got := <-done
	if got.err != nil || got.status != http.StatusOK || !strings.Contains(got.body, `"number":"4242424242424242"`) {
		t.Errorf("approved: %d %s (%v)", got.status, got.body, got.err)
	}
	if r, err := request(t.Context(), http.DefaultClient, http.MethodPost, s.URL+"/v1/reveals", secret, form); err != nil || r.status != http.StatusUnauthorized {
		t.Errorf("with a secret key: %d (%v)", r.status, err)
	}
	if r, err := request(t.Context(), http.DefaultClient, http.MethodPost, s.URL+"/v1/reveals", desk, form); err != nil || r.status != http.StatusForbidden || !strings.Contains(r.body, "approval_required") {
		t.Errorf("nobody approves: %d %s (%v)", r.status, r.body, err)
	}
	s.Stop()
	details := column(t, filepath.Join(in.dir, "data"), `SELECT body ->> '$.outcome' FROM events WHERE type = 'card.reveal' ORDER BY rowid`)
	if strings.Join(details, " ") != "ok denied" {
		t.Errorf("reveals are on record as %v, want ok and denied", details)
	}
}
