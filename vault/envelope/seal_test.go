package envelope

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

var (
	drawKey   = rapid.SliceOfN(rapid.Byte(), KeySize, KeySize)
	drawPlain = rapid.SliceOfN(rapid.Byte(), 0, 600)
	drawMode  = rapid.SampledFrom([]Mode{ModeTest, ModeLive, ModeAll})
	drawPlace = rapid.Custom(func(t *rapid.T) Binding {
		return Binding{
			Mode: drawMode.Draw(t, "mode"), Merchant: rapid.String().Draw(t, "merchant"),
			Record: rapid.String().Draw(t, "record"), Field: rapid.String().Draw(t, "field"),
			Generation: rapid.Uint32().Draw(t, "generation"),
		}
	})
)

func mustSeal(t interface{ Fatal(...any) }, key []byte, b Binding, plain []byte) []byte {
	sealed, err := Seal(rand.Reader, key, b, plain)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// refuses fails the test unless Open says ErrTampered and returns nothing.
func refuses(t interface {
	Helper()
	Errorf(string, ...any)
}, what string, key []byte, b Binding, sealed []byte) {
	t.Helper()
	plain, err := Open(key, b, sealed)
	if !errors.Is(err, ErrTampered) || plain != nil {
		t.Errorf("%s: %x, %v, want ErrTampered", what, plain, err)
	}
}

func TestSealOpen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key, b, plain := drawKey.Draw(t, "key"), drawPlace.Draw(t, "place"), drawPlain.Draw(t, "plaintext")
		sealed := mustSeal(t, key, b, plain)
		if got, want := len(sealed), Overhead+len(plain); got != want {
			t.Errorf("%d bytes, want %d", got, want)
		}
		got, err := Open(key, b, sealed)
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("Open: %x, %v, want %x", got, err, plain)
		}
		if bytes.Equal(sealed[headerSize-NonceSize:headerSize], mustSeal(t, key, b, plain)[headerSize-NonceSize:headerSize]) {
			t.Error("two seals have one nonce")
		}
	})
}

func TestOpenRefusesAnyOtherByte(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key, b, plain := drawKey.Draw(t, "key"), drawPlace.Draw(t, "place"), drawPlain.Draw(t, "plaintext")
		sealed := mustSeal(t, key, b, plain)
		at := rapid.IntRange(0, len(sealed)-1).Draw(t, "at")
		sealed[at] ^= rapid.ByteRange(1, 255).Draw(t, "flip")
		refuses(t, "a changed byte", key, b, sealed)
	})
}

// Each single bit once, so that no byte depends on luck.
func TestOpenRefusesEveryBit(t *testing.T) {
	key, b := pattern(KeySize, 1), Binding{ModeLive, "mrch_a", "rec", FieldPAN, 1}
	sealed := mustSeal(t, key, b, []byte("20 bytes of plaintxt"))
	for i := range 8 * len(sealed) {
		sealed[i/8] ^= 1 << (i % 8)
		refuses(t, "a flipped bit", key, b, sealed)
		sealed[i/8] ^= 1 << (i % 8)
	}
	for n := range sealed {
		refuses(t, "a prefix", key, b, sealed[:n])
	}
}

func TestOpenRefusesAnotherKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key, b, plain := drawKey.Draw(t, "key"), drawPlace.Draw(t, "place"), drawPlain.Draw(t, "plaintext")
		sealed := mustSeal(t, key, b, plain)
		other := bytes.Clone(key)
		other[rapid.IntRange(0, KeySize-1).Draw(t, "at")] ^= rapid.ByteRange(1, 255).Draw(t, "flip")
		refuses(t, "another key", other, b, sealed)
	})
}

func TestOpenRefusesAnotherPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key, b, plain := drawKey.Draw(t, "key"), drawPlace.Draw(t, "place"), drawPlain.Draw(t, "plaintext")
		sealed := mustSeal(t, key, b, plain)
		other := drawPlace.Draw(t, "other")
		if other != b {
			refuses(t, "another place", key, other, sealed)
		}
		for what, change := range map[string]func(*Binding){
			"mode": func(o *Binding) {
				o.Mode = map[Mode]Mode{ModeTest: ModeLive, ModeLive: ModeAll, ModeAll: ModeTest}[o.Mode]
			},
			"merchant":   func(o *Binding) { o.Merchant += "x" },
			"record":     func(o *Binding) { o.Record += "x" },
			"field":      func(o *Binding) { o.Field += "x" },
			"generation": func(o *Binding) { o.Generation++ },
			"boundary": func(o *Binding) {
				joined := o.Merchant + o.Record + "x"
				o.Merchant, o.Record = joined[:len(joined)/2], joined[len(joined)/2:]
			},
		} {
			other := b
			change(&other)
			refuses(t, "another "+what, key, other, sealed)
		}
	})
}

// A header that names another generation must not open there either.
func TestOpenRefusesARewrittenGeneration(t *testing.T) {
	key, b := pattern(KeySize, 1), Binding{ModeLive, "mrch_a", "rec", FieldPAN, 1}
	sealed := mustSeal(t, key, b, []byte("x"))
	sealed[5], b.Generation = 2, 2
	refuses(t, "generation in header and binding", key, b, sealed)
}

func TestSizes(t *testing.T) {
	key, b := pattern(KeySize, 1), Binding{Mode: ModeLive, Generation: 1}
	long := b
	long.Merchant = strings.Repeat("m", MaxPlaintext+1)
	for _, tt := range []struct {
		name  string
		key   []byte
		b     Binding
		plain int
		want  error
	}{
		{"nothing", key, b, 0, nil},
		{"most", key, b, MaxPlaintext, nil},
		{"too much", key, b, MaxPlaintext + 1, ErrSize},
		{"short key", key[1:], b, 1, ErrSize},
		{"no key", nil, b, 1, ErrSize},
		{"long key", append(key, 0), b, 1, ErrSize},
		{"binding too long", key, long, 1, ErrSize},
	} {
		sealed, err := Seal(rand.Reader, tt.key, tt.b, make([]byte, tt.plain))
		if !errors.Is(err, tt.want) || (err == nil) != (sealed != nil) {
			t.Errorf("%s: Seal: %d bytes, %v, want %v", tt.name, len(sealed), err, tt.want)
		}
	}
	sealed := mustSeal(t, key, b, []byte("x"))
	refuses(t, "a place that cannot be", key, long, sealed)
	if plain, err := Open(key[1:], b, sealed); !errors.Is(err, ErrSize) || plain != nil {
		t.Errorf("Open with a short key: %x, %v, want ErrSize", plain, err)
	}
}

func TestSealWithoutRandomness(t *testing.T) {
	for _, random := range []io.Reader{iotest.ErrReader(io.ErrClosedPipe), bytes.NewReader(make([]byte, NonceSize-1))} {
		sealed, err := Seal(random, pattern(KeySize, 1), Binding{}, []byte("x"))
		if err == nil || sealed != nil {
			t.Errorf("Seal: %x, %v, want an error", sealed, err)
		}
	}
}

func TestErrVersionIsTampered(t *testing.T) {
	if !errors.Is(ErrVersion, ErrTampered) || errors.Is(ErrTampered, ErrVersion) {
		t.Error("ErrVersion must match ErrTampered, and not the other way round")
	}
}
