package main

import (
	"database/sql"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/panvault/panvault/kms/localkek"
)

var updateScripts = flag.Bool("update", false, "rewrite the expected outputs in testdata/script")

// TestScripts runs the stories of the command line. Beside testscript's own
// commands they have
//
//	code N COMMAND ARGS…   COMMAND must end with exit code N
//	capture NAME PATTERN   sets NAME to the group of PATTERN in the last output
//	masked FILE            writes the last output with ids, keys and times masked
//	mode OCTAL FILE        FILE must have these permissions
//	keyring FILE           makes a keyring, cheaply; the passphrase is $PASSPHRASE
//	sql FILE STATEMENT     changes a database behind panvault's back
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                filepath.Join("testdata", "script"),
		UpdateScripts:      *updateScripts,
		RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PASSPHRASE", testPassphrase)
			env.Setenv("GORACE", os.Getenv("GORACE"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code": scriptCode, "capture": scriptCapture, "masked": scriptMasked,
			"mode": scriptMode, "keyring": scriptKeyring, "sql": scriptSQL,
		},
	})
}

func scriptCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N COMMAND ARGS…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d\n%s%s", got, want, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

func scriptCapture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: capture NAME PATTERN")
	}
	found := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(found) != 2 {
		ts.Fatalf("%s matches nothing in\n%s", args[1], ts.ReadFile("stdout"))
	}
	ts.Setenv(args[0], found[1])
}

// masks replace what differs from run to run, without changing any width that
// a table depends on.
var masks = []struct{ pattern, with string }{
	{`\b(mrch|akey)_[0-9a-z]{24}\b`, "${1}_xxxxxxxxxxxxxxxxxxxxxxxx"},
	{`\b([pso]key_(?:test_)?)[0-9a-z]{19}\b`, "${1}xxxxxxxxxxxxxxxxxxx"},
	{`…[0-9a-z]{4}\b`, "…xxxx"},
	{`("hint":)"[0-9a-z]{4}"`, `${1}"xxxx"`},
	{`\d{4}-\d\d-\d\d \d\d:\d\d UTC`, "2006-01-02 15:04 UTC"},
	{`ABI \d+`, "ABI 7"},
	{`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`, "2006-01-02T15:04:05Z"},
}

func scriptMasked(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: masked FILE")
	}
	text := ts.ReadFile("stdout")
	for _, m := range masks {
		text = regexp.MustCompile(m.pattern).ReplaceAllString(text, m.with)
	}
	text = regexp.MustCompile(regexp.QuoteMeta(ts.Getenv("WORK"))).ReplaceAllString(text, "$$WORK")
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

func scriptMode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: mode OCTAL FILE")
	}
	want, err := strconv.ParseUint(args[0], 8, 32)
	ts.Check(err)
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := info.Mode().Perm(); got != os.FileMode(want) {
		ts.Fatalf("%s has mode %04o, want %04o", args[1], got, want)
	}
}

func scriptKeyring(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: keyring FILE")
	}
	passphrase, err := localkek.NewPassphrase([]byte(testPassphrase))
	ts.Check(err)
	path := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o700))
	keyring, err := localkek.Create(path, passphrase, localkek.Options{Argon2: localkek.DevArgon2()})
	ts.Check(err)
	ts.Check(keyring.Close())
}

func scriptSQL(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: sql FILE STATEMENT")
	}
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	_, err = db.Exec(args[1])
	ts.Check(errors.Join(err, db.Close()))
}
