package forward_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/panvault/panvault/vault/forward"
)

// TestLeakWritings: the second search knows the writings too, so that what the
// first one misses is withheld.
func TestLeakWritings(t *testing.T) {
	all := writings()
	for _, how := range slices.Sorted(maps.Keys(all)) {
		for _, number := range []string{number, zeros, "378282246310005"} {
			for part, digits := range map[string]string{"all": number, "first 10": number[:10], "last 12": number[len(number)-12:]} {
				if nested[how] && part != "all" {
					continue // of these it knows the whole number only
				}
				for where, in := range contexts() {
					if body := in.write(all[how](digits)); !forward.Leaks([]byte(body), []byte(number)) {
						t.Errorf("%s of %s, %s, %s: not found in %s", part, number, how, where, body)
					}
				}
			}
		}
	}
	for _, text := range []string{`{"last4":"1486","n":"************1486"}`, "453957", "1486 1486 1486", "45395787", "4d2a7f", "bnVtYmVy"} {
		if want := text == "45395787"; forward.Leaks([]byte(text), []byte(number)) != want {
			t.Errorf("%s: got %v, want %v", text, !want, want)
		}
	}
	for _, text := range []string{"453957••••••", "45395 **", "0x1020B2FD36B55E", "453957…1486"} {
		want := text != "0x1020B2FD36B55E"
		if forward.Leaks([]byte(text), []byte(number)) != want {
			t.Errorf("%s: got %v, want %v", text, !want, want)
		}
	}
}

// nested are the writings inside each other.
var nested = map[string]bool{"base64 twice": true, "base64, 3": true, "base64, 4": true, "base32 of base64": true, "hex of base64": true}
