package main

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDevReadyLine(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "sandbox")
	s := startDev(t, dir)
	card := drawCard()
	token := s.create(card)
	s.Stop()
	lines := strings.Split(strings.TrimSuffix(s.out.String(), "\n"), "\n")
	dec := json.NewDecoder(strings.NewReader(lines[0]))
	var keys []string
	for i := 0; dec.More() || i == 0; i++ {
		token, err := dec.Token()
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := token.(string); ok && i%2 == 1 {
			keys = append(keys, text)
		}
	}
	want := []string{"url", "admin_url", "merchant", "public_key", "secret_key", "data", "processor_url"}
	if len(lines) != 1 || !cmp.Equal(keys, want) {
		t.Errorf("standard output is %q with keys %v, want one line with %v", lines, keys, want)
	}
	if s.Data != dir {
		t.Errorf("data is %q, want %q", s.Data, dir)
	}

	again := startDev(t, dir)
	if again.PublicKey != s.PublicKey || again.SecretKey != s.SecretKey || again.Merchant != s.Merchant {
		t.Errorf("reopened with %s %s %s, want %s %s %s", again.Merchant, again.PublicKey, again.SecretKey, s.Merchant, s.PublicKey, s.SecretKey)
	}
	again.checkToken(token, card)
	again.Stop()
}

func TestDevTemporary(t *testing.T) {
	t.Parallel()
	s := startDev(t, ":temp:")
	s.create(drawCard())
	if info, err := os.Stat(s.Data); err != nil || info.Mode().Perm() != 0o700 {
		t.Fatalf("%s: %v %v, want a folder for its owner only", s.Data, info, err)
	}
	s.Signal(syscall.SIGINT) // as Ctrl-C does
	if code := s.Wait(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	if _, err := os.Stat(s.Data); !os.IsNotExist(err) {
		t.Errorf("%s is still there after the end: %v", s.Data, err)
	}
}

// TestDevDefaultFolder: without --data the sandbox is under the state folder.
func TestDevDefaultFolder(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	cmd := exec.Command("panvault", "dev", "--json", "--listen", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+state)
	s := launchCommand(t, cmd)
	s.awaitReady()
	if want := filepath.Join(state, "panvault", "dev"); s.Data != want {
		t.Errorf("data is %q, want %q", s.Data, want)
	}
	s.Stop()
	cmd = exec.Command("panvault", "dev", "--listen", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME=", "HOME=")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "try: panvault dev --data DIR, or --data :temp:") {
		t.Errorf("without a home: %v, %s", err, out)
	}
}

func TestDevPortTaken(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, flag := range []string{"--listen", "--admin-listen", "--processor-listen"} {
		args := []string{"dev", "--data", t.TempDir(), flag, l.Addr().String()}
		if flag != "--listen" {
			args = append(args, "--listen", "127.0.0.1:0")
		}
		out, errs := command(t, 1, args...)
		if out != "" || !strings.Contains(errs, "address already in use") || !strings.Contains(errs, "panvault: "+flag+": ") || !strings.Contains(errs, "try: "+flag+" 127.0.0.1:0") {
			t.Errorf("%s: printed %q and %q, want a clear error", flag, out, errs)
		}
	}
}

// TestDevAddress: a sandbox is on loopback, and nothing is made before that is
// known.
func TestDevAddress(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ flag, addr, want, try string }{
		{"--listen", "0.0.0.0:0", "dev serves loopback only", "panvault serve"},
		{"--listen", ":0", "dev serves loopback only", "panvault serve"},
		{"--listen", "[::]:0", "dev serves loopback only", "panvault serve"},
		{"--admin-listen", "192.0.2.1:0", "dev serves loopback only", "panvault serve"},
		{"--processor-listen", "192.0.2.1:0", "dev serves loopback only", "panvault serve"},
		{"--processor-listen", "foo", "--processor-listen must be HOST:PORT", "--processor-listen 127.0.0.1:0"},
		{"--listen", "foo", "--listen must be HOST:PORT", "--listen 127.0.0.1:0"},
		{"--listen", "127.0.0.1:70000", "--listen must be HOST:PORT", "--listen 127.0.0.1:0"},
		{"--admin-listen", "foo", "--admin-listen must be HOST:PORT", "--admin-listen 127.0.0.1:0"},
	} {
		dir := filepath.Join(t.TempDir(), "sandbox")
		out, errs := command(t, 2, "dev", "--data", dir, tt.flag, tt.addr)
		if out != "" || !strings.Contains(errs, tt.want) || !strings.Contains(errs, "try: "+tt.try) {
			t.Errorf("%s %s: printed %q and %q, want %q and %q", tt.flag, tt.addr, out, errs, tt.want, tt.try)
		}
		if exists(dir) {
			t.Errorf("%s %s: made %s", tt.flag, tt.addr, dir)
		}
	}
}

// TestDevBrokenFolder: keys that no longer belong to the database are not
// shown as if they worked.
func TestDevBrokenFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	startDev(t, dir).Stop()
	for _, tt := range []struct{ remove, want string }{
		{"keyring", "restore the keyring from its backup"},
		{"panvault.db", "another --data folder, or delete this one"},
	} {
		if err := os.Remove(filepath.Join(dir, tt.remove)); err != nil {
			t.Fatal(err)
		}
		if _, errs := command(t, 1, "dev", "--data", dir, "--listen", "127.0.0.1:0"); !strings.Contains(errs, tt.want) {
			t.Errorf("without its %s: %q, want %q", tt.remove, errs, tt.want)
		}
	}
}
