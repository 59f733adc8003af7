package forward

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"unicode/utf8"

	"github.com/panvault/panvault/vault/card"
)

// Secrets are what must not come back. The code may be empty. They are neither
// changed, kept nor wiped.
type Secrets struct {
	Number card.PAN
	Code   card.SecurityCode
}

// Clean is a scrubbed answer. Its parts may be stored and shown.
type Clean struct {
	Status      int
	Header      http.Header // of AnswerHeaders
	ContentType string      // without parameters; text/plain for what only claims to be JSON
	Body        []byte      // nil when it was refused
	Hits        Hits

	json  bool
	rules OutcomeRules
}

const cleanMask = "[scrubbed answer]"

// String returns a fixed text: the answer has personal data still.
func (Clean) String() string { return cleanMask }

// GoString is String: %#v redacts too.
func (Clean) GoString() string { return cleanMask }

// Format writes String for every verb and flag.
func (Clean) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, cleanMask) }

// MarshalText returns String; encoding/json uses it too.
func (Clean) MarshalText() ([]byte, error) { return []byte(cleanMask), nil }

// LogValue returns String for structured logs.
func (Clean) LogValue() slog.Value { return slog.StringValue(cleanMask) }

// Scrub makes an answer fit to be given back, masks what it finds and counts
// it. A body without card data stays as it is, byte for byte.
//
//   - The number, in every encoding that this package knows and however it is
//     split, becomes "************4242", or asterisks where a text would not
//     fit. A JSON number with it becomes a string.
//   - So does a part of it: seven of its digits in a row, with punctuation
//     between them or none, ten with anything between them, or fewer beside
//     masks ("42424••••4242"). One digit repeated is no part, and neither are
//     seven to nine digits, equal but for one, with something between them:
//     they are amounts and times.
//   - Whatever else looks like a card number (card.ContainsPAN) becomes the same
//     with its own last digits, but for the paths of KeepDigits. One run of 13
//     to 19 digits in ten does so by chance.
//   - First digits ("424242******4242", or a member such as "bin") become
//     asterisks unless ShowFirstDigits is set.
//   - A JSON member named like a security code ("cvv", "card_code") is dropped,
//     an XML element or a form's pair of that name loses its content. Three
//     digits occur by chance everywhere, so the code itself is masked only behind
//     such a name, where it is the whole of a member of an object named like a
//     card, and as a word of a text that is neither JSON, XML nor a form.
//
// Errors come with a Clean without a body: ErrAnswerType, with status and
// headers, for a body that cannot be searched; ErrLeak, with the status only, if
// decoding all of it would take too long, a second search by other means still
// finds the number or a part of it, or masking broke the JSON.
func Scrub(a *Answer, s Secrets) (*Clean, error) {
	raw := a.reach()
	c := &Clean{Status: raw.status, Header: make(http.Header), rules: raw.endpoint.Outcome}
	c.Hits.Other = raw.masked
	var err error
	useBoth(Values{Number: s.Number, Code: s.Code}, func(pan, code []byte) {
		err = c.scrub(raw, pan, code)
	})
	return c, err
}

func (c *Clean) scrub(raw *answer, pan, code []byte) error {
	for name, values := range raw.header {
		for _, v := range values {
			out, ok := c.clean(raw.endpoint, formText, []byte(v), pan, code)
			if ok {
				c.Header.Add(name, string(out))
			}
		}
	}
	if len(raw.body) == 0 {
		return nil
	}
	form, media := formOf(raw)
	if form == formNone {
		return &failure{ErrAnswerType, "its type is not JSON, XML, a form or text in UTF-8", nil}
	}
	out, ok := c.clean(raw.endpoint, form, raw.body, pan, code)
	if !ok {
		clear(out)
		*c = Clean{Status: c.Status, Header: make(http.Header), Hits: c.Hits}
		return &failure{ErrLeak, "the second search found it", nil}
	}
	c.Body, c.ContentType, c.json = out, media, form == formJSON
	return nil
}

// clean scrubs one text; false if it is not safe to give back.
func (c *Clean) clean(e *endpoint, form form, text, pan, code []byte) ([]byte, bool) {
	// What is masked may be read with what was left beside it: the second pass
	// sees that. It counts nothing.
	hits, out := &c.Hits, text
	for pass := range 2 {
		f := finder{text: out, form: form, pan: pan, code: code, first: e.ShowFirstDigits, keep: e.keep, hits: hits}
		f.find()
		next, ok := f.apply(), f.left >= 0
		f.wipe()
		if pass > 0 {
			clear(out)
		}
		out, hits = next, new(Hits)
		if !ok {
			return out, false
		}
		if len(f.edits) == 0 {
			break
		}
	}
	if leaks(out, pan, e.ShowFirstDigits) || form == formJSON && !json.Valid(out) {
		return out, false
	}
	return out, utf8.Valid(out)
}

// Hits counts what was masked, by kind. A place that is found in two ways may
// count twice.
type Hits struct {
	Number      int // this card's, as digits
	Encoded     int // this card's, in base64, base32, hexadecimal, lists of codes, or as a value
	Other       int // what looks like another card's
	FirstDigits int
	Code        int // codes, and members with the name of one
}

// Total is the sum of all kinds.
func (h Hits) Total() int64 {
	return int64(h.Number) + int64(h.Encoded) + int64(h.Other) + int64(h.FirstDigits) + int64(h.Code)
}
