package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// importArgs is the command line of an import of a list.
func (in *installation) importArgs(l *cardList, more ...string) []string {
	return append([]string{"import", l.path, "--config", in.config, "--merchant", in.merchant, "--mode", "live"}, more...)
}

// TestKilledImport kills an import again and again, and goes on: then every
// valid line is one card and one line of the map, and every other one is one
// line of the reject file.
func TestKilledImport(t *testing.T) {
	t.Parallel()
	const kills, size = 6, 20_000
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	in := install(t)
	data := filepath.Join(in.dir, "data")
	l := newCardList(filepath.Join(in.dir, "cards.csv"))
	l.add(r, size)
	l.save(t)
	var outputs []string
	for kill := range kills {
		target := fileSize(l.path+".map.csv") + int64(r.IntN(size*60/kills))
		if kill == 0 {
			target = int64(r.IntN(2)) // before the first commit
		}
		s := launch(t, in.importArgs(l)...)
		s.await("the map to grow", func() bool { return fileSize(l.path+".map.csv") >= target })
		time.Sleep(time.Duration(r.IntN(int(20 * time.Millisecond)))) // not always at the same step of a commit
		s.Kill()
		t.Logf("killed with %d bytes of the map, %s cards stored", fileSize(l.path+".map.csv"), column(t, data, `SELECT count(*) FROM cards`)[0])
		outputs = append(outputs, s.out.String(), s.log.String())
	}
	if got := column(t, data, `SELECT count(*) FROM cards`)[0]; got == "0" || got == fmt.Sprint(len(l.valid)) {
		t.Errorf("%s cards after the kills; the test proves little", got)
	}
	out, errs := command(t, 0, in.importArgs(l)...)
	outputs = append(outputs, out, errs)
	if want := fmt.Sprintf("%d records, %d cards, %d rejected", size, len(l.valid), len(l.invalid)); !strings.Contains(out, want) || !strings.Contains(out, "went on after") {
		t.Errorf("the last run printed %q, want %q", out, want)
	}
	l.check(t, data)
	l.wantNoNumbers(t, in.dir, outputs...)

	before := in.importState(t, l)
	if command(t, 0, in.importArgs(l)...); in.importState(t, l) != before {
		t.Error("the same command again changed something")
	}
	l.add(r, 300)
	l.save(t)
	command(t, 0, in.importArgs(l)...)
	l.check(t, data)

	before = in.importState(t, l)
	text := l.text.String()
	head := len(cardListHead) + 200 // with the first record, which names the import
	saveFile(t, l.path, text[:head]+strings.Replace(text[head:], "JANE DOE", "JANE ROE", 1))
	_, errs = command(t, 1, in.importArgs(l)...)
	if !strings.Contains(errs, "begins like one that was imported, but is not the same") || !strings.Contains(errs, "try: the same file as before; or, if it is another one, --name") {
		t.Errorf("a changed file: %q", errs)
	}
	if in.importState(t, l) != before {
		t.Error("a refused file changed something")
	}
	l.wantNoNumbers(t, in.dir, errs)
}

// importState is what an import has made, to compare.
func (in *installation) importState(t *testing.T, l *cardList) string {
	t.Helper()
	state := strings.Join(column(t, filepath.Join(in.dir, "data"),
		`SELECT count(*) FROM cards UNION ALL SELECT count(*) FROM customers UNION ALL SELECT count(*) FROM events UNION ALL SELECT hex(tag) FROM imports`), " ")
	for _, name := range []string{".map.csv", ".rejects.csv"} {
		text, err := os.ReadFile(l.path + name)
		if err != nil {
			t.Fatal(err)
		}
		state += "\n" + string(text)
	}
	return state
}

// fileSize is -1 for a file that is not there.
func fileSize(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return -1
	}
	return info.Size()
}
