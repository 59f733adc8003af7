package localkek_test

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/panvault/panvault/kms/localkek"
)

// opens reports whether p is the passphrase that create uses.
func opens(t *testing.T, path string, p localkek.Passphrase) bool {
	t.Helper()
	k, err := localkek.Open(path, p, localkek.Options{})
	if err != nil {
		if !errors.Is(err, localkek.ErrPassphrase) {
			t.Errorf("Open: %v", err)
		}
		return false
	}
	_ = k.Close()
	return true
}

func TestNewPassphrase(t *testing.T) {
	b := []byte(secret)
	p, err := localkek.NewPassphrase(b)
	if err != nil || !bytes.Equal(b, make([]byte, len(secret))) {
		t.Errorf("NewPassphrase: %v, input now %q, want it wiped", err, b)
	}
	p.Wipe()
	p.Wipe()
	for _, n := range []int{0, 11, 1025} {
		if _, err := localkek.NewPassphrase(bytes.Repeat([]byte("x"), n)); !errors.Is(err, localkek.ErrWeakPassphrase) {
			t.Errorf("%d bytes: %v, want ErrWeakPassphrase", n, err)
		}
	}
	for _, n := range []int{12, 1024} {
		passphrase(t, strings.Repeat("x", n))
	}
}

func TestWipedPassphraseOpensNothing(t *testing.T) {
	path := newPath(t)
	create(t, path, localkek.Options{})
	p := passphrase(t, secret)
	other := p
	if !opens(t, path, other) {
		t.Error("the passphrase does not open the keyring")
	}
	p.Wipe()
	if opens(t, path, other) {
		t.Error("a copy of a wiped passphrase opens the keyring")
	}
}

func TestPassphraseFromFile(t *testing.T) {
	ring := newPath(t)
	create(t, ring, localkek.Options{})
	tests := []struct {
		content string
		opens   bool
	}{
		{secret, true}, {secret + "\n", true}, {secret + "\r\n", true},
		{secret + "\n\n", false}, {secret + " \n", false}, {secret + "\r", false}, {"\n" + secret, false},
	}
	for _, tt := range tests {
		path := filepath.Join(t.TempDir(), "passphrase")
		if err := os.WriteFile(path, []byte(tt.content), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := localkek.PassphraseFromFile(path)
		if err != nil {
			t.Errorf("%q: %v", tt.content, err)
			continue
		}
		if got := opens(t, ring, p); got != tt.opens {
			t.Errorf("%q opens: %v, want %v", tt.content, got, tt.opens)
		}
		p.Wipe()
		if err := os.Chmod(path, 0o640); err != nil {
			t.Fatal(err)
		}
		if _, err := localkek.PassphraseFromFile(path); !errors.Is(err, localkek.ErrMode) || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode 640: %v, want ErrMode", err)
		}
	}
	for _, bad := range []string{"", "\n", "short\n", strings.Repeat("x", 2000)} {
		path := filepath.Join(t.TempDir(), "passphrase")
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := localkek.PassphraseFromFile(path); err == nil {
			t.Errorf("%d bytes: accepted", len(bad))
		}
	}
	if _, err := localkek.PassphraseFromFile(newPath(t)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v, want os.ErrNotExist", err)
	}
}

func TestPassphraseFromEnv(t *testing.T) {
	const name = "LOCALKEK_TEST_PASSPHRASE"
	t.Setenv(name, secret)
	ring := newPath(t)
	create(t, ring, localkek.Options{})
	p, err := localkek.PassphraseFromEnv(name)
	if err != nil || !opens(t, ring, p) {
		t.Errorf("PassphraseFromEnv: %v, or another passphrase", err)
	}
	p.Wipe()
	if _, set := os.LookupEnv(name); set {
		t.Error("the variable is still set")
	}
	if _, err := localkek.PassphraseFromEnv(name); err == nil || !strings.Contains(err.Error(), name) {
		t.Errorf("unset variable: %v, want an error that names it", err)
	}
	t.Setenv(name, "short")
	if _, err := localkek.PassphraseFromEnv(name); !errors.Is(err, localkek.ErrWeakPassphrase) {
		t.Errorf("short: %v, want ErrWeakPassphrase", err)
	}
	if _, set := os.LookupEnv(name); set {
		t.Error("the refused variable is still set")
	}
}

func TestPassphraseRedacts(t *testing.T) {
	const marker = "SECRETSECRETSECRETSECRETSECRET!!"
	p := passphrase(t, marker)
	holders := []any{p, &p, struct{ hidden localkek.Passphrase }{p}, struct{ hidden *localkek.Passphrase }{&p},
		struct{ Shown localkek.Passphrase }{p}, map[string]localkek.Passphrase{"k": p}, []localkek.Passphrase{p}}
	var out strings.Builder
	for _, h := range holders {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c", "%t"} {
			fmt.Fprintf(&out, verb+"\n", h)
		}
		enc, err := json.Marshal(h)
		fmt.Fprintln(&out, string(enc), err)
		if m, ok := h.(encoding.TextMarshaler); ok {
			enc, err := m.MarshalText()
			fmt.Fprintln(&out, string(enc), err, h.(fmt.Stringer).String(), h.(fmt.GoStringer).GoString())
		}
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "p", h)
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "p", h)
	}
	text := strings.ToLower(out.String())
	for _, form := range []string{"secret", "5345435245", "83 69 67", "0x53, 0x45", "u0vduku"} {
		if strings.Contains(text, form) {
			t.Errorf("output contains %q", form)
		}
	}
	if !strings.Contains(text, "[passphrase]") {
		t.Error("output has no redacted text")
	}
}

func TestPromptNeedsATerminal(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if _, err := localkek.PassphraseFromPrompt(r, w, false); err == nil {
		t.Error("asked a pipe for a passphrase")
	}
}
