package main

import (
	"bytes"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestKillLosesNothing kills a sandbox again and again while it makes tokens,
// and then asks for three things: every token that was answered is whole, no
// other row is half-there, and no file has a card in it.
func TestKillLosesNothing(t *testing.T) {
	t.Parallel()
	const rounds, connections, creates = 3, 8, 120
	data := t.TempDir()
	answered := make(map[string]testCard)
	var cards []testCard
	for round := range rounds {
		s := startDev(t, data)
		tried, stop := s.stream(connections)
		s.await("a stream of creates", func() bool { return tried() > creates })
		s.Kill()
		for _, a := range stop() {
			cards = append(cards, a.card)
			if a.err == nil && a.reply.status == http.StatusOK {
				answered[a.reply.id()] = a.card
			}
		}
		wantNoCards(t, data, cards)

		after := startDev(t, data)
		for id, card := range answered {
			after.checkToken(id, card)
		}
		stored := column(t, data, `SELECT id FROM cards`)
		for _, record := range stored {
			token := "tokn_test_" + record
			if r := must(t, http.MethodGet, after.URL+"/tokens/"+token, after.PublicKey, nil); r.status != http.StatusOK {
				t.Errorf("round %d: %s is in the database and answers %d %s", round, token, r.status, r.body)
			}
		}
		if len(stored) < len(answered) || len(stored) > len(cards) {
			t.Errorf("round %d: %d rows for %d answers of %d requests", round, len(stored), len(answered), len(cards))
		}
		after.Stop()
		if got := column(t, data, `PRAGMA integrity_check`); !slices.Equal(got, []string{"ok"}) {
			t.Errorf("round %d: integrity_check says %v", round, got)
		}
	}
	if len(answered) < rounds*creates/2 {
		t.Errorf("only %d of %d requests were answered; the test proves little", len(answered), len(cards))
	}
	wantNoCards(t, data, cards)
}

// wantNoCards searches every file of a folder for the numbers, codes and names
// of cards.
func wantNoCards(t *testing.T, dir string, cards []testCard) {
	t.Helper()
	var files []string
	var all []byte
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		files, all = append(files, d.Name()), append(all, text...)
		return err
	})
	if err != nil || !slices.Contains(files, "panvault.db") || !slices.Contains(files, "keyring") {
		t.Fatalf("searched %v: %v", files, err)
	}
	for _, c := range cards {
		for what, text := range map[string]string{"number": c.number, "first twelve digits": c.number[:12], "name": c.name} {
			if bytes.Contains(all, []byte(text)) {
				t.Errorf("the %s of a card is in %v", what, files)
			}
		}
	}
	// Three digits occur by chance, but not once for each card.
	if n := bytes.Count(all, []byte(cards[0].code)); n > len(cards)/4 {
		t.Errorf("the security code of %d cards occurs %d times in %v", len(cards), n, files)
	}
}
