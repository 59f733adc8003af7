package localkek_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/kms/localkek"
)

func TestOtherProcessRotates(t *testing.T) {
	path, now := newPath(t), newClock()
	mine := create(t, path, localkek.Options{Now: now.now})
	other := open(t, path, localkek.Options{})
	rotate(t, other, 2)
	if v := wrapOne(t, mine, "within the second").Version; v != 1 {
		t.Errorf("wrapped under %d, want 1: the file is looked at once a second", v)
	}
	now.advance(time.Second)
	if v := wrapOne(t, mine, "a second later").Version; v != 2 {
		t.Errorf("wrapped under %d, want 2", v)
	}
	rotate(t, other, 3)
	now.advance(-time.Hour)
	if v := wrapOne(t, mine, "the clock stepped back").Version; v != 3 {
		t.Errorf("wrapped under %d, want 3: a clock that steps back must not stop the looking", v)
	}
}

func TestUnknownVersionIsLookedUpAtOnce(t *testing.T) {
	path, now := newPath(t), newClock()
	mine := create(t, path, localkek.Options{Now: now.now})
	other := open(t, path, localkek.Options{})
	rotate(t, other, 2)
	unwrapOne(t, mine, wrapOne(t, other, "brand new").Wrapped, "brand new")
	unwrapOne(t, mine, []byte("local:v3:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), kms.ErrTampered)
}

// TestFileGone: without the file nothing new is wrapped, what exists opens, and
// all is well again once it is back.
func TestFileGone(t *testing.T) {
	path, now := newPath(t), newClock()
	k := create(t, path, localkek.Options{Now: now.now})
	w := wrapOne(t, k, "kept")
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	now.advance(time.Second)
	wantDown(t, k)
	unwrapOne(t, k, w.Wrapped, "kept")
	if _, err := k.Rotate(t.Context(), kms.CardTest, 1); !errors.Is(err, kms.ErrUnavailable) {
		t.Errorf("Rotate without the file: %v, want ErrUnavailable", err)
	}
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	now.advance(time.Second)
	wantUp(t, k)
}

func TestFileReplaced(t *testing.T) {
	tests := []struct {
		name string
		with func(t *testing.T, path string) []byte
	}{
		{"by an older backup", func(t *testing.T, path string) []byte { return readFile(t, path+".v1") }},
		{"by garbage", func(*testing.T, string) []byte { return []byte("garbage") }},
		{"by nothing", func(*testing.T, string) []byte { return nil }},
		{"by another keyring of the same passphrase", func(t *testing.T, path string) []byte {
			k := create(t, path+".other", localkek.Options{})
			rotate(t, k, 2)
			return readFile(t, path+".other")
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path, now := newPath(t), newClock()
			k := create(t, path, localkek.Options{Now: now.now})
			writeFile(t, path+".v1", readFile(t, path))
			rotate(t, k, 2)
			w, good := wrapOne(t, k, "kept"), readFile(t, path)

			writeFile(t, path, tt.with(t, path))
			now.advance(time.Second)
			wantDown(t, k)
			unwrapOne(t, k, w.Wrapped, "kept")
			if _, err := k.Rotate(t.Context(), kms.CardTest, 2); !errors.Is(err, kms.ErrUnavailable) {
				t.Errorf("Rotate: %v, want ErrUnavailable", err)
			}
			writeFile(t, path, good)
			now.advance(time.Second)
			wantUp(t, k)
		})
	}
}

func TestFileOpenedToOthersWhileRunning(t *testing.T) {
	path, now := newPath(t), newClock()
	k := create(t, path, localkek.Options{Now: now.now})
	b := readFile(t, path)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	now.advance(time.Second)
	if err := k.Check(t.Context()); !errors.Is(err, kms.ErrUnavailable) || !errors.Is(err, localkek.ErrMode) {
		t.Errorf("Check: %v, want ErrUnavailable and ErrMode", err)
	}
}

func wantDown(t *testing.T, k *localkek.Keyring) {
	t.Helper()
	if err := wrapError(t, k); !errors.Is(err, kms.ErrUnavailable) {
		t.Errorf("Wrap: %v, want ErrUnavailable", err)
	}
	if err := k.Check(t.Context()); !errors.Is(err, kms.ErrUnavailable) {
		t.Errorf("Check: %v, want ErrUnavailable", err)
	}
}

func wantUp(t *testing.T, k *localkek.Keyring) {
	t.Helper()
	if err := wrapError(t, k); err != nil {
		t.Errorf("Wrap: %v, want nil", err)
	}
	if err := k.Check(t.Context()); err != nil {
		t.Errorf("Check: %v, want nil", err)
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// writeFile replaces a file, as a restore does.
func writeFile(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func TestLinksLeadToOneFile(t *testing.T) {
	path := newPath(t)
	link := newPath(t)
	create(t, path, localkek.Options{})
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	k := open(t, link, localkek.Options{})
	rotate(t, k, 2)
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", info, err)
	}
	d, err := open(t, path, localkek.Options{}).Describe(t.Context(), kms.CardTest)
	if err != nil || d.Latest != 2 {
		t.Errorf("the file itself has version %d, %v, want 2", d.Latest, err)
	}
}
