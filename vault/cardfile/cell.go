package cardfile

import "bytes"

// cell is one field of a CSV record, as a part of it.
type cell struct {
	start, end int  // without the quotes around it
	doubled    bool // it has doubled quotes, of which one each is meant
}

// end says what comes after a cell.
type end int

const (
	endCell   end = iota // the separator: more cells
	endRecord            // the end of the line or the file
	endInput             // the input goes on, and so does the cell
	endBroken            // a quote where none may be
)

// nextCell reads the cell that begins at b[at], and returns where the next one
// or the next record begins. final says that b goes to the end of the file.
func nextCell(b []byte, at int, separator byte, final bool) (c cell, next int, e end) {
	if at < len(b) && b[at] == '"' {
		return quotedCell(b, at+1, separator, final)
	}
	for i := at; i < len(b); i++ {
		switch b[i] {
		case separator:
			return cell{start: at, end: i}, i + 1, endCell
		case '\n':
			return cell{start: at, end: withoutCR(b, at, i)}, i + 1, endRecord
		case '"':
			return cell{}, 0, endBroken
		}
	}
	if !final {
		return cell{}, 0, endInput
	}
	return cell{start: at, end: withoutCR(b, at, len(b))}, len(b), endRecord
}

func withoutCR(b []byte, start, end int) int {
	if end > start && b[end-1] == '\r' {
		return end - 1
	}
	return end
}

// quotedCell is nextCell after the opening quote.
func quotedCell(b []byte, at int, separator byte, final bool) (c cell, next int, e end) {
	c.start = at
	for {
		i := bytes.IndexByte(b[at:], '"')
		if i < 0 {
			return cell{}, 0, endInput // also at the end of the file: it is not closed
		}
		c.end, at = at+i, at+i+1
		if at == len(b) || b[at] != '"' {
			break
		}
		c.doubled = true
		at++
	}
	rest := b[at:]
	switch {
	case len(rest) == 0 && final:
		return c, at, endRecord
	case len(rest) == 0:
		return cell{}, 0, endInput
	case rest[0] == separator:
		return c, at + 1, endCell
	case rest[0] == '\n':
		return c, at + 1, endRecord
	case rest[0] != '\r':
		return cell{}, 0, endBroken
	case len(rest) == 1 && final:
		return c, at + 1, endRecord
	case len(rest) == 1:
		return cell{}, 0, endInput
	case rest[1] == '\n':
		return c, at + 2, endRecord
	}
	return cell{}, 0, endBroken
}

// value returns the cell's text, unescaped where it stands.
func (c cell) value(b []byte) []byte {
	v := b[c.start:c.end:c.end]
	if !c.doubled {
		return v
	}
	w := 0
	for r := 0; r < len(v); r++ {
		v[w] = v[r]
		if w++; v[r] == '"' {
			r++
		}
	}
	return v[:w:w]
}
