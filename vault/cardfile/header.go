package cardfile

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/panvault/panvault/vault/card"
)

// Header reads the header line of a CSV file and returns it as it stands there,
// byte order mark and line end included; the bytes are the caller's. It is empty
// for JSON lines, which have none. Next calls it, and a second call returns the
// same again.
//
// The error is ErrHeader where a column is missing or given twice, or where the
// line is not there, is longer than 64 KiB, is not UTF-8, has quotes that do not match or
// holds a card number; ErrSensitive where there is a column of security codes;
// or that of the file's reader.
func (r *Reader) Header() ([]byte, error) {
	if r.format == CSV && r.columns == nil && r.err == nil {
		r.err = r.readHeader()
	}
	if r.format != JSONLines && r.columns == nil {
		return nil, r.err
	}
	return bytes.Clone(r.header), nil
}

// Ignored returns the names of the columns that mean nothing here, as the header
// spells them: what stands there is not read. It is empty before Header and for
// JSON lines.
func (r *Reader) Ignored() []string { return slices.Clone(r.ignored) }

func (r *Reader) readHeader() error {
	n, ok := r.in.physical()
	switch {
	case ok:
	case n == maxRecord:
		return headerError("it is longer than 64 KiB")
	case n == 0 && r.in.err == io.EOF:
		return headerError("the file is empty")
	default:
		return r.in.err
	}
	if err := r.setHeader(r.in.ahead()[:n]); err != nil {
		return err
	}
	r.in.consume(n)
	return nil
}

// setHeader takes the columns from a header line.
func (r *Reader) setHeader(line []byte) error {
	names := bytes.TrimPrefix(line, []byte(byteOrderMark))
	switch {
	case !utf8.Valid(line):
		return headerError("it is not UTF-8")
	case card.ContainsPAN(line):
		return headerError("it holds a card number: the first line must name the columns")
	}
	separator := separatorOf(names)
	columns, ignored, err := columnsOf(names, separator)
	if err != nil {
		return err
	}
	split, err := checkColumns(columns)
	if err != nil {
		return err
	}
	r.header, r.separator, r.columns, r.split, r.ignored = bytes.Clone(line), separator, columns, split, ignored
	return nil
}

// separatorOf is the comma, unless the header has none and one of the others.
func separatorOf(line []byte) byte {
	for _, c := range []byte(",;\t") {
		if bytes.IndexByte(line, c) >= 0 {
			return c
		}
	}
	return ','
}

// columnsOf reads the columns, and the names of those that mean nothing here.
func columnsOf(line []byte, separator byte) (out []field, ignored []string, err error) {
	for at := 0; ; {
		c, next, e := nextCell(line, at, separator, true)
		if e == endInput || e == endBroken {
			return nil, nil, headerError("its quotes do not match")
		}
		n := newName(line[c.start:c.end])
		if s := n.sensitive(); s != "" {
			return nil, nil, fmt.Errorf("column %s: %w", s, ErrSensitive)
		}
		what := n.field()
		if out = append(out, what); what == unknown {
			ignored = append(ignored, string(trim(line[c.start:c.end])))
		}
		if at = next; e == endRecord {
			return out, ignored, nil
		}
	}
}

// checkColumns reports whether the expiration column is to be used.
func checkColumns(columns []field) (split bool, err error) {
	var have [fields]bool
	for _, f := range columns {
		if f != unknown && have[f] {
			return false, headerError("column " + f.name() + " is given twice, perhaps under two names")
		}
		have[f] = true
	}
	switch {
	case !have[number]:
		return false, headerError("column number is missing")
	case have[month] && have[year]:
		return false, nil
	case have[expiration]:
		return true, nil
	case have[month]:
		return false, headerError("column expiration_year is missing")
	case have[year]:
		return false, headerError("column expiration_month is missing")
	}
	return false, headerError("columns expiration_month and expiration_year are missing")
}

func headerError(why string) error { return fmt.Errorf("%w: %s", ErrHeader, why) }
