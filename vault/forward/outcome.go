package forward

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// OutcomeRules say how to read an answer to a charge. Paths are dot paths of a
// JSON body, such as "payment.status" or "errors.0.code"; "" is none. The zero
// value makes every outcome Unknown.
type OutcomeRules struct {
	StatusFrom, StatusTo int      // of an approval, inclusive; 0 and 0 for 200 to 299
	Path                 string   // of the value that tells
	Approved             []string // what it is when approved: a text, number, true or false
	Declined             []string // what it is when declined
	Code                 string   // path of the failure code
	Message              string   // path of the failure message
	Auth                 string   // path of the authorization code
	Reference            string   // path of the processor's own reference
}

// Verdict is what became of a charge.
type Verdict int

// The verdicts. Unknown is what no rule decides: it is not a decline.
const (
	Unknown Verdict = iota
	Approved
	Declined
)

// String returns "unknown", "approved" or "declined".
func (v Verdict) String() string {
	switch v {
	case Approved:
		return "approved"
	case Declined:
		return "declined"
	}
	return "unknown"
}

// Outcome is what an answer says of a charge. The texts are "" when the answer
// has none, of at most 255 bytes, and from a scrubbed body.
type Outcome struct {
	Verdict   Verdict
	Code      string
	Message   string
	Auth      string
	Reference string
}

// ReadOutcome applies the destination's rules to a scrubbed answer. A decline
// must be said by one of Declined, with a status of 200 to 499. No body, any
// other value or a server's error is Unknown.
func ReadOutcome(c *Clean) Outcome {
	r := c.rules
	var doc any
	d := json.NewDecoder(bytes.NewReader(c.Body))
	d.UseNumber()
	if !c.json || d.Decode(&doc) != nil {
		return Outcome{}
	}
	text := func(path string) string {
		s, _ := at(doc, path)
		return shorten(s)
	}
	return Outcome{
		Verdict: r.verdict(c.Status, doc),
		Code:    text(r.Code), Message: text(r.Message), Auth: text(r.Auth), Reference: text(r.Reference),
	}
}

func (r OutcomeRules) verdict(status int, doc any) Verdict {
	value, ok := at(doc, r.Path)
	if !ok {
		return Unknown
	}
	from, to := r.StatusFrom, r.StatusTo
	if from == 0 && to == 0 {
		from, to = 200, 299
	}
	has := func(list []string) bool { return slices.Contains(list, value) }
	switch approved := has(r.Approved); {
	case approved && from <= status && status <= to:
		return Approved
	case !approved && status < 500 && has(r.Declined):
		return Declined
	}
	return Unknown
}

// at follows a dot path to a text, number or boolean.
func at(doc any, path string) (string, bool) {
	if path == "" {
		return "", false
	}
	for name := range strings.SplitSeq(path, ".") {
		switch v := doc.(type) {
		case map[string]any:
			doc = v[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(v) {
				return "", false
			}
			doc = v[i]
		default:
			return "", false
		}
	}
	switch v := doc.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}

// shorten cuts a text to 255 bytes, at a character, and its control characters.
func shorten(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	if len(s) <= 255 {
		return s
	}
	n := 255
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func (r OutcomeRules) paths() []string {
	var out []string
	for _, p := range []string{r.Path, r.Code, r.Auth, r.Reference} {
		if p != "" {
			out = append(out, p)
		}
	}
	return out
}

func (r OutcomeRules) check(m *mistakes) {
	for _, p := range append(r.paths(), r.Message) {
		if p != "" && !isDotPath(p) {
			m.add("outcome", "a path is not a dot path")
		}
	}
	if (r.Path == "") != (len(r.Approved) == 0) {
		m.add("outcome", "path and approved go together")
	}
	if len(r.Declined) > 0 && r.Path == "" {
		m.add("outcome", "declined needs path")
	}
	if r.StatusFrom != 0 || r.StatusTo != 0 {
		if r.StatusFrom < 200 || r.StatusTo > 599 || r.StatusFrom > r.StatusTo {
			m.add("outcome", "the statuses are not a range within 200 to 599")
		}
	}
}

// isDotPath reports whether s is 1 to 16 names with dots between.
func isDotPath(s string) bool {
	names := strings.Split(s, ".")
	for _, n := range names {
		if n == "" {
			return false
		}
	}
	return len(names) <= 16 && len(s) <= 256
}
