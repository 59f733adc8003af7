package localkek_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/panvault/panvault/kms/localkek"
)

// terminal opens a pair: what is written to keyboard is typed at tty.
func terminal(t *testing.T) (keyboard, tty *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = keyboard.Close() })
	if err := unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(keyboard.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tty.Close() })
	return keyboard, tty
}

// typist types the next line each time it is asked.
type typist struct {
	keyboard io.Writer
	lines    []string
	asked    bytes.Buffer
}

func (p *typist) Write(b []byte) (int, error) {
	if !bytes.Equal(b, []byte("\n")) && len(p.lines) > 0 {
		line := p.lines[0]
		p.lines = p.lines[1:]
		if _, err := io.WriteString(p.keyboard, line+"\n"); err != nil {
			return 0, err
		}
	}
	return p.asked.Write(b)
}

func TestPassphraseFromPrompt(t *testing.T) {
	ring := newPath(t)
	create(t, ring, localkek.Options{})
	tests := []struct {
		name    string
		lines   []string
		confirm bool
		ok      bool
	}{
		{"once", []string{secret}, false, true},
		{"twice", []string{secret, secret}, true, true},
		{"twice, differing", []string{secret, secret + "x"}, true, false},
		{"too short", []string{"short"}, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			keyboard, tty := terminal(t)
			out := &typist{keyboard: keyboard, lines: tt.lines}
			p, err := localkek.PassphraseFromPrompt(tty, out, tt.confirm)
			if (err == nil) != tt.ok || (tt.ok && !opens(t, ring, p)) {
				t.Errorf("PassphraseFromPrompt: %v, or another passphrase, want ok %v", err, tt.ok)
			}
			if tt.name == "too short" && !errors.Is(err, localkek.ErrWeakPassphrase) {
				t.Errorf("error %v, want ErrWeakPassphrase", err)
			}
			if bytes.Contains(out.asked.Bytes(), []byte(secret)) {
				t.Error("the prompt repeats the passphrase")
			}
		})
	}
}
