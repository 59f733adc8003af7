package cardfile

import (
	"bytes"
	"io"
)

const (
	maxRecord  = 64 << 10      // bytes of a record, line end included
	windowSize = 4 * maxRecord // of which the window holds several
	maxIdle    = 100           // reads in a row that give nothing
)

// window is the part of the file that is in memory. It never grows, and what
// is behind its start is wiped.
type window struct {
	src        io.Reader
	buf        []byte
	start, end int   // what is read and not consumed
	offset     int64 // bytes of the file before start
	line       int64 // of the file at start, from 1
	err        error // of src
}

func newWindow(src io.Reader) window {
	return window{src: src, buf: make([]byte, windowSize), line: 1}
}

// fill reads until there are want bytes, or as many as a record has and one
// more; there are fewer only if w.err says why.
func (w *window) fill(want int) {
	want = min(want, maxRecord+1)
	for idle := 0; w.end-w.start < want && w.err == nil; {
		if w.start >= windowSize-maxRecord {
			w.compact()
		}
		n, err := w.src.Read(w.buf[w.end:])
		if w.end += n; n > 0 {
			idle = 0
		} else if idle++; idle == maxIdle && err == nil {
			err = io.ErrNoProgress
		}
		w.err = err
	}
}

// compact moves what is left to the front and wipes where it was.
func (w *window) compact() {
	n := copy(w.buf, w.buf[w.start:w.end])
	clear(w.buf[n:w.end])
	w.start, w.end = 0, n
}

// ahead is what a record may consist of: at most maxRecord bytes.
func (w *window) ahead() []byte {
	return w.buf[w.start:min(w.end, w.start+maxRecord)]
}

// whole reports whether ahead goes to the end of the file.
func (w *window) whole() bool {
	return w.err == io.EOF && w.end-w.start <= maxRecord
}

// more makes ahead twice as long, as far as there is more, and reports whether
// it is longer. Less at a time would be slow where a reader gives single bytes.
func (w *window) more() bool {
	n := len(w.ahead())
	w.fill(2*n + 1)
	return len(w.ahead()) > n
}

// physical is the length of the next line, its end included. ok is false if
// there is none: at the end of the file, after an error, or if it is too long.
func (w *window) physical() (n int, ok bool) {
	for from := 0; ; {
		b := w.ahead()
		if i := bytes.IndexByte(b[from:], '\n'); i >= 0 {
			return from + i + 1, true
		}
		if from = len(b); !w.more() {
			return from, w.whole() && from > 0
		}
	}
}

// consume passes over the next n bytes and returns them, for the caller to wipe
// before anything else is read.
func (w *window) consume(n int) []byte {
	b := w.buf[w.start : w.start+n : w.start+n]
	w.start += n
	w.offset += int64(n)
	w.line += int64(bytes.Count(b, []byte("\n")))
	return b
}

// skipLine consumes and wipes the next line, however long it is. It reports
// false after an error of the file.
func (w *window) skipLine() bool {
	for {
		b := w.ahead()
		if i := bytes.IndexByte(b, '\n'); i >= 0 {
			clear(w.consume(i + 1))
			return true
		}
		clear(w.consume(len(b)))
		if w.fill(1); w.start == w.end {
			return w.err == io.EOF
		}
	}
}

func (w *window) wipe() {
	clear(w.buf)
	w.start, w.end = 0, 0
}
