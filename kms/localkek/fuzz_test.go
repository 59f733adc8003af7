package localkek

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/panvault/panvault/kms"
)

// FuzzBlob: whatever parses encodes to the same bytes, and nothing but the
// blobs that were made opens.
func FuzzBlob(f *testing.F) {
	b, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		f.Fatal(err)
	}
	var v struct {
		Blobs []struct{ Wrapped, Expect string }
	}
	if err := json.Unmarshal(b, &v); err != nil {
		f.Fatal(err)
	}
	for _, b := range v.Blobs {
		f.Add([]byte(b.Wrapped))
	}
	key := keyVersions{name: kms.CardTest, minDecrypt: 1, minEncrypt: 1, versions: []version{
		{number: 1, created: 1, kek: bytes.Repeat([]byte{1}, kekSize)},
		{number: 2, created: 1, kek: bytes.Repeat([]byte{2}, kekSize)},
	}}
	item := kms.WrapItem{Plaintext: []byte("a data key"), Context: []byte("a context")}
	made := wrapItem(key.name, key.latest(), item, make([]byte, nonceSize)).Wrapped
	f.Add(made)
	f.Fuzz(func(t *testing.T, wrapped []byte) {
		b, err := parseBlob(wrapped)
		if err != nil {
			return
		}
		if again := b.encode(); !bytes.Equal(again, wrapped) {
			t.Errorf("%q parses and encodes to %q", wrapped, again)
		}
		plain, err := unwrapItem(key, b, item.Context)
		if bytes.Equal(wrapped, made) {
			if err != nil || !bytes.Equal(plain, item.Plaintext) {
				t.Errorf("the blob that was made: %q, %v", plain, err)
			}
		} else if err == nil || plain != nil {
			t.Errorf("%q opens to %q", wrapped, plain)
		}
	})
}

// FuzzKeyringFile: whatever header or body parses encodes to the same bytes,
// and no file but the golden one opens under its key.
func FuzzKeyringFile(f *testing.F) {
	g, _, k, golden := goldenKey(f)
	for _, file := range g.Files {
		f.Add(unhex(f, file.File))
	}
	f.Add(unhex(f, g.Body))
	f.Fuzz(func(t *testing.T, data []byte) {
		if h, err := parseHeader(data); err == nil {
			if again := h.append(nil); !bytes.Equal(again, data[:headerSize]) {
				t.Errorf("header %x parses and encodes to %x", data[:headerSize], again)
			}
			r, err := openFile(k, h, data)
			if (err == nil) != bytes.Equal(data, golden) {
				t.Errorf("a file of %d bytes opens: %v", len(data), err)
			}
			r.destroy()
		}
		if len(data) == 0 || len(data) > maxBody {
			return
		}
		r, err := parseBytes(t, data)
		if err != nil {
			return
		}
		defer r.destroy()
		again, err := buildRing(r.keys)
		if err != nil || !bytes.Equal(again.body(), data) {
			t.Errorf("body %x parses and is built again as something else, %v", data, err)
		}
		again.destroy()
	})
}

// TestFuzzCorpora: an empty corpus would make the fuzz tests pass untried.
func TestFuzzCorpora(t *testing.T) {
	for _, name := range []string{"FuzzBlob", "FuzzKeyringFile"} {
		files, err := filepath.Glob(filepath.Join("testdata", "fuzz", name, "*"))
		if err != nil || len(files) < 3 {
			t.Errorf("%s: %d files in its corpus, %v, want at least 3", name, len(files), err)
		}
	}
}
