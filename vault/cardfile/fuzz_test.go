package cardfile_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/panvault/panvault/vault/cardfile"
)

// Fuzzing starts from the files committed here, beside the seeds in code.
func TestFuzzCorpusIsNotEmpty(t *testing.T) {
	files, err := os.ReadDir(filepath.Join("testdata", "fuzz", "FuzzReader"))
	if err != nil || len(files) == 0 {
		t.Errorf("FuzzReader has no corpus: %v", err)
	}
}

// FuzzReader checks that the records of a file make up the file, and that it is
// read alike however it is cut.
func FuzzReader(f *testing.F) {
	f.Add([]byte("number,exp,name\n4242424242424242,1230,\"a\"\"\nb\"\n\n1,2\n1,2,\"x\n1,2,3"), uint8(1))
	f.Add([]byte("{\"number\":\"1\"}\n\n{\"card\":{\"name\":\"\\u0041\"}}\r\n{\n{}"), uint8(2))
	f.Fuzz(func(t *testing.T, text []byte, cut uint8) {
		format := cardfile.Detect(text)
		r := cardfile.NewReader(bytes.NewReader(text), format)
		header, headerErr := r.Header()
		var records []told
		var err error
		for {
			var rec *cardfile.Record
			if rec, err = r.Next(); err != nil {
				break
			}
			records = append(records, tell(rec))
		}
		if headerErr != nil {
			if len(records) > 0 || err != headerErr {
				t.Fatalf("%v, then %d records and %v", headerErr, len(records), err)
			}
			return
		}
		if !bytes.HasPrefix(text, header) {
			t.Fatalf("header %q", header)
		}
		makeUp(t, text, header, records, err)

		for _, size := range []int{1, 1 + int(cut)} {
			pieces, pieceErr := readAll(cardfile.NewReader(&slow{bytes.NewReader(text), size}, format))
			if !reflect.DeepEqual(pieces, records) || said(pieceErr) != said(err) {
				t.Fatalf("in pieces of %d: %+v, %v\nwant %+v, %v", size, pieces, pieceErr, records, err)
			}
		}
	})
}

// slow gives at most so many bytes at a time.
type slow struct {
	io.Reader
	size int
}

func (s *slow) Read(b []byte) (int, error) { return s.Reader.Read(b[:min(len(b), s.size)]) }

func said(err error) string { return err.Error() }

// makeUp checks that header and records follow each other in the file, with
// nothing but white space between.
func makeUp(t *testing.T, text, header []byte, records []told, err error) {
	end := int64(len(header))
	for i, rec := range records {
		start := rec.end - int64(len(rec.raw))
		if rec.raw == "" {
			if rec.flaw != "record is longer than 64 KiB" {
				t.Fatalf("record %d is empty", i)
			}
			end = rec.end
			continue
		}
		if start < end || string(text[start:rec.end]) != rec.raw {
			t.Fatalf("record %d ends at %d and is %q", i, rec.end, rec.raw)
		}
		gap := strings.TrimPrefix(string(text[end:start]), "\ufeff")
		if strings.Trim(gap, " \t\r\n") != "" || int64(1+bytes.Count(text[:start], []byte("\n"))) != rec.line {
			t.Fatalf("record %d on line %d: %q is ahead of it", i, rec.line, gap)
		}
		if rec.flaw != "" && rec.says != "" {
			t.Fatalf("record %d says %q and %q", i, rec.flaw, rec.says)
		}
		end = rec.end
	}
	if gap := strings.TrimPrefix(string(text[end:]), "\ufeff"); errors.Is(err, io.EOF) && strings.Trim(gap, " \t\r\n") != "" {
		t.Fatalf("%q is not read", gap)
	}
}
