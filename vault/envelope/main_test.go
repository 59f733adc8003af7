package envelope

import (
	"bytes"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/kms/localkek"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// backend makes a local keyring that ends with the test.
func backend(t testing.TB) *localkek.Keyring {
	t.Helper()
	passphrase, err := localkek.NewPassphrase([]byte("correct horse battery"))
	if err != nil {
		t.Fatal(err)
	}
	defer passphrase.Wipe()
	k, err := localkek.Create(filepath.Join(t.TempDir(), "keyring"), passphrase, localkek.Options{Argon2: localkek.DevArgon2()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close() })
	return k
}

// workingKeys wraps one version of every required key; random provides the
// keys' bytes in the order of RequiredKeys.
func workingKeys(t testing.TB, k kms.KMS, random []byte, version uint32) []WrappedKey {
	t.Helper()
	wrapped, err := NewWorkingKeys(t.Context(), k, bytes.NewReader(random), RequiredKeys(), version)
	if err != nil {
		t.Fatal(err)
	}
	return wrapped
}

// load loads a keyring that ends with the test.
func load(t testing.TB, k kms.KMS, wrapped []WrappedKey) *Keyring {
	t.Helper()
	ring, err := LoadKeyring(t.Context(), k, wrapped)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ring.Destroy)
	return ring
}

// ringOf loads a keyring in which every working key is the given one, in the
// given version.
func ringOf(t testing.TB, k kms.KMS, key []byte, version uint32) *Keyring {
	t.Helper()
	return load(t, k, workingKeys(t, k, bytes.Repeat(key, len(RequiredKeys())), version))
}

// pattern returns n bytes that are neither zero nor all the same.
func pattern(n int, seed byte) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(i)*7 + seed
	}
	return out
}
