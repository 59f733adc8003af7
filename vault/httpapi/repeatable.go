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
func repeatable(r *http.Request, v version, buf *buffer) vault.Repeatable {
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
		Encode:   func(result any) ([]byte, error) { return encodeResult(result, v) },
	}
}

// encodeResult writes what an operation returned as its route answers it.
func encodeResult(result any, v version) ([]byte, error) {
	switch result := result.(type) {
	case vault.Customer:
		return encode(newCustomerBody(result, v))
	case vault.Card:
		return encode(newCardBody(result, v))
	}
	return nil, fmt.Errorf("no answer is known for a %T", result)
}
