package localkek_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/kms/localkek"
)

// hexBytes are bytes that JSON holds as hexadecimal.
type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

type vectors struct {
	Passphrase string
	Argon2     localkek.Argon2
	Argon2id   hexBytes
	FileKey    hexBytes `json:"file_key"`
	Check      hexBytes
	Body       hexBytes
	Files      []struct {
		Comment string
		File    hexBytes
		Expect  string
	}
	Blobs []struct {
		Comment   string
		Key       kms.Key
		Wrapped   string
		Context   hexBytes
		Expect    string
		Plaintext hexBytes
		Version   uint32
	}
}

func readVectors(t testing.TB) vectors {
	t.Helper()
	b, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	if len(v.Files) == 0 || len(v.Blobs) == 0 {
		t.Fatal("no vectors")
	}
	return v
}

// openVector opens the bytes of a keyring file.
func openVector(t testing.TB, v vectors, file []byte) (*localkek.Keyring, error) {
	t.Helper()
	path := newPath(t)
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return localkek.Open(path, passphrase(t, v.Passphrase), localkek.Options{})
}

func TestVectorFiles(t *testing.T) {
	v := readVectors(t)
	want := map[string]error{"ok": nil, "format": localkek.ErrKeyring, "passphrase": localkek.ErrPassphrase}
	for _, f := range v.Files {
		t.Run(f.Comment, func(t *testing.T) {
			expect, ok := want[f.Expect]
			if !ok {
				t.Fatalf("unknown expectation %q", f.Expect)
			}
			k, err := openVector(t, v, f.File)
			if !errors.Is(err, expect) || (err == nil) != (expect == nil) {
				t.Errorf("Open: %v, want %v", err, expect)
			}
			if k != nil {
				_ = k.Close()
			}
		})
	}
}

func TestVectorBlobs(t *testing.T) {
	v := readVectors(t)
	k, err := openVector(t, v, v.Files[0].File)
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	want := map[string]error{"ok": nil, "tampered": kms.ErrTampered, "retired": kms.ErrVersionRetired}
	for _, b := range v.Blobs {
		t.Run(b.Comment, func(t *testing.T) {
			expect, ok := want[b.Expect]
			if !ok {
				t.Fatalf("unknown expectation %q", b.Expect)
			}
			res, err := k.Unwrap(t.Context(), b.Key, []kms.UnwrapItem{{Wrapped: []byte(b.Wrapped), Context: b.Context}})
			if err != nil {
				t.Fatal(err)
			}
			if !errors.Is(res[0].Err, expect) || !bytes.Equal(res[0].Plaintext, b.Plaintext) {
				t.Errorf("Unwrap: %x, %v, want %x, %v", res[0].Plaintext, res[0].Err, b.Plaintext, expect)
			}
			got, err := k.VersionOf([]byte(b.Wrapped))
			if got != b.Version || (err == nil) != (b.Version != 0) {
				t.Errorf("VersionOf: %d, %v, want %d", got, err, b.Version)
			}
		})
	}
}
