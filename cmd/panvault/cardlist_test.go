package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// cardList is a file of cards and what an import must make of it.
type cardList struct {
	path    string
	text    strings.Builder
	lines   int               // so far
	numbers map[string]bool   // every number in it, as digits
	valid   map[string]string // last digits by reference
	owner   map[string]string // customer reference by reference
	invalid []string          // line numbers
}

const cardListHead = "reference,customer,email,number,month,year,name\n"

func newCardList(path string) *cardList {
	l := &cardList{path: path, numbers: make(map[string]bool), valid: make(map[string]string), owner: make(map[string]string)}
	l.text.WriteString(cardListHead)
	l.lines = 1
	return l
}

// drawNumber draws a Visa number that passes Luhn.
func drawNumber(r *rand.Rand) string {
	number := fmt.Sprintf("4%014d", r.Int64N(1e14))
	sum := 0
	for i := range number {
		d := int(number[len(number)-1-i] - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return number + fmt.Sprint((10-sum%10)%10)
}

// add draws n lines, of which one in twenty cannot be taken.
func (l *cardList) add(r *rand.Rand, n int) {
	for range n {
		number := drawNumber(r)
		l.numbers[number] = true
		reference, owner := fmt.Sprintf("old-%d", l.lines), fmt.Sprintf("owner-%d", r.IntN(n))
		typed, year, name := number, "2040", "JANE DOE"
		bad := r.IntN(20) == 0
		if bad {
			switch r.IntN(5) {
			case 0: // fails Luhn, and must not be quoted all the same
				typed = number[:15] + fmt.Sprint((number[15]-'0'+1)%10)
				l.numbers[typed] = true
			case 1:
				year = "2020"
			case 2:
				name = number
			case 3:
				reference = number
			case 4:
				name += ",one field too many"
			}
		} else if r.IntN(10) == 0 {
			typed = number[:4] + " " + number[4:8] + "-" + number[8:]
		}
		fmt.Fprintf(&l.text, "%s,%s,%s@example.com,%s,12,%s,%s\n", reference, owner, owner, typed, year, name)
		l.lines++
		if bad {
			l.invalid = append(l.invalid, fmt.Sprint(l.lines))
			continue
		}
		l.valid[reference], l.owner[reference] = number[12:], owner
	}
}

func (l *cardList) save(t *testing.T) {
	t.Helper()
	saveFile(t, l.path, l.text.String())
}

func readCSV(t *testing.T, path string) [][]string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil || len(rows) == 0 {
		t.Fatalf("%s: %d lines, %v", path, len(rows), err)
	}
	return rows[1:]
}

// check compares map, reject file and store with what the list must become.
func (l *cardList) check(t *testing.T, data string) {
	t.Helper()
	cards := make(map[string]bool)
	owners := make(map[string]string)
	for _, row := range readCSV(t, l.path+".map.csv") {
		reference, owner, customer, card, last := row[0], row[1], row[2], row[3], row[5]
		if want, ok := l.valid[reference]; !ok || want != last || l.owner[reference] != owner || cards[card] {
			t.Fatalf("map line %v: twice, or of no valid line", row)
		}
		if owners[owner] == "" {
			owners[owner] = customer
		}
		if owners[owner] != customer {
			t.Fatalf("%s is %s and %s", owner, owners[owner], customer)
		}
		cards[card] = true
	}
	var rejected []string
	for _, row := range readCSV(t, l.path+".rejects.csv") {
		rejected = append(rejected, row[0])
	}
	if len(cards) != len(l.valid) || !slices.Equal(rejected, l.invalid) {
		t.Errorf("%d cards and %d rejects, want %d and %d", len(cards), len(rejected), len(l.valid), len(l.invalid))
	}
	stored := column(t, data, `SELECT id FROM cards`)
	if len(stored) != len(cards) {
		t.Errorf("%d cards in the store, %d in the map", len(stored), len(cards))
	}
	for _, id := range stored {
		if !cards["card_"+id] && !cards["card_test_"+id] {
			t.Fatalf("card %s is not in the map", id)
		}
	}
	if got := column(t, data, `SELECT id FROM customers`); len(got) != len(owners) {
		t.Errorf("%d customers in the store, want %d", len(got), len(owners))
	}
	for _, name := range []string{".map.csv", ".rejects.csv"} {
		if info, err := os.Stat(l.path + name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want mode 0600", name, info.Mode(), err)
		}
	}
}

// wantNoNumbers searches every file of a folder but the list itself, and texts,
// for the list's numbers.
func (l *cardList) wantNoNumbers(t *testing.T, dir string, texts ...string) {
	t.Helper()
	found := 0
	search := func(where string, text []byte) {
		digits := 0
		for i, c := range text {
			if c < '0' || c > '9' {
				digits = 0
				continue
			}
			if digits++; digits >= 16 && l.numbers[string(text[i-15:i+1])] {
				t.Fatalf("a number is in %s at byte %d", where, i)
			}
		}
		found++
	}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || path == l.path {
			return err
		}
		text, err := os.ReadFile(path)
		search(path, text)
		return err
	})
	if err != nil || found < 4 {
		t.Fatalf("searched %d files: %v", found, err)
	}
	for i, text := range texts {
		search(fmt.Sprintf("output %d", i), []byte(text))
	}
}
