package localkek_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/kms/localkek"
)

const secret = "correct horse battery staple"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func passphrase(t testing.TB, text string) localkek.Passphrase {
	t.Helper()
	p, err := localkek.NewPassphrase([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Wipe)
	return p
}

// create makes a keyring at the cheapest cost there is.
func create(t testing.TB, path string, opts localkek.Options) *localkek.Keyring {
	t.Helper()
	opts.Argon2 = localkek.DevArgon2()
	k, err := localkek.Create(path, passphrase(t, secret), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close() })
	return k
}

func open(t testing.TB, path string, opts localkek.Options) *localkek.Keyring {
	t.Helper()
	k, err := localkek.Open(path, passphrase(t, secret), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close() })
	return k
}

func newPath(t testing.TB) string { return filepath.Join(t.TempDir(), "keyring") }

// clock is a clock that stands still until it is told.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.at.Load()) }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

var wrapContext = []byte("a context")

// wrapOne wraps a key under the card-test KEK.
func wrapOne(t testing.TB, k kms.KMS, plain string) kms.WrapResult {
	t.Helper()
	res, err := k.Wrap(t.Context(), kms.CardTest, []kms.WrapItem{{Plaintext: []byte(plain), Context: wrapContext}})
	if err != nil {
		t.Fatalf("Wrap: %v", err)
	}
	if res[0].Err != nil {
		t.Fatalf("Wrap: %v", res[0].Err)
	}
	return res[0]
}

// wrapError returns the call error of a wrap.
func wrapError(t testing.TB, k kms.KMS) error {
	t.Helper()
	_, err := k.Wrap(t.Context(), kms.CardTest, []kms.WrapItem{{Plaintext: []byte("x"), Context: wrapContext}})
	return err
}

// unwrapOne opens a blob of wrapOne; want is what is in it, or an error.
func unwrapOne(t testing.TB, k kms.KMS, wrapped []byte, want any) {
	t.Helper()
	res, err := k.Unwrap(t.Context(), kms.CardTest, []kms.UnwrapItem{{Wrapped: wrapped, Context: wrapContext}})
	if err != nil {
		t.Errorf("Unwrap: %v", err)
		return
	}
	switch want := want.(type) {
	case string:
		if res[0].Err != nil || !bytes.Equal(res[0].Plaintext, []byte(want)) {
			t.Errorf("Unwrap(%s): %q, %v, want %q", wrapped, res[0].Plaintext, res[0].Err, want)
		}
	case error:
		if !errors.Is(res[0].Err, want) || res[0].Plaintext != nil {
			t.Errorf("Unwrap(%s): error %v, want %v", wrapped, res[0].Err, want)
		}
	}
}

func rotate(t testing.TB, k *localkek.Keyring, want uint32) {
	t.Helper()
	d, err := k.Rotate(t.Context(), kms.CardTest, want-1)
	if err != nil || d.Latest != want || d.MinEncrypt != want {
		t.Fatalf("Rotate: latest %d, wraps from %d, %v, want both %d", d.Latest, d.MinEncrypt, err, want)
	}
}
