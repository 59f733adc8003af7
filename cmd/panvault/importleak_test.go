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

// TestImportLeaksNothing imports files with marker numbers, codes and names in
// every place where a file can have them, and looks for them in all that is left:
// the data folder, map, reject file and what the process has said.
func TestImportLeaksNothing(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 3))
	in := install(t, "log.level", "debug")
	var secrets, said []string
	mark := func() (number, name, code string) {
		number, name, code = drawNumber(r), fmt.Sprintf("ZQX%08dQZ", r.IntN(1e8)), fmt.Sprintf("PIN%09d", r.IntN(1e9))
		secrets = append(secrets, number, number[:12], name, code)
		return number, name, code
	}
	sources := make(map[string]bool)
	run := func(file string, exit int, lines []string) {
		t.Helper()
		path := filepath.Join(in.dir, file)
		saveFile(t, path, strings.Join(lines, "\n"))
		sources[path] = true
		for range 2 { // the second finds the import, or refuses it, again
			out, errs := command(t, exit, "import", path, "--config", in.config, "--merchant", in.merchant, "--mode", "live")
			said = append(said, out, errs)
		}
	}

	const good = `{"number":"%[1]s","exp":"12/40","name":"%[2]s","customer":{"id":"c","metadata":{"pin":"%[3]s"}}}`
	lines := []string{}
	for _, format := range []string{
		good,
		`{"number":"%[1]s0","exp":"12/40","name":"%[2]s"}`,
		`{"number":"%[1]s","exp":"12/20","name":"%[2]s","description":"%[3]s"}`,
		`{"number":"%[1]s","exp":"%[1]s","name":"%[2]s"}`,
		`{"number":"%[1]s","exp":"12/40","name":"%[2]s %[1]s"}`,
		`{"number":"%[1]s","exp":"12/40","reference":"%[1]s"}`,
		`{"number":"%[1]s","exp":"12/40","customer":"%[1]s"}`,
		`{"number":"%[1]s","exp":"12/40","email":"%[1]s@example.com"}`,
		`{"number":"%[1]s","exp":"12/40","description":"%[1]s"}`,
		`{"number":{"%[1]s":"%[2]s"},"exp":"12/40"}`,
		`{"number":%[1]s.5,"exp":"12/40"}`,
		`{"number":"%[1]s","number":"%[1]s","exp":"12/40"}`,
		`{"%[1]s":"%[1]s","%[1]s":1}`,
		`{"number":"%[1]s","exp":"12/40","name":"%[2]s`,
		`%[1]s %[2]s`,
		`{"number":"%[1]s","exp":"12/40","x":"` + strings.Repeat("%[2]s ", 6000) + `"}`,
		`{"number":"%[1]s","exp":"12/40","country":"%[1]s","phone":"%[1]s"}`,
	} {
		number, name, code := mark()
		lines = append(lines, strings.NewReplacer("%[1]s", number, "%[2]s", name, "%[3]s", code).Replace(format))
	}
	run("cards.jsonl", 0, lines)
	number, name, code := mark()
	stopped := []string{fmt.Sprintf(good, number, name, code)}
	number, name, code = mark()
	run("code.jsonl", 1, append(stopped, fmt.Sprintf(`{"number":"%s","exp":"12/40","name":"%s","cvc":"%s"}`, number, name, code)))
	number, name, code = mark()
	run("code.csv", 1, []string{"number,exp,name,cvv", number + ",12/40," + name + "," + code})
	number, name, _ = mark()
	run("nohead.csv", 1, []string{number + ",12/40," + name, number + ",12/40," + name})

	csv := []string{"number,exp,name,reference"}
	for _, format := range []string{
		"%[1]s,12/40,%[2]s,r", "%[1]s,12/40,%[2]s", `%[1]s,12/40,"%[2]s`, `%[1]s,12/40,%[2]s"x,r`, "%[1]s,%[2]s,x,r", `"%[2]s,%[1]s`,
	} {
		number, name, _ := mark()
		csv = append(csv, strings.NewReplacer("%[1]s", number, "%[2]s", name).Replace(format))
	}
	run("cards.csv", 0, csv)

	if got := column(t, filepath.Join(in.dir, "data"), `SELECT count(*) FROM cards`)[0]; got != "2" {
		t.Errorf("%s cards were taken, want the good one of each file", got)
	}
	if rejects := readCSV(t, filepath.Join(in.dir, "cards.jsonl.rejects.csv")); len(rejects) != len(lines)-1 {
		t.Errorf("%d rejects, want %d", len(rejects), len(lines)-1)
	}
	err := filepath.WalkDir(in.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || sources[path] {
			return err
		}
		text, err := os.ReadFile(path)
		for _, secret := range secrets {
			search(t, path, text, "a marker", secret)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range said {
		for _, secret := range secrets {
			search(t, fmt.Sprintf("output %d", i), []byte(text), "a marker", secret)
		}
	}
}
