package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// importReport is what --json answers.
type importReport struct {
	Import                            string
	Records, Cards, Rejected, Resumed int64
	ResumedAt                         int64 `json:"resumed_at"`
	Map, Rejects                      string
}

// TestImportAlone: one process at a time imports a file; Ctrl-C ends it cleanly,
// and the next goes on.
func TestImportAlone(t *testing.T) {
	t.Parallel()
	in := install(t)
	l := newCardList(filepath.Join(in.dir, "cards.csv"))
	l.add(rand.New(rand.NewPCG(1, 2)), 2000)
	l.save(t)
	slow := launch(t, in.importArgs(l, "--rate", "40")...)
	slow.await("a first commit", func() bool { return fileSize(l.path+".map.csv") > 200 })
	_, errs := command(t, 1, in.importArgs(l)...)
	if !strings.Contains(errs, "cards.csv.map.csv: another process writes it") || !strings.Contains(errs, "try: wait for the other import of this file") {
		t.Errorf("a second process: %q", errs)
	}
	slow.Signal(syscall.SIGINT)
	if code := slow.Wait(); code != 1 {
		t.Errorf("exit code %d after SIGINT, want 1", code)
	}
	log := slow.log.String()
	if !strings.Contains(log, "panvault: the import stopped after ") || !strings.Contains(log, " cards: interrupted\n  try: the same command again, which goes on from there\n") {
		t.Errorf("after SIGINT it says %q", log)
	}
	if got := column(t, filepath.Join(in.dir, "data"), `SELECT records FROM imports`)[0]; !strings.Contains(log, "after "+got+" records") || got == "0" || got == "2000" {
		t.Errorf("%s records are committed; it says %q", got, log)
	}
	var report importReport
	commandJSON(t, &report, in.importArgs(l)...)
	if report.Records != 2000 || report.Cards != int64(len(l.valid)) || report.Rejected != int64(len(l.invalid)) || report.ResumedAt == 0 ||
		!strings.HasPrefix(report.Import, "impt_") || report.Map != l.path+".map.csv" || report.Rejects != l.path+".rejects.csv" {
		t.Errorf("--json answers %+v", report)
	}
	l.check(t, filepath.Join(in.dir, "data"))
	l.wantNoNumbers(t, in.dir, log, errs)
}

// TestImportFromStandardInput: an import that was killed reads it from the
// beginning, and takes what is left.
func TestImportFromStandardInput(t *testing.T) {
	t.Parallel()
	in := install(t)
	l := newCardList(filepath.Join(in.dir, "cards.csv"))
	l.add(rand.New(rand.NewPCG(3, 4)), 3000)
	args := []string{"import", "-", "--config", in.config, "--merchant", in.merchant, "--mode", "live",
		"--map", l.path + ".map.csv", "--rejects", l.path + ".rejects.csv"}
	run := func(text string, more ...string) *server {
		cmd := exec.Command("panvault", append(args, more...)...)
		cmd.Stdin = strings.NewReader(text)
		return launchCommand(t, cmd)
	}
	killed := run(l.text.String(), "--rate", "500")
	killed.await("a first commit", func() bool { return fileSize(l.path+".map.csv") > 200 })
	killed.Kill()
	half := l.text.String()[:l.text.Len()/2]
	half = half[:strings.LastIndex(half, "\n")] // a last line without its end
	for _, text := range []string{half, half + "\n", l.text.String(), l.text.String()} {
		if s := run(text); s.Wait() != 0 {
			t.Fatalf("an import of %d bytes: %s", len(text), s.log.String())
		}
	}
	l.check(t, filepath.Join(in.dir, "data"))
	if got := column(t, filepath.Join(in.dir, "data"), `SELECT count(*) FROM imports`)[0]; got != "1" {
		t.Errorf("%s imports, want 1", got)
	}
	if s := run(half); s.Wait() != 1 || !strings.Contains(s.log.String(), "is not the same up to where that import stopped") {
		t.Errorf("the first half of it again says %q", s.log.String())
	}
	l.wantNoNumbers(t, in.dir)
}

// TestImportOfOneLine: a file whose only line gets its end, and others after it,
// is the same file.
func TestImportOfOneLine(t *testing.T) {
	t.Parallel()
	in := install(t)
	l := newCardList(filepath.Join(in.dir, "cards.csv"))
	first := drawCard().number
	const format = "reference,number,month,year\n1,%s,12,2040"
	for i, text := range []string{"", "\n", "\n2," + drawCard().number + ",12,2040", "\r\n2,"} {
		saveFile(t, l.path, fmt.Sprintf(format, first)+text)
		code, want := 0, []string{"1", "1", "2", "2"}[i]
		if i == 3 {
			code = 1 // what was read is no longer there
		}
		command(t, code, in.importArgs(l)...)
		if got := column(t, filepath.Join(in.dir, "data"), `SELECT count(*) FROM cards`)[0]; got != want {
			t.Errorf("%q: %s cards, want %s", text, got, want)
		}
	}
	if got := column(t, filepath.Join(in.dir, "data"), `SELECT count(*) FROM imports`)[0]; got != "1" {
		t.Errorf("%s imports, want 1", got)
	}
}

// TestImportBesideAServer: a sandbox serves requests while it is filled.
func TestImportBesideAServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	s := startDev(t, data)
	l := newCardList(filepath.Join(dir, "cards.csv"))
	l.add(rand.New(rand.NewPCG(5, 6)), 2000)
	l.save(t)
	_, stop := s.stream(2)
	command(t, 0, "import", l.path, "--data", data, "--merchant", s.Merchant, "--mode", "test")
	answered := 0
	for _, a := range stop() {
		if a.err == nil && a.reply.status == http.StatusOK {
			answered++
		} else if a.err == nil {
			t.Errorf("beside an import: %d %s", a.reply.status, a.reply.body)
		}
	}
	if answered == 0 {
		t.Error("nothing was answered meanwhile")
	}
	rows := readCSV(t, l.path+".map.csv")
	for _, row := range rows[:3] {
		r := must(t, http.MethodGet, s.URL+"/customers/"+row[2]+"/cards/"+row[3], s.SecretKey, nil)
		if r.status != http.StatusOK || !strings.Contains(r.body, `"last_digits":"`+row[5]+`"`) {
			t.Errorf("GET of an imported card: %d %s", r.status, r.body)
		}
	}
	s.Stop()
	if got := column(t, data, `SELECT count(*) FROM cards WHERE customer <> ''`)[0]; len(rows) != len(l.valid) || got != column(t, data, `SELECT count(*) FROM events WHERE type = 'card.import'`)[0] {
		t.Errorf("%s cards of customers, %d lines of the map, want %d", got, len(rows), len(l.valid))
	}
	l.wantNoNumbers(t, dir, s.log.String())
}

// TestProgressLines: what is no terminal gets lines of JSON, not too often.
func TestProgressLines(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := (&cli{stderr: &out}).newProgress("cards", 1000, 10)
	p.at(10, 11)
	if out.Len() > 0 {
		t.Errorf("at once: %q", out.String())
	}
	for done := int64(100); done <= 300; done += 100 {
		p.shown = p.shown.Add(-lineEvery)
		p.at(done, done/10)
		p.at(done+1, done/10)
	}
	p.end()
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	for i, text := range lines {
		var got struct {
			Progress           string
			Done, Total, Count int64
			PerSecond          *float64 `json:"per_second"`
		}
		if err := json.Unmarshal([]byte(text), &got); err != nil || got.Progress != "cards" || got.Done != int64(100*(i+1)) || got.Total != 1000 || got.PerSecond == nil {
			t.Errorf("line %q: %+v, %v", text, got, err)
		}
	}
	if len(lines) != 3 {
		t.Errorf("%d lines, want 3:\n%s", len(lines), out.String())
	}
}
