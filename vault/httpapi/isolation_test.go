package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/vault"
)

// A token that is not the caller's looks, byte for byte, like one that never
// was, whatever the reason.
func TestAbsentAndForbiddenLookTheSame(t *testing.T) {
	w := newWire(t, config{})
	live := as(w.key(t, policy.Public, true))
	foreign := as(w.Key(t, w.Merchant(t, vault.MerchantSettings{}), policy.Public, false).Reveal())
	brief := as(w.Key(t, w.Merchant(t, vault.MerchantSettings{TokenTTL: time.Minute}), policy.Public, false).Reveal())

	own := w.token(t)
	expired := w.token(t, brief)
	w.clock.advance(2 * time.Minute)
	swapped := strings.Replace(own, "tokn_test_", "tokn_", 1) // the record exists, in the other mode
	tests := []struct {
		name string
		id   string
		edit func(*request)
	}{
		{"absent", "tokn_test_000000000000000000000000", as(w.public)},
		{"live token, test key", w.token(t, live), as(w.public)},
		{"test token, live key", own, live},
		{"other mode's spelling", swapped, as(w.public)},
		{"other mode's spelling, live key", swapped, live},
		{"another merchant's token", w.token(t, foreign), as(w.public)},
		{"own token, another merchant's key", own, foreign},
		{"expired", expired, brief},
		{"expired, another merchant's key", expired, foreign},
		{"longer", own + "0", as(w.public)},
		{"shorter", own[:len(own)-1], as(w.public)},
		{"upper case", strings.ToUpper(own), as(w.public)},
		{"of the card", strings.Replace(own, "tokn_", "card_", 1), as(w.public)},
		{"without a prefix", strings.TrimPrefix(own, "tokn_test_"), as(w.public)},
		{"with a line feed", own + "%0a", as(w.public)},
		{"with a space", own + "%20", as(w.public)},
		{"with a zero byte", own + "%00", as(w.public)},
		{"one letter", "x", as(w.public)},
	}
	const id = "{id}"
	var want string
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := w.get(t, "/tokens/"+tt.id, tt.edit)
			shown, _, _ := strings.Cut(tt.id, "%")
			a.want(t, http.StatusNotFound, "not_found", "token "+shown+" was not found")
			got := strings.Replace(a.raw, shown, id, 1)
			if want == "" {
				want = got
			}
			if got != want {
				t.Errorf("the body differs from that of an absent token:\n%s%s", got, want)
			}
			if !sameHeaders(a, w.get(t, "/tokens/tokn_test_000000000000000000000000", tt.edit), len(shown)-len("tokn_test_000000000000000000000000")) {
				t.Errorf("the headers differ from those of an absent token: %v", a.header)
			}
		})
	}
	if a := w.get(t, "/tokens/"+own); a.status != http.StatusOK {
		t.Errorf("the owner does not see the token: %d %s", a.status, a.raw)
	}
}

// sameHeaders compares the names of headers, and the length but for the id.
func sameHeaders(a, b answer, longer int) bool {
	if a.status != b.status || len(a.header) != len(b.header) || len(a.raw) != len(b.raw)+longer {
		return false
	}
	for name := range a.header {
		if b.header.Get(name) == "" {
			return false
		}
	}
	return true
}

// A token ends at its time, to the microsecond, on the injected clock.
func TestTokensExpire(t *testing.T) {
	for _, ttl := range []time.Duration{0, time.Minute, 24 * time.Hour} {
		w := newWire(t, config{merchant: vault.MerchantSettings{TokenTTL: ttl}})
		if ttl == 0 {
			ttl = 30 * time.Minute // the server's default
		}
		id := w.token(t)
		w.clock.advance(ttl - time.Microsecond)
		if a := w.get(t, "/tokens/"+id); a.status != http.StatusOK {
			t.Errorf("a moment before %s: %d %s", ttl, a.status, a.raw)
		}
		w.clock.advance(time.Microsecond)
		w.get(t, "/tokens/"+id).want(t, http.StatusNotFound, "not_found", "token "+id+" was not found")
	}
}
