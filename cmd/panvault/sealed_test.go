package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/panvault/panvault/kms/transit/transittest"
)

// TestVaultSealedMidStream seals Vault while tokens are made: the prepared keys
// run out, then callers are told when to come back and nothing is half-written;
// after the unseal everything works again without a restart.
func TestVaultSealedMidStream(t *testing.T) {
	t.Parallel()
	v := transittest.Start(t)
	in := installOnVault(t, v, "cards.prepared_data_keys", 16)
	s := in.serve(in.config)
	card := drawCard()
	token := s.create(card)
	s.wantReady("ready", "ok")

	created := 1
	tried, stop := s.stream(8)
	s.await("a stream of creates", func() bool { return tried() > 100 })
	v.Seal(t)
	s.await("refusals", func() bool {
		r := must(t, http.MethodPost, s.URL+"/tokens", s.PublicKey, drawCard().form())
		if r.status == http.StatusOK {
			created++
		}
		return r.status == http.StatusServiceUnavailable
	})
	s.wantReady("not ready", "failed")
	s.checkToken(token, card) // what is stored needs no KMS in its masked form
	if out, _ := command(t, 1, "doctor", "--config", in.config); !strings.Contains(out, "failed   kms") || !strings.Contains(out, "try: is the KMS reachable and unsealed?") {
		t.Errorf("doctor says\n%s", out)
	}
	attempts := stop()
	refused := 0
	for _, a := range attempts {
		switch {
		case a.err == nil && a.reply.status == http.StatusOK:
			created++
		case a.err == nil && a.reply.status == http.StatusServiceUnavailable:
			refused++
			wantUnavailable(t, a.reply)
		default:
			t.Errorf("POST /tokens: %d %v %s, want 200 or 503", a.reply.status, a.err, a.reply.body)
		}
	}
	if refused == 0 {
		t.Error("nobody was refused while Vault was sealed")
	}
	data := filepath.Join(in.dir, "data")
	for _, table := range []string{"cards", "events WHERE type = 'token.create'"} {
		if got := column(t, data, `SELECT count(*) FROM `+table)[0]; got != strconv.Itoa(created) {
			t.Errorf("%s: %s rows for %d tokens", table, got, created)
		}
	}

	v.Unseal(t)
	var after string
	s.await("tokens after the unseal", func() bool {
		r := must(t, http.MethodPost, s.URL+"/tokens", s.PublicKey, card.form())
		after = r.id()
		return r.status == http.StatusOK
	})
	s.checkToken(after, card)
	s.await("readiness", func() bool { return must(t, http.MethodGet, s.AdminURL+"/readyz", "", nil).status == http.StatusOK })
	s.wantReady("ready", "ok")
	s.Stop()
	wantCleanAudit(t, v, data, attempts)
}

// wantReady compares /readyz, and what it says about the KMS.
func (s *server) wantReady(status, kms string) {
	s.t.Helper()
	var got struct {
		Status       string
		Dependencies []struct{ Name, Status string }
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		must(s.t, http.MethodGet, s.AdminURL+"/readyz", "", nil).decode(s.t, &got)
		if got.Status == status || time.Now().After(deadline) {
			break
		}
	}
	i := slices.IndexFunc(got.Dependencies, func(d struct{ Name, Status string }) bool { return d.Name == "kms" })
	if got.Status != status || i < 0 || got.Dependencies[i].Status != kms {
		s.t.Errorf("/readyz: %+v, want %s with kms %s", got, status, kms)
	}
}

func wantUnavailable(t *testing.T, r reply) {
	t.Helper()
	var got struct{ Object, Code string }
	r.decode(t, &got)
	seconds, err := strconv.Atoi(r.header.Get("Retry-After"))
	if got.Object != "error" || got.Code != "service_unavailable" || err != nil || seconds < 1 {
		t.Errorf("503 with Retry-After %q and %s", r.header.Get("Retry-After"), r.body)
	}
}

// wantCleanAudit reads Vault's own audit file: our calls are in it, cards and
// keys are not.
func wantCleanAudit(t *testing.T, v *transittest.Server, data string, attempts []attempt) {
	t.Helper()
	_, dek := unwrapStored(t, v, v.RootToken, data)
	text := v.Audit(t)
	for _, path := range []string{"transit/encrypt/panvault-card-test", "transit/encrypt/panvault-work", "transit/decrypt/panvault-work", "auth/approle/login"} {
		if !bytes.Contains(text, []byte(`"path":"`+path+`"`)) {
			t.Errorf("Vault's audit file has no call of %s", path)
		}
	}
	for _, form := range []string{string(dek), hex.EncodeToString(dek), base64.StdEncoding.EncodeToString(dek), v.RootToken} {
		if bytes.Contains(text, []byte(form)) {
			t.Error("Vault's audit file holds a data key or a token")
		}
	}
	for _, a := range attempts {
		if bytes.Contains(text, []byte(a.card.number)) || bytes.Contains(text, []byte(a.card.name)) {
			t.Error("Vault's audit file holds a card")
		}
	}
}
