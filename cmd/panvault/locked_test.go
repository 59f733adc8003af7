package main

import (
	"strings"
	"testing"

	"github.com/panvault/panvault/kms/localkek"
)

// locked is keys in memory that can, or cannot, be swapped out.
type locked bool

// Locked implements what openKMS keeps of a backend.
func (l locked) Locked() bool { return bool(l) }

// TestLockedMemoryHasTheKEKs: the measure holds only if it holds for the local
// keyring too.
func TestLockedMemoryHasTheKEKs(t *testing.T) {
	t.Parallel()
	in := install(t)
	c := &cli{stdin: strings.NewReader(""), stdout: new(transcript), stderr: new(transcript), configFile: in.config}
	cfg, err := c.loadConfig()
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.open(t.Context(), cfg, openMode{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.close(t.Context())
	if _, ok := a.keks.(*localkek.Keyring); !ok {
		t.Errorf("the app keeps %T, want the keyring", a.keks)
	}
	own := a.svc.LockedMemory() // a machine may lock little; then nothing may claim that it does
	for _, tt := range []struct {
		keks interface{ Locked() bool }
		want bool
	}{{locked(true), own}, {locked(false), false}, {nil, own}} {
		a.keks = tt.keks
		if got := a.lockedMemory(); got != tt.want {
			t.Errorf("with KEKs %v: locked memory is %v, want %v", tt.keks, got, tt.want)
		}
	}
}
