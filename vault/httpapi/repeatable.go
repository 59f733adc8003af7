package httpapi

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/internal/inplace"
)

// idempotencyKey finds the key of a request, in either place that its route
// takes one from.
func idempotencyKey(rt route, r *http.Request, params value, asked []byte) (key string, given bool, err error) {
	if rt.repeat == never {
		return "", false, nil
	}
	lines, given := r.Header["Idempotency-Key"]
	key = strings.Join(lines, ",")
	v := params.Get("idempotency_key")
	if rt.repeat == byReference && !given {
		return referenceKey(params, asked)
	}
	if rt.repeat != byHeaderOrBody || v.Kind == inplace.Absent || v.Kind == inplace.Null {
		return key, given, nil
	}
	text, ok := v.Scalar()
	switch {
	case !ok:
		return "", false, invalidParameter("idempotency_key")
	case card.ContainsPAN(text): // before it becomes a string of the heap
		return "", false, errNumberInText
	case given && key != string(text):
		return "", false, errTwoKeys
	}
	return string(text), true, nil
}

// referenceKey lets the same payment be made once: the same reference of the
// merchant's with the same request. A request that differs is another payment.
func referenceKey(params value, asked []byte) (key string, given bool, err error) {
	v := params.Get("merchant_txn_ref")
	if v.Kind != inplace.Text || len(v.Bytes) == 0 {
		return "", false, nil // createPayment refuses it
	}
	// The sum is never kept: Begin hashes the key with a key of the vault's.
	sum := sha256.Sum256(asked)
	text := []byte("merchant_txn_ref ")
	for _, b := range sum { // letters: digits could pass for a card number
		text = append(text, 'a'+b>>4, 'a'+b&15)
	}
	return string(text), true, nil
}

// keepAsked copies what a repetition of a request must equal: everything that
// the answer depends on.
func keepAsked(r *http.Request, v version, buf *buffer) {
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
}

// repeatable describes a request that came with an idempotency key.
func (a *API) repeatable(r *http.Request, v version, key string, asked []byte) vault.Repeatable {
	return vault.Repeatable{
		Key:      key,
		Endpoint: r.Method + " " + r.URL.Path,
		Request:  asked,
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
		if err := notChanged(result); err != nil {
			p := problemOf(err, v)
			answer.Status, body = p.status, p.body(a.opts.ErrorBase)
		}
	case vault.Payment:
		return paymentAnswer(result)
	default:
		return answer, fmt.Errorf("no answer is known for a %T", result)
	}
	var err error
	answer.Body, err = encode(body)
	return answer, err
}
