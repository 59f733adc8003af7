package envelope

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// column is a column of a row of any type.
type column struct {
	kind string
	text string
	num  int64
}

var drawColumn = rapid.Custom(func(t *rapid.T) column {
	return column{
		kind: rapid.SampledFrom([]string{"text", "blob", "int", "bool"}).Draw(t, "kind"),
		text: rapid.String().Draw(t, "text"), num: rapid.Int64().Draw(t, "number"),
	}
})

func rowOf(columns []column) *Row {
	r := NewRow("t")
	for _, c := range columns {
		switch c.kind {
		case "text":
			r.Text(c.text)
		case "blob":
			r.Blob([]byte(c.text))
		case "int":
			r.Int(c.num)
		default:
			r.Bool(c.num < 0)
		}
	}
	return r
}

// changed returns c with another value.
func (c column) changed() column {
	c.text += "x"
	if c.kind == "int" {
		c.num++
	} else {
		c.num = ^c.num
	}
	return c
}

func mustTag(t interface{ Fatal(...any) }, ring *Keyring, columns []column) []byte {
	tag, err := ring.Tag(ModeLive, rowOf(columns))
	if err != nil {
		t.Fatal(err)
	}
	return tag
}

func TestRowTags(t *testing.T) {
	ring := ringOf(t, backend(t), pattern(KeySize, 3), 1)
	rapid.Check(t, func(t *rapid.T) {
		columns := rapid.SliceOfN(drawColumn, 1, 12).Draw(t, "columns")
		tag := mustTag(t, ring, columns)
		if len(tag) != RowTagSize || binary.BigEndian.Uint32(tag) != 1 {
			t.Errorf("tag %x, want %d bytes of version 1", tag, RowTagSize)
		}
		if err := ring.Check(ModeLive, rowOf(columns), tag); err != nil {
			t.Errorf("Check: %v", err)
		}
		refusesRow := func(what string, columns []column) {
			if err := ring.Check(ModeLive, rowOf(columns), tag); !errors.Is(err, ErrTampered) {
				t.Errorf("%s: %v, want ErrTampered", what, err)
			}
		}
		at := rapid.IntRange(0, len(columns)-1).Draw(t, "at")
		other := slices.Clone(columns)
		other[at] = other[at].changed()
		refusesRow("a changed column", other)
		refusesRow("a column more", append(slices.Clone(columns), column{kind: "bool"}))
		refusesRow("a column less", columns[:len(columns)-1])
		tag[rapid.IntRange(0, len(tag)-1).Draw(t, "byte")] ^= rapid.ByteRange(1, 255).Draw(t, "flip")
		refusesRow("a changed tag", columns)
	})
}

// Bytes that move between neighbours, and neighbours that change places, leave
// the joined bytes as they are.
func TestRowTagsKeepColumnsApart(t *testing.T) {
	ring := ringOf(t, backend(t), pattern(KeySize, 3), 1)
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]string{"text", "blob"})
		kinds := []string{kind.Draw(t, "first"), kind.Draw(t, "second")}
		joined := rapid.StringN(1, 40, -1).Draw(t, "joined")
		split := func(at int) []column {
			return []column{{kind: kinds[0], text: joined[:at]}, {kind: kinds[1], text: joined[at:]}}
		}
		a := rapid.IntRange(0, len(joined)).Draw(t, "a")
		b := rapid.IntRange(0, len(joined)).Filter(func(b int) bool { return b != a }).Draw(t, "b")
		if bytes.Equal(mustTag(t, ring, split(a)), mustTag(t, ring, split(b))) {
			t.Errorf("%q split at %d and at %d has one tag", joined, a, b)
		}
		swapped := split(a)
		if swapped[0].text == swapped[1].text {
			return
		}
		swapped[0].text, swapped[1].text = swapped[1].text, swapped[0].text
		if bytes.Equal(mustTag(t, ring, split(a)), mustTag(t, ring, swapped)) {
			t.Errorf("%q split at %d and its halves exchanged have one tag", joined, a)
		}
	})
}

func TestRowTagsOfOtherTablesAndModes(t *testing.T) {
	k := backend(t)
	ring := load(t, k, workingKeys(t, k, pattern(KeySize*len(RequiredKeys()), 1), 1))
	tag, err := ring.Tag(ModeLive, NewRow("cards").Text("x"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		mode Mode
		row  *Row
		tag  []byte
		want error
	}{
		{"itself", ModeLive, NewRow("cards").Text("x"), tag, nil},
		{"another table", ModeLive, NewRow("card").Text("x"), tag, ErrTampered},
		{"another mode", ModeTest, NewRow("cards").Text("x"), tag, ErrTampered},
		{"a mode without a key", "none", NewRow("cards").Text("x"), tag, ErrTampered},
		{"NULL for empty", ModeLive, NewRow("cards").Text("x").Blob(nil), tag, ErrTampered},
		{"no tag", ModeLive, NewRow("cards").Text("x"), nil, ErrTampered},
		{"a prefix", ModeLive, NewRow("cards").Text("x"), tag[:RowTagSize-1], ErrTampered},
		{"a byte more", ModeLive, NewRow("cards").Text("x"), append(bytes.Clone(tag), 0), ErrTampered},
		{"version 0", ModeLive, NewRow("cards").Text("x"), append(make([]byte, 4), tag[4:]...), ErrTampered},
		{"an unknown version", ModeLive, NewRow("cards").Text("x"), append([]byte{0, 0, 0, 2}, tag[4:]...), ErrTampered},
	} {
		if err := ring.Check(tt.mode, tt.row, tt.tag); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	if _, err := ring.Tag("none", NewRow("cards")); !errors.Is(err, ErrNoKey) {
		t.Errorf("Tag without a key: %v, want ErrNoKey", err)
	}
}

func TestRowTagsOfAnOlderKey(t *testing.T) {
	k := backend(t)
	one := workingKeys(t, k, pattern(KeySize*len(RequiredKeys()), 1), 1)
	two := workingKeys(t, k, pattern(KeySize*len(RequiredKeys()), 2), 2)
	before, after := load(t, k, one), load(t, k, append(one, two...))
	row := NewRow("cards").Int(4)
	tag, err := before.Tag(ModeLive, row)
	if err != nil {
		t.Fatal(err)
	}
	if err := after.Check(ModeLive, row, tag); err != nil {
		t.Errorf("a tag of the older version: %v", err)
	}
	newer, err := after.Tag(ModeLive, row)
	if err != nil || binary.BigEndian.Uint32(newer) != 2 {
		t.Errorf("Tag: %x, %v, want one of version 2", newer, err)
	}
	// The mac of one version under the number of the other.
	if err := after.Check(ModeLive, row, append(newer[:4:4], tag[4:]...)); !errors.Is(err, ErrTampered) {
		t.Errorf("a relabelled tag: %v, want ErrTampered", err)
	}
}
