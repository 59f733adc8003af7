package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/panvault/panvault/vault"
)

// startFiles begins an import, or goes on with it, in this process.
func startFiles(t *testing.T, in *installation) (*vault.Importer, func() (*importFiles, error)) {
	t.Helper()
	c := &cli{stdin: strings.NewReader(""), stdout: new(transcript), stderr: new(transcript), configFile: in.config}
	cfg, err := c.loadConfig()
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.open(t.Context(), cfg, openMode{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.close(t.Context()) })
	caller, err := a.operator(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	importer, err := a.svc.StartImport(t.Context(), caller, vault.ImportSource{Merchant: in.merchant, Head: []byte("head")})
	if err != nil {
		t.Fatal(err)
	}
	return importer, func() (*importFiles, error) {
		return openImportFiles(t.Context(), filepath.Join(in.dir, "map"), filepath.Join(in.dir, "rejects"), importer)
	}
}

// advance commits a line of the map and a reject.
func advance(t *testing.T, importer *vault.Importer, f *importFiles) {
	t.Helper()
	mark := importer.Mark()
	var err error
	if mark.MapSize, mark.RejectSize, err = f.write([][]string{{"r", "c", "cust", "card", "Visa", "4242"}}, [][]string{{"3", "why"}}); err != nil {
		t.Fatal(err)
	}
	mark.Records, mark.Cards = mark.Records+2, mark.Cards+1
	if err := importer.Commit(t.Context(), nil, mark, importer.Prefix()); err != nil {
		t.Fatal(err)
	}
}

// TestImportFilesAreOurs: nothing is cut off or written over that the import has
// not written, whatever is typed for its files.
func TestImportFilesAreOurs(t *testing.T) {
	t.Parallel()
	const maps = "reference,customer_reference,customer,card,brand,last_digits\n"
	const rejects = "line,reason\n"
	const mapLine, rejectLine = "r,c,cust,card,Visa,4242\n", "3,why\n"
	for _, tt := range []struct {
		name           string
		begun          bool // the import has committed a line of each
		maps, rejects  string
		says           string // "": they are opened
		wantMap, wantR string // then
	}{
		{"empty files, begun and killed at once", false, "", "", "", maps, rejects},
		{"a part of the header", false, maps[:9], rejects[:3], "", maps, rejects},
		{"the header alone", false, maps, rejects, "", maps, rejects},
		{"somebody's file", false, "dear diary\n", "", "map exists", "", ""},
		{"the map of another import", false, maps + mapLine, rejects, "map exists", "", ""},
		{"somebody's reject file", false, maps, rejects + rejectLine, "rejects exists", "", ""},
		{"as left", true, maps + mapLine, rejects + rejectLine, "", maps + mapLine, rejects + rejectLine},
		{"killed before a commit", true, maps + mapLine + mapLine + "r,", rejects + rejectLine + "9", "", maps + mapLine, rejects + rejectLine},
		{"shorter", true, maps, rejects + rejectLine, "map is shorter than", "", ""},
		{"empty", true, maps + mapLine, "", "rejects is not the file", "", ""},
		{"somebody's longer file", true, strings.Repeat("dear diary\n", 99), rejects + rejectLine, "map is not the file", "", ""},
		{"a map of fewer lines", true, maps + strings.Repeat("x", 99) + "\n", rejects + rejectLine, "map is not the file", "", ""},
		{"a map of more lines", true, maps + strings.Repeat("\n", 99), rejects + rejectLine, "map is not the file", "", ""},
		{"a map of other line ends", true, maps + "\n" + strings.Repeat("x", 99), rejects + rejectLine, "map is not the file", "", ""},
	} {
		in := install(t)
		if tt.begun {
			importer, open := startFiles(t, in)
			f, err := open()
			if err != nil {
				t.Fatal(err)
			}
			advance(t, importer, f)
			f.close()
		} else {
			startFiles(t, in)
		}
		mapPath, rejectPath := filepath.Join(in.dir, "map"), filepath.Join(in.dir, "rejects")
		saveFile(t, mapPath, tt.maps)
		saveFile(t, rejectPath, tt.rejects)
		_, open := startFiles(t, in)
		f, err := open()
		if tt.says != "" {
			tt.wantMap, tt.wantR = tt.maps, tt.rejects
			if !errors.As(err, new(hinted)) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%s: %v, want %q with a hint", tt.name, err, tt.says)
			}
		} else if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if f != nil {
			f.close()
		}
		for path, want := range map[string]string{mapPath: tt.wantMap, rejectPath: tt.wantR} {
			if got, err := os.ReadFile(path); err != nil || string(got) != want {
				t.Errorf("%s: %s is %q (%v), want %q", tt.name, filepath.Base(path), got, err, want)
			}
		}
	}
}

// TestImportFilesOfAStaleMark: a process that read the mark before another went
// on must not cut off what that one has committed.
func TestImportFilesOfAStaleMark(t *testing.T) {
	t.Parallel()
	in := install(t)
	importer, open := startFiles(t, in)
	f, err := open()
	if err != nil {
		t.Fatal(err)
	}
	advance(t, importer, f)
	_, late := startFiles(t, in)
	if _, err := late(); err == nil || !strings.Contains(err.Error(), "another process writes it") {
		t.Errorf("while the first has the files: %v", err)
	}
	advance(t, importer, f)
	f.close()
	before, err := os.ReadFile(filepath.Join(in.dir, "map"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := late(); err == nil || !strings.Contains(err.Error(), "another process goes on with this import") || !errors.As(err, new(hinted)) {
		t.Errorf("when the first has gone on: %v", err)
	}
	if after, err := os.ReadFile(filepath.Join(in.dir, "map")); err != nil || string(after) != string(before) {
		t.Errorf("the map was %q and is %q (%v)", before, after, err)
	}
	_, again := startFiles(t, in)
	f, err = again()
	if err != nil {
		t.Fatalf("a process with the present mark: %v", err)
	}
	f.close()
}
