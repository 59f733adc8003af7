package localkek_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/kms/localkek"
)

func TestCreateAndOpen(t *testing.T) {
	path, now := newPath(t), newClock()
	k := create(t, path, localkek.Options{Now: now.now})
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", info.Mode(), err)
	}
	w := wrapOne(t, k, "a data key")
	if w.Version != 1 || !strings.HasPrefix(string(w.Wrapped), "local:v1:") {
		t.Errorf("wrapped %s, version %d, want version 1", w.Wrapped, w.Version)
	}
	_ = k.Close()
	k = open(t, path, localkek.Options{})
	unwrapOne(t, k, w.Wrapped, "a data key")
	d, err := k.Describe(t.Context(), kms.CardTest)
	if err != nil || !d.Created[1].Equal(now.now()) || d.Latest != 1 || d.MinDecrypt != 1 {
		t.Errorf("Describe = %+v, %v, want version 1 created %v", d, err, now.now())
	}
	if probe, err := kms.NewLockedBuffer(1); err != nil || k.Locked() != probe.Locked() {
		t.Errorf("Locked() = %v, want what a locked buffer says, %v", k.Locked(), err)
	} else {
		probe.Destroy()
	}
	if !filepath.IsAbs(k.Path()) {
		t.Errorf("Path() = %s, want an absolute path", k.Path())
	}
}

func TestCreateRefusesExisting(t *testing.T) {
	path := newPath(t)
	k := create(t, path, localkek.Options{})
	before, _ := os.ReadFile(path)
	_, err := localkek.Create(path, passphrase(t, secret), localkek.Options{Argon2: localkek.DevArgon2()})
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("second Create: %v, want fs.ErrExist", err)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("the refused Create changed the file")
	}
	_ = k.Close()
	link := path + "-dangling"
	if err := os.Symlink(filepath.Join(t.TempDir(), "nowhere"), link); err != nil {
		t.Fatal(err)
	}
	if _, err := localkek.Create(link, passphrase(t, secret), localkek.Options{}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Create over a dangling link: %v, want fs.ErrExist", err)
	}
}

func TestOpenErrors(t *testing.T) {
	path := newPath(t)
	if _, err := localkek.Open(path, passphrase(t, secret), localkek.Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v, want fs.ErrNotExist", err)
	}
	create(t, path, localkek.Options{})
	if _, err := localkek.Open(path, passphrase(t, secret+"."), localkek.Options{}); !errors.Is(err, localkek.ErrPassphrase) {
		t.Errorf("wrong passphrase: %v, want ErrPassphrase", err)
	}
	if _, err := localkek.Open(path, localkek.Passphrase{}, localkek.Options{}); !errors.Is(err, localkek.ErrPassphrase) {
		t.Errorf("no passphrase: %v, want ErrPassphrase", err)
	}
	if _, err := localkek.Open(filepath.Dir(path), passphrase(t, secret), localkek.Options{}); !errors.Is(err, localkek.ErrKeyring) {
		t.Errorf("a folder: %v, want ErrKeyring", err)
	}
	if err := os.WriteFile(path+"2", make([]byte, 2<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := localkek.Open(path+"2", passphrase(t, secret), localkek.Options{}); !errors.Is(err, localkek.ErrKeyring) {
		t.Errorf("2 MiB of zeros: %v, want ErrKeyring", err)
	}
}

func TestOpenRefusesSharedFile(t *testing.T) {
	path := newPath(t)
	create(t, path, localkek.Options{})
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := localkek.Open(path, passphrase(t, secret), localkek.Options{})
		if !errors.Is(err, localkek.ErrMode) || !strings.Contains(err.Error(), "chmod 600 "+path) {
			t.Errorf("mode %o: %v, want ErrMode and the command that mends it", mode, err)
		}
	}
	for _, mode := range []os.FileMode{0o600, 0o400} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		open(t, path, localkek.Options{})
	}
}

func TestArgon2Bounds(t *testing.T) {
	good := localkek.DevArgon2()
	for _, bad := range []localkek.Argon2{
		{Time: 0, Memory: good.Memory, Threads: 1}, {Time: 17, Memory: good.Memory, Threads: 1},
		{Time: 1, Memory: good.Memory - 1, Threads: 1}, {Time: 1, Memory: 1<<20 + 1, Threads: 1},
		{Time: 1, Memory: good.Memory, Threads: 0}, {Time: 1, Memory: good.Memory, Threads: 17},
	} {
		path := newPath(t)
		if _, err := localkek.Create(path, passphrase(t, secret), localkek.Options{Argon2: bad}); !errors.Is(err, localkek.ErrKeyring) {
			t.Errorf("%+v: %v, want ErrKeyring", bad, err)
		}
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%+v: left a file behind", bad)
		}
	}
}

func TestDefaultsComeFromTheFile(t *testing.T) {
	path := newPath(t)
	k, err := localkek.Create(path, passphrase(t, secret), localkek.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_ = k.Close()
	b, err := os.ReadFile(path)
	want := []byte{0, 0, 0, 3, 0, 1, 0, 0, 2, 0, 0, 0} // 3 passes, 64 MiB, 2 lanes
	if err != nil || !bytes.Equal(b[20:32], want) {
		t.Errorf("cost in the header %x, %v, want %x", b[20:32], err, want)
	}
	open(t, path, localkek.Options{Argon2: localkek.DevArgon2()})
}

func TestNoRandomness(t *testing.T) {
	dry := iotest.ErrReader(errors.New("dry"))
	path := newPath(t)
	if _, err := localkek.Create(path, passphrase(t, secret), localkek.Options{Argon2: localkek.DevArgon2(), Rand: dry}); err == nil {
		t.Error("created a keyring without randomness")
	}
	if _, err := localkek.Create(path, passphrase(t, secret), localkek.Options{
		Argon2: localkek.DevArgon2(), Rand: io.LimitReader(bytes.NewReader(make([]byte, 128)), 128)}); err == nil {
		t.Error("created a keyring with too little randomness for its nonce")
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stat: %v, want no file", err)
	}
	create(t, path, localkek.Options{})
	k := open(t, path, localkek.Options{Rand: dry})
	if err := wrapError(t, k); !errors.Is(err, kms.ErrUnavailable) {
		t.Errorf("Wrap: %v, want ErrUnavailable", err)
	}
	if _, err := k.Rotate(t.Context(), kms.CardTest, 1); err == nil {
		t.Error("rotated without randomness")
	}
	if d, err := k.Describe(t.Context(), kms.CardTest); err != nil || d.Latest != 1 {
		t.Errorf("Describe = %+v, %v, want version 1 still", d, err)
	}
}

func TestLeftoverOfADeadWriter(t *testing.T) {
	path := newPath(t)
	victim := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(victim, []byte("untouched"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, path+".tmp"); err != nil {
		t.Fatal(err)
	}
	k := create(t, path, localkek.Options{})
	rotate(t, k, 2)
	if b, _ := os.ReadFile(victim); string(b) != "untouched" {
		t.Errorf("followed a link at the temporary name: %q", b)
	}
	names, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if want := []string{path, path + ".lock"}; len(names) != 2 || names[0] != want[0] || names[1] != want[1] {
		t.Errorf("folder holds %v, want %v", names, want)
	}
}

func TestNoKeyIsInTheClear(t *testing.T) {
	path := newPath(t)
	var drawn bytes.Buffer
	k := create(t, path, localkek.Options{Rand: io.TeeReader(newCounter(), &drawn)})
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		kek := drawn.Bytes()[32+32*i:][:32] // after the salt
		if bytes.Contains(file, kek) {
			t.Error("the file holds a key in the clear")
		}
	}
	if bytes.Contains(file, []byte(secret)) || bytes.Contains(file, []byte("card-live")) {
		t.Error("the file holds the passphrase or its body in the clear")
	}
	first := drawn.Bytes()[32:40]
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c", "%t"} {
		got := fmt.Sprintf(verb+verb, k, struct{ hidden kms.KMS }{k})
		for _, form := range []string{string(first), hex.EncodeToString(first), strings.Trim(fmt.Sprint(first), "[]")} {
			if strings.Contains(strings.ToLower(got), form) {
				t.Errorf("%s prints a key: %s", verb, got)
			}
		}
	}
}

// counter is a source of distinct bytes.
type counter struct{ n byte }

func newCounter() *counter { return &counter{} }

func (c *counter) Read(p []byte) (int, error) {
	for i := range p {
		c.n += 37
		p[i] = c.n
	}
	return len(p), nil
}

func TestDevStartsFast(t *testing.T) {
	path := newPath(t)
	start := time.Now()
	create(t, path, localkek.Options{})
	t.Logf("Create with DevArgon2: %v", time.Since(start))
	start = time.Now()
	open(t, path, localkek.Options{})
	t.Logf("Open with DevArgon2: %v", time.Since(start))
}

func BenchmarkWrap(b *testing.B)   { benchmark(b, 16, true) }
func BenchmarkUnwrap(b *testing.B) { benchmark(b, 1, false) }

func benchmark(b *testing.B, n int, wrap bool) {
	k := create(b, newPath(b), localkek.Options{})
	items := make([]kms.WrapItem, n)
	for i := range items {
		items[i] = kms.WrapItem{Plaintext: make([]byte, 32), Context: bytes.Repeat([]byte{byte(i + 1)}, 40)}
	}
	res, err := k.Wrap(b.Context(), kms.CardTest, items)
	if err != nil {
		b.Fatal(err)
	}
	ask := []kms.UnwrapItem{{Wrapped: res[0].Wrapped, Context: items[0].Context}}
	b.ReportAllocs()
	for b.Loop() {
		if wrap {
			_, err = k.Wrap(b.Context(), kms.CardTest, items)
		} else {
			_, err = k.Unwrap(b.Context(), kms.CardTest, ask)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
