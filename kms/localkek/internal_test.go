package localkek

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"github.com/panvault/panvault/kms"
)

// golden is the part of the vectors that no exported name shows.
type golden struct {
	Passphrase string
	FileKey    string `json:"file_key"`
	Check      string
	Body       string
	Files      []struct{ File, Expect string }
}

func readGolden(t testing.TB) (g golden, file []byte) {
	t.Helper()
	b, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	return g, unhex(t, g.Files[0].File)
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// goldenKey derives the file key of the golden file.
func goldenKey(t testing.TB) (golden, header, fileKey, []byte) {
	t.Helper()
	g, file := readGolden(t)
	h, err := parseHeader(file)
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPassphrase([]byte(g.Passphrase))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Wipe()
	k, err := deriveFileKey(p, h.cost, h.salt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.destroy)
	return g, h, k, file
}

// TestGoldenFileIsRewrittenExactly goes both ways: derived keys, body and, with
// the same nonce, the whole file are those of the vectors.
func TestGoldenFileIsRewrittenExactly(t *testing.T) {
	g, h, k, file := goldenKey(t)
	if got := hex.EncodeToString(k.key()); got != g.FileKey {
		t.Errorf("file key %s, want %s", got, g.FileKey)
	}
	if got := hex.EncodeToString(k.check()); got != g.Check {
		t.Errorf("check value %s, want %s", got, g.Check)
	}
	r, err := openFile(k, h, file)
	if err != nil {
		t.Fatal(err)
	}
	defer r.destroy()
	if got := hex.EncodeToString(r.body()); got != g.Body {
		t.Errorf("body %s, want %s", got, g.Body)
	}
	again, err := buildRing(r.keys)
	if err != nil {
		t.Fatal(err)
	}
	defer again.destroy()
	got, err := sealFile(k, again, bytes.NewReader(h.nonce[:]))
	if err != nil || !bytes.Equal(got, file) {
		t.Errorf("sealFile: %v, or other bytes than the golden file", err)
	}
}

// TestEveryByteOfTheFileCounts flips each bit of the golden file.
func TestEveryByteOfTheFileCounts(t *testing.T) {
	_, _, k, file := goldenKey(t)
	for i := range len(file) * 8 {
		bad := bytes.Clone(file)
		bad[i/8] ^= 1 << (i % 8)
		h, err := parseHeader(bad)
		if err == nil {
			_, err = openFile(k, h, bad)
		}
		if !errors.Is(err, ErrKeyring) && !errors.Is(err, ErrPassphrase) {
			t.Errorf("bit %d flipped: %v, want ErrKeyring or ErrPassphrase", i, err)
		}
	}
}

func TestSealFileNeedsRandomness(t *testing.T) {
	_, h, k, file := goldenKey(t)
	r, err := openFile(k, h, file)
	if err != nil {
		t.Fatal(err)
	}
	defer r.destroy()
	if _, err := sealFile(k, r, io.LimitReader(bytes.NewReader(make([]byte, 99)), nonceSize-1)); err == nil {
		t.Error("sealed a file with too little randomness for a nonce")
	}
}

// TestBodyRules breaks one rule of the body at a time.
func TestBodyRules(t *testing.T) {
	g, _ := readGolden(t)
	good := unhex(t, g.Body)
	ring, err := parseBytes(t, good)
	if err != nil {
		t.Fatal(err)
	}
	defer ring.destroy()
	set := func(i int, b ...byte) []byte {
		m := bytes.Clone(good)
		copy(m[i:], b)
		return m
	}
	const name, floors, count, first = 2, 11, 19, 21 // offsets in the first key, card-live
	tests := map[string][]byte{
		"no keys":              set(0, 0),
		"too many keys":        set(0, maxKeys+1),
		"one key more":         set(0, 4),
		"one key less":         set(0, 2),
		"trailing byte":        append(bytes.Clone(good), 0),
		"empty name":           set(1, 0),
		"long name":            set(1, maxName+1),
		"capital in a name":    set(name, 'C'),
		"names out of order":   set(name, 'z'),
		"floor 0":              set(floors, 0, 0, 0, 0),
		"floor above latest":   set(floors, 0, 0, 0, 2),
		"encrypt floor 0":      set(floors+4, 0, 0, 0, 0),
		"encrypt above latest": set(floors+4, 0, 0, 0, 2),
		"no versions":          set(count, 0, 0),
		"too many versions":    set(count, 4, 1),
		"version 0":            set(first, 0, 0, 0, 0),
		"version 2 under 1":    set(first, 0, 0, 0, 2),
		"no creation time":     set(first+4, 0, 0, 0, 0, 0, 0, 0, 0),
		"negative time":        set(first+4, 0xff),
	}
	for what, body := range tests {
		if _, err := parseBytes(t, body); err == nil {
			t.Errorf("%s: parsed, want ErrKeyring", what)
		}
	}
	for n := 1; n < len(good); n++ {
		if _, err := parseBytes(t, good[:n]); err == nil {
			t.Errorf("the first %d bytes: parsed, want ErrKeyring", n)
		}
	}
}

// parseBytes parses a body from a buffer of its own.
func parseBytes(t testing.TB, body []byte) (*ring, error) {
	t.Helper()
	buf, err := kms.NewLockedBuffer(max(len(body), 1))
	if err != nil {
		t.Fatal(err)
	}
	copy(buf.Bytes(), body)
	r, err := parseBody(buf)
	if err != nil {
		buf.Destroy()
	}
	return r, err
}

func TestVersionLimit(t *testing.T) {
	k := keyVersions{name: kms.Work, minDecrypt: 1, minEncrypt: 1}
	for i := range uint32(maxVersions) {
		k.versions = append(k.versions, version{number: i + 1, created: 1, kek: make([]byte, kekSize)})
	}
	r, err := buildRing([]keyVersions{k})
	if err != nil {
		t.Fatalf("a ring of %d versions: %v", maxVersions, err)
	}
	defer r.destroy()
	if _, err := r.rotated(kms.Work, maxVersions, bytes.NewReader(make([]byte, kekSize)), time.Unix(1, 0)); !errors.Is(err, kms.ErrInvalid) {
		t.Errorf("rotated past %d versions", maxVersions)
	}
}
