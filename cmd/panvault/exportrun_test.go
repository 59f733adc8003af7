package main

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"filippo.io/age"
)

// TestExportStory: two operators give a merchant's cards out; a sandbox takes
// them in.
func TestExportStory(t *testing.T) {
	t.Parallel()
	in := install(t)
	data := filepath.Join(in.dir, "data")
	l := newCardList(filepath.Join(in.dir, "cards.csv"))
	l.add(rand.New(rand.NewPCG(7, 8)), 6000)
	l.save(t)
	command(t, 0, in.importArgs(l)...)
	command(t, 0, "apikey", "create", "--config", in.config, "--kind", "operator", "--label", "bob", "--key-out", filepath.Join(in.dir, "bob.key"))
	bobs := in.configFile("bob.yaml", "kms.local.passphrase", "file:"+filepath.Join(in.dir, "passphrase"), "operator_key", "file:"+filepath.Join(in.dir, "bob.key"))

	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	var asked approvalJSON
	commandJSON(t, &asked, "export", "request", "--config", in.config, "--merchant", in.merchant, "--mode", "live",
		"--recipient", identity.Recipient().String(), "--reason", "move to the new vault")
	if asked.State != "waiting" || asked.Subject.Merchant != in.merchant || !asked.Subject.Live || asked.Subject.Recipient != identity.Recipient().String() {
		t.Errorf("asked for %+v", asked)
	}
	folder := filepath.Join(in.dir, "out")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(folder, "cards.age")
	run := []string{"export", "run", asked.ID, "--config", in.config, "--out", out}
	for _, step := range []struct {
		args []string
		want string
	}{
		{run, "another operator must approve this first"},
		{[]string{"approval", "grant", asked.ID, "--config", in.config}, "another operator must approve what you asked for"},
	} {
		if _, errs := command(t, 1, step.args...); !strings.Contains(errs, step.want) {
			t.Errorf("%v says %q, want %q", step.args[:2], errs, step.want)
		}
	}
	wantEmpty(t, folder)
	command(t, 0, "approval", "grant", asked.ID, "--config", bobs)

	stopped := launchCommand(t, exec.Command("panvault", run...))
	stopped.await("its file", func() bool { found, _ := os.ReadDir(folder); return len(found) > 0 })
	stopped.Signal(syscall.SIGINT)
	if code := stopped.Wait(); code != 1 {
		t.Errorf("exit code %d after SIGINT, want 1:\n%s", code, stopped.log.String())
	}
	if log := stopped.log.String(); !strings.HasSuffix(log, "panvault: interrupted: no file was written\n  try: the same command again; the approval is not used up\n") {
		t.Errorf("after SIGINT it says %q", log)
	}
	wantEmpty(t, folder)

	var done struct {
		File     string
		Cards    int
		Tampered int
		SHA256   string
	}
	commandJSON(t, &done, run...)
	if done.File != out || done.Cards != len(l.valid) || done.Tampered != 0 || len(done.SHA256) != 64 {
		t.Errorf("exported %+v, want %d cards", done, len(l.valid))
	}
	if info, err := os.Stat(out); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v; want mode 0600", info, err)
	}
	if _, errs := command(t, 1, append(run[:len(run)-1:len(run)-1], out+"2")...); !strings.Contains(errs, "this approval was used") || exists(out+"2") {
		t.Errorf("running it again: %q", errs)
	}
	if _, errs := command(t, 1, run...); !strings.Contains(errs, "cards.age exists") {
		t.Errorf("over the file: %q", errs)
	}
	// What was interrupted may have been stopped before its start was on record.
	got := strings.Join(column(t, data, `SELECT type FROM events WHERE type IN ('approval.request', 'approval.grant', 'export.start', 'export.finish') ORDER BY id`), " ")
	if got = strings.Replace(got, "export.start export.start", "export.start", 1); got != "approval.request approval.grant export.start export.finish" {
		t.Errorf("on record are %s", got)
	}
	if got := len(column(t, data, `SELECT id FROM events WHERE type = 'card.export'`)); got < len(l.valid) {
		t.Errorf("%d openings are on record, want %d at least", got, len(l.valid))
	}
	l.wantNoNumbers(t, in.dir, stopped.log.String())
	importInto(t, l, decryptFile(t, out, identity))
}

func wantEmpty(t *testing.T, folder string) {
	t.Helper()
	if found, err := os.ReadDir(folder); err != nil || len(found) > 0 {
		t.Errorf("%s holds %v (%v), want nothing", folder, found, err)
	}
}

func decryptFile(t *testing.T, path string, identity age.Identity) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := age.Decrypt(bytes.NewReader(text), identity)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// importInto gives an export to a sandbox on standard input.
func importInto(t *testing.T, l *cardList, plain []byte) {
	t.Helper()
	for text := range strings.Lines(string(plain)) {
		var line struct{ Card struct{ Number string } }
		if err := json.Unmarshal([]byte(text), &line); err != nil || !l.numbers[line.Card.Number] {
			t.Fatalf("a line of the export is not of the list (%v)", err)
		}
	}
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	s := startDev(t, data)
	cmd := exec.Command("panvault", "import", "-", "--data", data, "--merchant", s.Merchant, "--mode", "test",
		"--map", filepath.Join(dir, "map.csv"), "--rejects", filepath.Join(dir, "rejects.csv"))
	cmd.Stdin = bytes.NewReader(plain)
	taken := launchCommand(t, cmd)
	if code := taken.Wait(); code != 0 {
		t.Fatalf("importing the export: %d %s", code, taken.log.String())
	}
	s.Stop()
	if maps, rejects := readCSV(t, filepath.Join(dir, "map.csv")), readCSV(t, filepath.Join(dir, "rejects.csv")); len(maps) != len(l.valid) || len(rejects) > 0 {
		t.Errorf("%d cards and %d rejects, want %d and none", len(maps), len(rejects), len(l.valid))
	}
	owners := make(map[string]bool)
	for _, owner := range l.owner {
		owners[owner] = true
	}
	if got := column(t, data, `SELECT id FROM customers`); len(got) != len(owners) {
		t.Errorf("%d customers, want %d", len(got), len(owners))
	}
	l.wantNoNumbers(t, dir, taken.log.String(), taken.out.String(), s.log.String())
}

// TestExportTellsOfTamperedCards: the file is there, and the exit code says that
// it is not complete.
func TestExportTellsOfTamperedCards(t *testing.T) {
	t.Parallel()
	in := install(t)
	l := newCardList(filepath.Join(in.dir, "cards.csv"))
	l.add(rand.New(rand.NewPCG(9, 9)), 20)
	l.save(t)
	command(t, 0, in.importArgs(l)...)
	command(t, 0, "apikey", "create", "--config", in.config, "--kind", "operator", "--label", "bob", "--key-out", filepath.Join(in.dir, "bob.key"))
	identity, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	var asked approvalJSON
	commandJSON(t, &asked, "export", "request", "--config", in.config, "--merchant", in.merchant, "--mode", "live",
		"--recipient", identity.Recipient().String(), "--reason", "why")
	bob := exec.Command("panvault", "approval", "grant", asked.ID, "--config", in.config)
	bob.Env = append(os.Environ(), "PANVAULT_OPERATOR_KEY=file:"+filepath.Join(in.dir, "bob.key"))
	if text, err := bob.CombinedOutput(); err != nil {
		t.Fatalf("grant: %v %s", err, text)
	}
	column(t, filepath.Join(in.dir, "data"), `UPDATE cards SET last_digits = '0000' WHERE id = (SELECT max(id) FROM cards) RETURNING id`)
	out := filepath.Join(in.dir, "cards.age")
	_, errs := command(t, 1, "export", "run", asked.ID, "--config", in.config, "--out", out)
	if !strings.HasSuffix(errs, "panvault: 1 cards were left out: they do not authenticate\n  try: deploy/runbooks/tampered.md\n") {
		t.Errorf("it says %q", errs)
	}
	if got := bytes.Count(decryptFile(t, out, identity), []byte("\n")); got != len(l.valid)-1 {
		t.Errorf("%d lines, want %d", got, len(l.valid)-1)
	}
}
