package card_test

import (
	"testing"
	"time"

	"github.com/panvault/panvault/vault/card"
)

func TestExpired(t *testing.T) {
	e := card.Expiry{Month: 2, Year: 2028}
	for _, tt := range []struct {
		at   string
		want bool
	}{
		{"2026-10-05T12:00:00Z", false},
		{"2028-01-31T23:59:59Z", false},
		{"2028-02-29T23:59:59Z", false},
		{"2028-03-01T00:00:00Z", false}, // still February in UTC-12
		{"2028-03-01T11:59:59Z", false},
		{"2028-03-01T12:00:00Z", true},
		{"2028-02-29T23:59:59-12:00", false},
		{"2028-03-01T00:00:00-12:00", true},
		{"2028-03-01T23:00:00+14:00", false}, // 09:00 UTC
		{"2029-01-01T00:00:00Z", true},
	} {
		at, err := time.Parse(time.RFC3339, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.Expired(at); got != tt.want {
			t.Errorf("at %s: Expired = %v, want %v", tt.at, got, tt.want)
		}
	}
	december := card.Expiry{Month: 12, Year: 2027}
	if december.Expired(time.Date(2028, 1, 1, 11, 59, 59, 0, time.UTC)) {
		t.Error("December ended early")
	}
	if !december.Expired(time.Date(2028, 1, 1, 12, 0, 0, 0, time.UTC)) {
		t.Error("December did not end")
	}
}

func TestParseMonth(t *testing.T) {
	for in, want := range map[string]int{"1": 1, "01": 1, "9": 9, "10": 10, "12": 12, " 7\t": 7} {
		if got, ok := card.ParseMonth([]byte(in)); !ok || got != want {
			t.Errorf("ParseMonth(%q) = %d, %v, want %d", in, got, ok, want)
		}
	}
	for _, in := range []string{"", " ", "0", "00", "13", "99", "001", "+1", "-1", "1.0", "1e0", "0x1", "１", "Jan", "1 2", "\u00a01"} {
		if got, ok := card.ParseMonth([]byte(in)); ok {
			t.Errorf("ParseMonth(%q) = %d, want false", in, got)
		}
	}
}

func TestParseYear(t *testing.T) {
	for in, want := range map[string]int{"26": 2026, "00": 2000, "76": 2076, "2076": 2076, "2030": 2030, "1999": 1999, " 2030 ": 2030} {
		if got, ok := card.ParseYear([]byte(in), now); !ok || got != want {
			t.Errorf("ParseYear(%q) = %d, %v, want %d", in, got, ok, want)
		}
	}
	for _, in := range []string{"", " ", "0", "6", "026", "20260", "77", "2077", "2569", "0026", "1949", "-203", "20.3", "２０３０", "20 30"} {
		if got, ok := card.ParseYear([]byte(in), now); ok {
			t.Errorf("ParseYear(%q) = %d, want false", in, got)
		}
	}
}
