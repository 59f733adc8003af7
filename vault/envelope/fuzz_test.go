package envelope

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"
)

// FuzzParse: whatever parses encodes to the same bytes, and nothing but what
// was sealed opens.
func FuzzParse(f *testing.F) {
	made := make(map[string]sealedVector)
	for _, v := range readVectors(f).Sealed {
		f.Add([]byte(v.Sealed), []byte(v.Key), v.Merchant, v.Record, v.Generation)
		if v.Expect == "ok" {
			made[string(v.Sealed)] = v
		}
	}
	f.Fuzz(func(t *testing.T, sealed, key []byte, merchant, record string, generation uint32) {
		box, err := Parse(sealed)
		if err == nil && !bytes.Equal(box.Bytes(), sealed) {
			t.Errorf("%x parses and encodes to %x", sealed, box.Bytes())
		}
		if err != nil && !errors.Is(err, ErrTampered) {
			t.Errorf("Parse: %v, want ErrTampered", err)
		}
		for _, mode := range []Mode{ModeTest, ModeLive} {
			for _, field := range []string{FieldPAN, FieldProfile, "é"} {
				b := Binding{Mode: mode, Merchant: merchant, Record: record, Field: field, Generation: generation}
				plain, err := Open(key, b, sealed)
				if err != nil && plain != nil {
					t.Errorf("%v and %d bytes of plaintext", err, len(plain))
				}
				if v, ok := made[string(sealed)]; err == nil && (!ok || v.binding() != b || !bytes.Equal(key, v.Key)) {
					t.Errorf("%x opens in %+v", sealed, b)
				}
			}
		}
	})
}

// TestFuzzCorpus: an empty corpus would make the fuzz test pass untried.
func TestFuzzCorpus(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "fuzz", "FuzzParse", "*"))
	if err != nil || len(files) < 3 {
		t.Errorf("%d files in the corpus, %v, want at least 3", len(files), err)
	}
}
