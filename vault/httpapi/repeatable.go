package httpapi

import (
	"bytes"
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
		key, given = referenceKey(params, asked)
		return key, given, nil
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
// merchant's with a request that means the same, over either path. One that
// means something else is another payment.
func referenceKey(params value, asked []byte) (key string, given bool) {
	if b, ok := params.Get("merchant_txn_ref").Scalar(); !ok || len(b) == 0 {
		return "", false // createPayment refuses it
	}
	// The sum is never kept: Begin hashes the key with a key of the vault's.
	sum := sha256.Sum256(asked)
	text := []byte("merchant_txn_ref ")
	for _, b := range sum { // letters: digits could pass for a card number
		text = append(text, 'a'+b>>4, 'a'+b&15)
	}
	return string(text), true
}

// keepMeaning keeps what a repetition of a payment must mean: its members in the
// order of their names, texts and numbers alike.
func keepMeaning(params value, buf *buffer) {
	clear(buf.asked[:cap(buf.asked)])
	buf.asked = slices.Grow(buf.asked[:0], meaningSize(params)) // at once: growing would leave copies
	buf.asked = appendMeaning(buf.asked, params)
}

func appendMeaning(dst []byte, v value) []byte {
	switch v.Kind {
	case inplace.Object:
		fields := slices.SortedFunc(slices.Values(v.Fields), func(a, b inplace.Field) int { return bytes.Compare(a.Name, b.Name) })
		for _, f := range fields {
			if f.Value.Kind == inplace.Absent || f.Value.Kind == inplace.Null {
				continue
			}
			if string(f.Name) == "store_payment_method_id" { // the same under another name
				f.Name = []byte("stored_payment_method_id")
			}
			dst = appendPart(append(dst, '{'), f.Name)
			dst = appendMeaning(dst, f.Value)
		}
		return append(dst, '}')
	case inplace.Array:
		for _, item := range v.Items {
			dst = appendMeaning(append(dst, '['), item)
		}
		return append(dst, ']')
	default:
		return appendPart(append(dst, '='), v.Bytes)
	}
}

func appendPart(dst, part []byte) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(part))), part...)
}

// meaningSize is at least what appendMeaning appends.
func meaningSize(v value) int {
	size := 8 + len(v.Bytes)
	for _, f := range v.Fields {
		size += 8 + len("stored_payment_method_id") + len(f.Name) + meaningSize(f.Value)
	}
	for _, item := range v.Items {
		size += meaningSize(item)
	}
	return size
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
func (a *API) repeatable(rt route, r *http.Request, v version, key string, asked []byte) vault.Repeatable {
	endpoint := r.Method + " " + r.URL.Path
	if rt.paymentOptions() {
		endpoint = "POST " + paymentPath // whichever of its paths was taken
	}
	return vault.Repeatable{
		Key:      key,
		Endpoint: endpoint,
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
