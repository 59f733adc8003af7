package card

import (
	"strings"
	"testing"

	"github.com/google/uuid"
)

func TestIsUUIDAt(t *testing.T) {
	const id = "42424242-4242-4242-8242-42424242424f"
	for _, test := range []struct {
		text string
		at   int
		want bool
	}{
		{id, 0, true},
		{strings.ToUpper(id), 0, true},
		{"ref=" + id + ".", 4, true},
		{id, 1, false},
		{id, -1, false},
		{id[:35], 0, false},
		{strings.Replace(id, "f", "2", 1), 0, false}, // no letter
		{strings.Replace(id, "f", "g", 1), 0, false},
		{strings.Replace(id, "-", "4", 1), 0, false},
		{"4" + id, 1, false},
		{"-" + id, 1, false},
		{"é" + id, 2, false},
		{id + "4", 0, false},
		{id + "-4", 0, false},
	} {
		if got := IsUUIDAt([]byte(test.text), test.at); got != test.want {
			t.Errorf("%q at %d: got %v, want %v", test.text, test.at, got, test.want)
		}
	}
}

// TestNoUUIDIsANumber: 10,000 random ones had 30 that were taken for numbers.
func TestNoUUIDIsANumber(t *testing.T) {
	for range 10_000 {
		id := uuid.NewString()
		if ContainsPAN([]byte(id)) || RedactPANs("order "+id+", paid") != "order "+id+", paid" {
			t.Errorf("%s is taken for a card number", id)
		}
	}
	if const4242 := "4242424242424242 42424242-4242-4242-8242-42424242424f"; !ContainsPAN([]byte(const4242)) || !ContainsPAN([]byte("42424242-4242-4242-8242-42424242424f 4242424242424242")) {
		t.Error("a number beside a UUID is not found")
	}
}
