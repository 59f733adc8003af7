package transit

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/panvault/panvault/kms"
)

// batchHead asks for 200 if only some items fail. If all fail Vault answers
// 400 or 500 all the same, with the results in the body.
const batchHead = `{"partial_failure_response_code":200,"batch_input":[`

// batchResult is one entry of batch_results. The decoder turns plaintext from
// base64 straight into a new slice, without a string on the way.
type batchResult struct {
	Plaintext  []byte  `json:"plaintext"`
	Ciphertext string  `json:"ciphertext"`
	KeyVersion *uint32 `json:"key_version"`
	Error      string  `json:"error"`
}

type batchAnswer struct {
	Data struct {
		Results []batchResult `json:"batch_results"`
	} `json:"data"`
	Errors []string `json:"errors"`
}

// readBatch decodes an answer to want items, or returns the call's error. The
// caller wipes the results' plaintexts.
func readBatch(op, name string, ans answer, want int) ([]batchResult, error) {
	defer ans.wipe()
	if s := ans.status; s != http.StatusOK && s != http.StatusBadRequest && s != http.StatusInternalServerError {
		return nil, statusError(op, name, s)
	}
	var got batchAnswer
	err := json.Unmarshal(ans.body, &got)
	results := got.Data.Results
	switch {
	case err == nil && len(results) == want && len(got.Errors) == 0:
		return results, nil
	case err == nil && len(results) == 0 && hasText(got.Errors, "encryption key not found"):
		err = &callError{op: op, name: name, status: ans.status, kind: kms.ErrKeyMissing, hint: "run deploy/vault/bootstrap.sh"}
	case ans.status != http.StatusOK:
		err = statusError(op, name, ans.status)
	default:
		err = answerError(op, name, ans.status, "wrong number of results, or not JSON")
	}
	wipeResults(results)
	return nil, err
}

func wipeResults(results []batchResult) {
	for _, r := range results {
		clear(r.Plaintext)
	}
}

func hasText(errs []string, text string) bool {
	for _, e := range errs {
		if strings.Contains(e, text) {
			return true
		}
	}
	return false
}

// itemError turns Vault's text about one item into an error. The text itself
// is dropped. A text that is not known is the item's fault if every item
// failed with 400, and otherwise not taken as proof of anything.
func itemError(op, name, text string, status int, fault error) error {
	e := &callError{op: op, name: name, kind: kms.ErrUnavailable, hint: "Vault could not process one item"}
	has := func(part string) bool { return strings.Contains(text, part) }
	switch {
	case has("too old"), has("no such key version"):
		e.kind, e.hint = kms.ErrVersionRetired, ""
	case has("message authentication failed"), has("invalid ciphertext"), has("version is too new"):
		e.kind, e.hint = kms.ErrTampered, ""
	case status == http.StatusBadRequest:
		e.kind, e.hint = fault, ""
	}
	return e
}

// blobBody is a request about blobs: the items of sent, as item returns them,
// behind head. The blobs were checked: none needs escaping. It is allocated
// once so that nothing is left behind.
func blobBody(head string, sent []int, item func(i int) (wrapped, label []byte)) []byte {
	const perItem = len(`{"ciphertext":"","context":""},`)
	size := len(head) + len(`]}`)
	for _, i := range sent {
		wrapped, label := item(i)
		size += perItem + len(wrapped) + base64.StdEncoding.EncodedLen(len(label))
	}
	b := append(make([]byte, 0, size), head...)
	for n, i := range sent {
		if n > 0 {
			b = append(b, ',')
		}
		wrapped, label := item(i)
		b = append(b, `{"ciphertext":"`...)
		b = append(b, wrapped...)
		b = appendBase64(append(b, `",`...), "context", label)
		b = append(b, '}')
	}
	return append(b, ']', '}')
}

// appendBase64 appends `"field":"base64"`.
func appendBase64(dst []byte, field string, value []byte) []byte {
	dst = append(dst, `"`+field+`":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, value)
	return append(dst, '"')
}
