package store_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"github.com/panvault/panvault/store"
)

func TestNewID(t *testing.T) {
	for _, test := range []struct {
		now    time.Time
		random []byte
		want   string
	}{
		{time.UnixMilli(0), make([]byte, 64), strings.Repeat("0", 24)},
		{time.UnixMilli(35), bytes.Repeat([]byte{35}, 64), "0000000z" + strings.Repeat("z", 16)},
		{time.UnixMilli(36), bytes.Repeat([]byte{10, 251}, 32), "00000010" + strings.Repeat("az", 8)},
		{time.UnixMilli(2821109907455), bytes.Repeat([]byte{36}, 64), "zzzzzzzz" + strings.Repeat("0", 16)}, // the last, in 2059
	} {
		got, err := store.NewID(test.now, bytes.NewReader(test.random))
		if err != nil || got != test.want {
			t.Errorf("%v: got %s (%v), want %s", test.now, got, err, test.want)
		}
	}
}

func TestNewIDFailsWithItsRandomSource(t *testing.T) {
	want := errors.New("no entropy")
	for _, random := range []io.Reader{
		iotest.ErrReader(want),
		io.MultiReader(bytes.NewReader(make([]byte, 5)), iotest.ErrReader(want)),
	} {
		if id, err := store.NewID(time.Now(), random); !errors.Is(err, want) || id != "" {
			t.Errorf("got %q, %v; want no id and %v", id, err, want)
		}
	}
	if _, err := store.NewID(time.Now(), strings.NewReader("short")); err == nil {
		t.Error("a source that ends: got no error")
	}
}

func TestNewIDIsValidAndInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		earlier := rapid.Int64Range(0, 2821109907454).Draw(t, "ms")
		later := rapid.Int64Range(earlier+1, 2821109907455).Draw(t, "later ms")
		a, err := store.NewID(time.UnixMilli(earlier), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		b, err := store.NewID(time.UnixMilli(later), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if !store.ValidID(a) || !store.ValidID(b) || a >= b {
			t.Errorf("got %s and %s, want valid ids in order", a, b)
		}
	})
}

func TestNewIDDoesNotRepeat(t *testing.T) {
	now := time.Now()
	seen := map[string]bool{}
	for range 10_000 {
		id, err := store.NewID(now, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if seen[id] {
			t.Fatal("an id came twice")
		}
		seen[id] = true
	}
}

// Bytes of 252 and above are drawn again, or the first four characters of the
// alphabet would come more often.
func TestRandomTextDrawsHighBytesAgain(t *testing.T) {
	source := append(bytes.Repeat([]byte{252, 253, 254, 255}, 20), bytes.Repeat([]byte{1}, 200)...)
	got := make([]byte, 40)
	if err := store.RandomText(got, bytes.NewReader(source)); err != nil {
		t.Fatal(err)
	}
	if want := strings.Repeat("1", 40); string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Every byte value below 252 is mapped exactly seven times to each character.
func TestRandomTextIsUniform(t *testing.T) {
	var all []byte
	for b := range 252 {
		all = append(all, byte(b))
	}
	counts := map[byte]int{}
	for _, b := range all {
		var one [1]byte
		if err := store.RandomText(one[:], bytes.NewReader(bytes.Repeat([]byte{b}, 3))); err != nil {
			t.Fatal(err)
		}
		counts[one[0]]++
	}
	if len(counts) != 36 {
		t.Errorf("got %d characters, want 36", len(counts))
	}
	for c, n := range counts {
		if n != 7 {
			t.Errorf("character %c: got %d bytes, want 7", c, n)
		}
	}
	if err := store.RandomText(nil, iotest.ErrReader(io.EOF)); err != nil {
		t.Errorf("nothing to fill: %v", err)
	}
}

// The same by experiment: a chi-squared test over the characters drawn, whose
// limit a fair source passes all but once in a hundred million runs.
func TestRandomTextChiSquared(t *testing.T) {
	const n = 360_000
	text := make([]byte, n)
	if err := store.RandomText(text, rand.Reader); err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, c := range []byte("0123456789abcdefghijklmnopqrstuvwxyz") {
		sum += math.Pow(float64(bytes.Count(text, []byte{c}))-n/36, 2) / (n / 36)
	}
	if sum > 110 { // 35 degrees of freedom
		t.Errorf("chi squared is %.1f, want below 110", sum)
	}
}

func TestValidID(t *testing.T) {
	for _, test := range []struct {
		id   string
		want bool
	}{
		{strings.Repeat("0", 24), true},
		{"abcdefghijklmnopqrstuvwx", true},
		{"yz0123456789yz0123456789", true},
		{"", false},
		{strings.Repeat("0", 23), false},
		{strings.Repeat("0", 25), false},
		{strings.Repeat("0", 23) + "A", false},
		{strings.Repeat("0", 23) + "_", false},
		{strings.Repeat("0", 23) + "/", false},
		{strings.Repeat("0", 23) + ":", false},
		{strings.Repeat("0", 23) + "`", false},
		{strings.Repeat("0", 23) + "{", false},
		{strings.Repeat("0", 23) + "\x00", false},
		{strings.Repeat("0", 22) + "é", false},
	} {
		if got := store.ValidID(test.id); got != test.want {
			t.Errorf("%q: got %v, want %v", test.id, got, test.want)
		}
	}
}

func TestNewIDAfter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ms := rapid.Int64Range(0, 2821109907453).Draw(t, "ms")
		first, err := store.NewID(time.UnixMilli(ms), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		next, err := store.NewIDAfter(first, rand.Reader)
		if err != nil || !store.ValidID(next) || next <= first || next >= store.IDAt(time.UnixMilli(ms+2)) {
			t.Errorf("after %s: got %s (%v), want an id of the next millisecond", first, next, err)
		}
	})
	for _, after := range []string{"", "abc", strings.Repeat("A", 24), strings.Repeat("0", 25)} {
		if id, err := store.NewIDAfter(after, rand.Reader); err == nil || id != "" {
			t.Errorf("after %q: got %q, want an error", after, id)
		}
	}
}
