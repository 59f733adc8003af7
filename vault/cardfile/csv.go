package cardfile

import (
	"bytes"
	"unicode/utf8"
)

// frame finds the end of the CSV record that begins with the next line, of n
// bytes, and its cells. Where quotes are amiss the record is that line alone: a
// quote that somebody forgot must not swallow the cards after it.
func (r *Reader) frame(n int) (length int, problem, err error) {
	b, final := r.in.ahead()[:n], true
	if bytes.IndexByte(b, '"') >= 0 {
		b, final = r.in.ahead(), r.in.whole()
	}
	for {
		length, count, e := r.readCells(b, final)
		switch {
		case e == endRecord && count != len(r.columns):
			return length, problemFields, nil
		case e == endRecord:
			return length, nil, nil
		case e == endBroken:
			return n, problemQuote, nil
		case r.in.more() || !final && r.in.whole():
			b, final = r.in.ahead(), r.in.whole()
		case final || len(b) == maxRecord:
			return n, problemUnclosed, nil
		default:
			return 0, nil, r.in.err
		}
	}
}

// readCells reads the record at the beginning of b: how long it is, how many
// cells it has, and what ended it, endRecord if all went well.
func (r *Reader) readCells(b []byte, final bool) (length, count int, e end) {
	for {
		var c cell
		c, length, e = nextCell(b, length, r.separator, final)
		if e == endInput || e == endBroken {
			return 0, 0, e
		}
		if count < len(r.columns) {
			r.cells[r.columns[count]] = c
		}
		if count++; e == endRecord {
			return length, count, e
		}
	}
}

// parseCSV takes the values of a record whose cells are known.
func (r *Reader) parseCSV(b []byte) error {
	if !utf8.Valid(b) {
		return problemUTF8
	}
	for _, f := range r.columns {
		if f != unknown {
			r.values[f] = r.cells[f].value(b)
		}
	}
	return r.rec.fill(&r.values, r.split)
}
