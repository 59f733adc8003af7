package cardfile

import (
	"bytes"
	"io"

	"github.com/panvault/panvault/vault/internal/inplace"
)

// Reader reads a file record by record, within 320 KiB of memory and the header.
// It is not safe for concurrent use. Wipe it when it is done.
type Reader struct {
	format Format
	in     window
	err    error // of Next from now on

	header    []byte // of a CSV file, as it stands there
	columns   []field
	ignored   []string // columns
	separator byte
	split     bool // the expiration column is used

	parser inplace.Parser

	rec    Record
	work   []byte         // the record's values, unescaped
	used   int            // of work
	cells  [fields]cell   // of the record, where it is CSV
	values [fields][]byte // of the record
	given  [fields]bool   // by the record, where it is JSON
}

// NewReader returns a reader of a file from its beginning. Closing r is left to
// the caller. A format that is none shows at the first call of Header or Next.
func NewReader(r io.Reader, f Format) *Reader {
	out := &Reader{format: f, in: newWindow(r), work: make([]byte, maxRecord), parser: newParser()}
	if f != CSV && f != JSONLines {
		out.err = errFormat
	}
	return out
}

// Next returns the next record, which is the reader's: it is valid until the
// next call of Next or Wipe, which wipe it. A record that cannot be read is no
// error but has a Problem, and reading goes on after it: after a quote that is
// amiss with the next line, else with the next record. Empty lines are skipped.
//
// The error is io.EOF at the end, ErrSensitive, what Header returns, or that of
// the file's reader; all later calls return it again. Records of the file that
// were read before such an error stand.
func (r *Reader) Next() (*Record, error) {
	r.forget()
	if r.err == nil && r.format == CSV && r.columns == nil {
		_, r.err = r.Header()
	}
	if r.err == nil {
		r.err = r.read()
	}
	if r.err != nil {
		r.forget()
		return nil, r.err
	}
	return &r.rec, nil
}

// Wipe overwrites everything that the reader still holds of the file but the
// header. The reader is of no use after that.
func (r *Reader) Wipe() {
	r.forget()
	r.in.wipe()
	clear(r.work)
	r.err = errWiped
}

// forget wipes the record that Next returned last.
func (r *Reader) forget() {
	clear(r.rec.Raw)
	clear(r.work[:r.used])
	r.rec, r.used, r.values, r.given = Record{}, 0, [fields][]byte{}, [fields]bool{}
}

// read reads a record.
func (r *Reader) read() error {
	if r.format == JSONLines && r.in.offset == 0 {
		if r.in.fill(len(byteOrderMark)); bytes.HasPrefix(r.in.ahead(), []byte(byteOrderMark)) {
			r.in.consume(len(byteOrderMark))
		}
	}
	for {
		n, ok := r.in.physical()
		switch {
		case ok && r.empty(r.in.ahead()[:n]):
			r.in.consume(n)
		case ok:
			return r.record(n)
		case n < maxRecord:
			return r.in.err
		default:
			r.rec.Line = r.in.line
			if !r.in.skipLine() {
				return r.in.err
			}
			r.rec.End, r.rec.Problem = r.in.offset, problemTooLong
			return nil
		}
	}
}

// empty reports whether a line has nothing to read. In CSV white space is a
// value.
func (r *Reader) empty(line []byte) bool {
	if r.format == JSONLines {
		return blank(line)
	}
	return len(bytes.Trim(line, "\r\n")) == 0
}

// record reads the record that begins with the next line, of n bytes. What it
// parses is a copy, for unescaping overwrites and Raw must be as the file is.
func (r *Reader) record(n int) error {
	var problem error
	if r.format == CSV {
		var err error
		if n, problem, err = r.frame(n); err != nil {
			return err
		}
	}
	r.rec.Line = r.in.line
	r.rec.Raw = r.in.consume(n)
	r.rec.End = r.in.offset
	r.used = copy(r.work, r.rec.Raw)
	b := r.work[:r.used]
	switch {
	case problem != nil:
	case r.format == CSV:
		problem = r.parseCSV(b)
	default:
		var err error
		if problem, err = r.parseJSON(b); err != nil {
			return err
		}
	}
	if r.rec.Problem = problem; problem != nil {
		clear(b)
	}
	return nil
}
