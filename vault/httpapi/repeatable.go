package httpapi

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/panvault/panvault/vault"
)

// repeatable describes a request that came with an idempotency key: the bytes
// that a repetition must equal are everything that the answer depends on.
func (a *API) repeatable(r *http.Request, v version, buf *buffer) vault.Repeatable {
	media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	parts := [][]byte{[]byte(v.date), []byte(media), []byte(r.URL.RawQuery), buf.body}
	size := 1
	for _, part := range parts {
		size += 4 + len(part)
	}
	clear(buf.asked[:cap(buf.asked)])
	buf.asked = slices.Grow(buf.asked[:0], size) // at once: growing would leave copies
	for _, part := range parts {
		buf.asked = binary.BigEndian.AppendUint32(buf.asked, uint32(len(part)))
		buf.asked = append(buf.asked, part...)
	}
	if v.doc {
		buf.asked = append(buf.asked, 1)
	}
	return vault.Repeatable{
		Key:      strings.Join(r.Header["Idempotency-Key"], ","),
		Endpoint: r.Method + " " + r.URL.Path,
		Request:  buf.asked,
		Encode:   func(result any) (vault.Answer, error) { return a.encodeResult(result, v) },
	}
}

// encodeResult writes what an operation returned as its route answers it.
func (a *API) encodeResult(result any, v version) (vault.Answer, error) {
	answer := vault.Answer{Status: http.StatusOK}
	var body any
	switch result := result.(type) {
	case vault.Customer:
		body = newCustomerBody(result, v)
	case vault.Card:
		body = newCardBody(result, v)
	case vault.Forward:
		body = newForwardBody(result)
	case vault.Charge:
		body = newChargeBody(result, v)
		if result.Refused {
			p := problemOf(errRefused, v)
			answer.Status, body = p.status, p.body(a.opts.ErrorBase)
		}
	default:
		return answer, fmt.Errorf("no answer is known for a %T", result)
	}
	var err error
	answer.Body, err = encode(body)
	return answer, err
}
