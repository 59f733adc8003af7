package forward

import (
	"bytes"
	"encoding/base64"
	"testing"
)

// TestDecodedShare: a finder that has decoded its share stops, and says so.
func TestDecodedShare(t *testing.T) {
	text := bytes.Repeat([]byte("card 4539578763621486. "), 100)
	for range 3 {
		text = []byte(base64.StdEncoding.EncodeToString(text))
	}
	pan := []byte("4539578763621486")
	f := finder{text: text, form: formText, pan: pan, hits: &Hits{}}
	f.find()
	if f.left < 0 || len(f.edits) == 0 {
		t.Errorf("%d left and %d found, want both", f.left, len(f.edits))
	}
	spent := decodedShare*len(text) + decodedLeast - f.left
	if spent < len(text) || spent > 30*len(text) {
		t.Errorf("%d bytes decoded of %d", spent, len(text))
	}
	f.left = 100
	f.search(viewOf(text, 0, len(text)), 0)
	if f.left >= 0 {
		t.Errorf("%d left of too little", f.left)
	}
}
