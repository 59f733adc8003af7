package httpapi

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/internal/inplace"
)

// decode parses the parameters of a request: its body, which was read into buf,
// on whatever method, and its query. On GET the query wins, else the body.
func decode(r *http.Request, buf *buffer) (value, error) {
	body, err := parseBody(r.Header.Get("Content-Type"), buf)
	if err != nil {
		return value{}, err
	}
	if r.URL.RawQuery == "" {
		return body, nil
	}
	buf.query = append(buf.query[:0], r.URL.RawQuery...)
	query, err := parseForm(buf.query)
	if err != nil {
		return value{}, err
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return merge(query, body), nil
	}
	return merge(body, query), nil
}

func parseBody(contentType string, buf *buffer) (value, error) {
	if len(buf.body) == 0 {
		return value{Kind: inplace.Object}, nil
	}
	// The charset is ignored (clients write "utf8"); the bytes must be UTF-8.
	media, _, _ := strings.Cut(contentType, ";")
	switch strings.ToLower(strings.TrimSpace(media)) {
	case "application/json":
		return parseJSON(&buf.json, buf.body)
	case "application/x-www-form-urlencoded":
		return parseForm(buf.body)
	default:
		return value{}, errContentType
	}
}

// readBody reads the whole body into buf.body; growing wipes what it leaves.
func readBody(r *http.Request, limit int64, buf *buffer) error {
	if r.ContentLength > limit {
		return errBodyTooLarge
	}
	body := http.MaxBytesReader(nil, r.Body, limit)
	for {
		if len(buf.body) == cap(buf.body) {
			grown := make([]byte, len(buf.body), 2*cap(buf.body))
			copy(grown, buf.body)
			clear(buf.body)
			buf.body = grown
		}
		n, err := body.Read(buf.body[len(buf.body):cap(buf.body)])
		buf.body = buf.body[:len(buf.body)+n]
		if errors.Is(err, io.EOF) {
			return nil
		}
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return errBodyTooLarge
		}
		if err != nil {
			return errUnreadable
		}
	}
}

// checkURL refuses card data in a URL: proxies and histories keep URLs. The
// caller must replace the card, so the answer says why.
func checkURL(u *url.URL) error {
	if card.ContainsPAN([]byte(u.Path)) {
		return errNoRoute
	}
	if u.RawQuery == "" {
		return nil
	}
	raw := []byte(u.RawQuery)
	defer clear(raw)
	if card.ContainsPAN(raw) {
		return errCardInURL
	}
	query, err := parseForm(raw)
	if err != nil {
		return err
	}
	if hasCardField(query) || holdsPAN(query) {
		return errCardInURL
	}
	return nil
}

// isCardField reports whether a parameter of this name, wherever it is, holds
// card data.
func isCardField(name []byte) bool {
	switch string(bytes.ToLower(name)) {
	case "number", "security_code", "expiration_month", "expiration_year",
		"card_number", "pan", "cvc", "cvv", "cvv2", "cvc2":
		return true
	}
	return false
}

func hasCardField(v value) bool {
	for _, f := range v.Fields {
		if isCardField(f.Name) || hasCardField(f.Value) {
			return true
		}
		// card=tokn_… is a reference, card[…]=… are the cardholder's data.
		if strings.EqualFold(string(f.Name), "card") && f.Value.Kind == inplace.Object {
			return true
		}
	}
	return slices.ContainsFunc(v.Items, hasCardField)
}

func holdsPAN(v value) bool {
	if card.ContainsPAN(v.Bytes) {
		return true
	}
	for _, f := range v.Fields {
		if card.ContainsPAN(f.Name) || holdsPAN(f.Value) {
			return true
		}
	}
	for _, item := range v.Items {
		if holdsPAN(item) {
			return true
		}
	}
	return false
}
