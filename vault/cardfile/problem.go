package cardfile

import "errors"

// Errors that end the reading of a file; those that are returned wrap them and
// say more. None quotes the file.
var (
	// ErrHeader is a CSV header that cannot be used.
	ErrHeader = errors.New("header line cannot be used")
	// ErrSensitive is a file with security codes, PINs or track data.
	ErrSensitive = errors.New("PCI DSS 3.3.1 forbids to keep security codes, PINs and track data after authorization; " +
		"nothing more is read: remove the column from the file")

	errFormat = errors.New("format of the file is neither csv nor jsonl")
	errWiped  = errors.New("reader was wiped")
)

// Problem is why a record cannot be read: a short sentence in lower case, which
// never quotes the record. Problems can be compared.
type Problem string

// Error is the sentence.
func (p Problem) Error() string { return string(p) }

const (
	problemTooLong    Problem = "record is longer than 64 KiB"
	problemUTF8       Problem = "record is not valid utf-8"
	problemQuote      Problem = "quotes of the record do not match"
	problemUnclosed   Problem = "a quote is not closed"
	problemFields     Problem = "record has another number of fields than the header"
	problemExpiration Problem = "expiration is not written like MM/YY, MM/YYYY, MMYY or YYYY-MM"

	problemJSON      Problem = "record is not a valid json object"
	problemDuplicate Problem = "record has a key twice"
	problemTooMany   Problem = "record has too many values"
	problemTooDeep   Problem = "record is nested too deeply"
)

func wrongType(f field) Problem    { return Problem(f.name() + " has the wrong type") }
func givenTwice(f field) Problem   { return Problem(f.name() + " is given twice") }
func tooLong(f field) Problem      { return Problem(f.name() + " is longer than 255 bytes") }
func holdsNumber(f field) Problem  { return Problem(f.name() + " must not contain a card number") }
func holdsControl(f field) Problem { return Problem(f.name() + " must not contain control characters") }
