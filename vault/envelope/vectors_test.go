package envelope

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"testing"
)

// hexBytes are bytes that JSON holds as hexadecimal.
type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

type vectors struct {
	Sealed       []sealedVector
	Contexts     []contextVector
	RowTags      []rowVector `json:"row_tags"`
	Fingerprints []struct {
		Key, MAC         hexBytes
		Mode             Mode
		Merchant, Digits string
	}
	APIKeys []struct {
		Key, Hash hexBytes
		Secret    string
	} `json:"api_keys"`
	Requests []struct {
		Key, Scope, Request, File, ID hexBytes
		RequestHash                   hexBytes `json:"request_hash"`
		FileHash                      hexBytes `json:"file_hash"`
	}
}

type sealedVector struct {
	Comment, Expect string
	Key             hexBytes
	Mode            Mode
	Merchant        string
	Record, Field   string
	Generation      uint32
	Sealed          hexBytes
	Plaintext       hexBytes
}

func (v sealedVector) binding() Binding {
	return Binding{Mode: v.Mode, Merchant: v.Merchant, Record: v.Record, Field: v.Field, Generation: v.Generation}
}

type contextVector struct {
	Mode    Mode
	Record  string
	Purpose Purpose
	Version uint32
	Context hexBytes
}

type rowVector struct {
	Comment string
	Key     hexBytes
	Version uint32
	Table   string
	Columns []struct {
		Text *string
		Blob *hexBytes
		Int  *int64
		Bool *bool
	}
	Tag hexBytes
}

func (v rowVector) row(t *testing.T) *Row {
	r := NewRow(v.Table)
	for _, c := range v.Columns {
		switch {
		case c.Text != nil:
			r.Text(*c.Text)
		case c.Blob != nil:
			r.Blob(*c.Blob)
		case c.Int != nil:
			r.Int(*c.Int)
		case c.Bool != nil:
			r.Bool(*c.Bool)
		default:
			t.Fatal("a column without a type")
		}
	}
	return r
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
	if len(v.Sealed) == 0 || len(v.Contexts) == 0 || len(v.RowTags) == 0 || len(v.Fingerprints) == 0 || len(v.APIKeys) == 0 {
		t.Fatal("a kind of vectors is missing")
	}
	return v
}

// stages of Open, in the order in which a value is refused.
const (
	atParse = iota
	atCommitment
	atTag
	atNone
)

// expectations maps each value of "expect" to the error and to the stage that
// must find it.
var expectations = map[string]struct {
	err   error
	stage int
}{
	"ok":             {nil, atNone},
	"bad-version":    {ErrVersion, atParse},
	"trailing":       {ErrTampered, atParse},
	"short":          {ErrTampered, atParse},
	"wrong-aad":      {ErrTampered, atCommitment},
	"wrong-key":      {ErrTampered, atCommitment},
	"bad-commitment": {ErrTampered, atCommitment},
	"bad-tag":        {ErrTampered, atTag},
}

func TestVectorsSealed(t *testing.T) {
	seen := make(map[string]bool)
	for _, v := range readVectors(t).Sealed {
		seen[v.Expect] = true
		t.Run(v.Expect+"/"+v.Comment, func(t *testing.T) {
			want, ok := expectations[v.Expect]
			if !ok {
				t.Fatalf("unknown expectation %q", v.Expect)
			}
			got, err := Open(v.Key, v.binding(), v.Sealed)
			if !bytes.Equal(got, v.Plaintext) || (err != nil && got != nil) {
				t.Errorf("plaintext %x, want %x", got, v.Plaintext)
			}
			checkVectorError(t, err, want.err)
			if got := stageOf(t, v); got != want.stage {
				t.Errorf("found at stage %d, want %d", got, want.stage)
			}
		})
	}
	for expect := range expectations {
		if !seen[expect] {
			t.Errorf("no vector expects %q", expect)
		}
	}
}

func checkVectorError(t *testing.T, got, want error) {
	t.Helper()
	if want == nil {
		if got != nil {
			t.Errorf("error %v, want none", got)
		}
		return
	}
	if !errors.Is(got, want) || !errors.Is(got, ErrTampered) {
		t.Errorf("error %v, want %v", got, want)
	}
	if errors.Is(got, ErrVersion) != errors.Is(want, ErrVersion) {
		t.Errorf("error %v, want %v", got, want)
	}
}

// stageOf finds where a vector is refused, without Open.
func stageOf(t *testing.T, v sealedVector) int {
	t.Helper()
	box, err := Parse(v.Sealed)
	if err != nil {
		return atParse
	}
	s, err := newSubkeys(v.Key, v.binding())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(box.Commitment[:], s.commitment) {
		return atCommitment
	}
	if _, err := s.aead.Open(nil, box.Nonce[:], box.Ciphertext, s.aad); err != nil {
		return atTag
	}
	return atNone
}

// Seal must write the very bytes of each good vector when it draws its nonce.
func TestVectorsSealAgain(t *testing.T) {
	for _, v := range readVectors(t).Sealed {
		if v.Expect != "ok" {
			continue
		}
		box, err := Parse(v.Sealed)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Seal(bytes.NewReader(box.Nonce[:]), v.Key, v.binding(), v.Plaintext)
		if err != nil || !bytes.Equal(got, v.Sealed) {
			t.Errorf("%s: Seal: %x, %v, want %x", v.Comment, got, err, v.Sealed)
		}
	}
}

func TestVectorsContexts(t *testing.T) {
	for _, v := range readVectors(t).Contexts {
		got := DataKeyContext(v.Mode, v.Record)
		if v.Purpose != "" {
			got = WorkingKeyContext(v.Purpose, v.Mode, v.Version)
		}
		if !bytes.Equal(got, v.Context) {
			t.Errorf("context of %s %s%s: %x, want %x", v.Mode, v.Record, v.Purpose, got, v.Context)
		}
	}
}

func TestVectorsRowTags(t *testing.T) {
	k := backend(t)
	for _, v := range readVectors(t).RowTags {
		t.Run(v.Comment, func(t *testing.T) {
			ring := ringOf(t, k, v.Key, v.Version)
			got, err := ring.Tag(ModeAll, v.row(t))
			if err != nil || !bytes.Equal(got, v.Tag) {
				t.Errorf("Tag: %x, %v, want %x", got, err, v.Tag)
			}
			if err := ring.Check(ModeAll, v.row(t), v.Tag); err != nil {
				t.Errorf("Check: %v", err)
			}
		})
	}
}

func TestVectorsFingerprints(t *testing.T) {
	k := backend(t)
	for _, v := range readVectors(t).Fingerprints {
		got, err := ringOf(t, k, v.Key, 5).Fingerprints(v.Mode, v.Merchant, []byte(v.Digits))
		if err != nil || len(got) != 1 || got[0].Version != 5 || !bytes.Equal(got[0].MAC, v.MAC) {
			t.Errorf("Fingerprints of %s: %x, %v, want %x", v.Digits, got, err, v.MAC)
		}
	}
}

func TestVectorsAPIKeys(t *testing.T) {
	k := backend(t)
	for _, v := range readVectors(t).APIKeys {
		got, err := ringOf(t, k, v.Key, 1).APIKeyHashes([]byte(v.Secret))
		if err != nil || len(got) != 1 || !bytes.Equal(got[0], v.Hash) {
			t.Errorf("APIKeyHashes of %s: %x, %v, want %x", v.Secret, got, err, v.Hash)
		}
	}
}

func TestVectorsRequests(t *testing.T) {
	k := backend(t)
	all := readVectors(t).Requests
	for _, v := range all {
		ring := ringOf(t, k, v.Key, 3)
		got, err := ring.RequestHashes(ModeTest, v.Scope, v.Request)
		if err != nil || len(got) != 1 || got[0].Version != 3 || !bytes.Equal(got[0].ID, v.ID) || !bytes.Equal(got[0].Request, v.RequestHash) {
			t.Errorf("RequestHashes: %x, %v, want %x and %x", got, err, v.ID, v.RequestHash)
		}
		h, err := ring.FileHash(ModeTest, 3)
		if err != nil {
			t.Fatal(err)
		}
		h.Write(v.File)
		if sum := h.Sum(nil); !bytes.Equal(sum, v.FileHash) {
			t.Errorf("FileHash: %x, want %x", sum, v.FileHash)
		}
		if _, err := ring.FileHash(ModeTest, 4); !errors.Is(err, ErrNoKey) {
			t.Errorf("FileHash under a version that is not loaded: %v, want no key", err)
		}
	}
	if len(all) < 2 {
		t.Errorf("%d request vectors", len(all))
	}
}
