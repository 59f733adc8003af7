// Package cardfile reads files of cards that another vault wrote, as CSV or as
// JSON lines, record by record.
//
// It promises that a card number is in no memory but the reader's own buffers,
// which never grow and are wiped record by record; that a record it cannot read
// is reported beside the others and never changes how they are read; and that
// reading can go on after any record. It checks the form of a file, not its
// cards: those are card.Parse's.
//
// It must never make a string of a value, quote the file in an error, or read
// on in a file that holds security codes.
package cardfile

import "bytes"

// Format is how a file is written.
type Format string

// The formats. CSV is RFC 4180 with a header line, separated by commas,
// semicolons or tabs; JSONLines is one JSON object a line. Both are UTF-8, with
// or without a byte order mark, and end their lines with LF or CRLF.
const (
	CSV       Format = "csv"
	JSONLines Format = "jsonl"
)

// byteOrderMark is U+FEFF, which some programs write ahead of a text.
const byteOrderMark = "\ufeff"

// Detect tells the format by how a file begins: with '{' after white space it is
// JSON lines, else CSV. It is safe for concurrent use.
func Detect(head []byte) Format {
	head = bytes.TrimPrefix(head, []byte(byteOrderMark))
	if bytes.HasPrefix(bytes.TrimLeft(head, " \t\r\n"), []byte("{")) {
		return JSONLines
	}
	return CSV
}
