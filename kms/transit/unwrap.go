package transit

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/panvault/panvault/kms"
)

// Unwrap implements kms.KMS with one batched transit decrypt. The distinct
// Event ids of the items, 1 to 64 of [a-z0-9_] each, go along in an
// X-Panvault-Event header, which Vault's audit can record in clear; an item
// with another Event is ErrInvalid. A blob that is not exactly one of Vault's
// spellings is ErrTampered and is not sent.
func (c *Client) Unwrap(ctx context.Context, key kms.Key, items []kms.UnwrapItem) ([]kms.UnwrapResult, error) {
	const op = "unwrap"
	invalid, err := kms.ValidateUnwrap(key, items)
	if err != nil {
		return nil, limitError(op, key, err)
	}
	name := c.name(key)
	out := make([]kms.UnwrapResult, len(items))
	sent := make([]int, 0, len(items)) // indexes of the items worth sending
	sizes := make([]int, len(items))   // bytes of plaintext in each blob
	var events []string
	for i, it := range items {
		if invalid[i] != nil {
			out[i].Err = limitError(op, key, invalid[i])
			continue
		}
		if sizes[i], out[i].Err = checkUnwrap(name, it); out[i].Err != nil {
			continue
		}
		sent = append(sent, i)
		if it.Event != "" && !slices.Contains(events, it.Event) {
			events = append(events, it.Event)
		}
	}
	if len(sent) == 0 {
		return out, nil
	}
	body := newSecretBody(blobBody(batchHead, sent, func(i int) (wrapped, label []byte) { return items[i].Wrapped, items[i].Context }))
	defer body.release()
	ans, err := c.call(ctx, request{
		op: op, name: name, method: http.MethodPost, path: c.cfg.Mount + "/decrypt/" + name,
		body: body, event: strings.Join(events, ","),
	})
	if err != nil {
		return nil, err
	}
	results, err := readBatch(op, name, ans, len(sent))
	if err != nil {
		return nil, err
	}
	for n, i := range sent {
		out[i] = unwrapResult(name, ans.status, results[n], sizes[i])
		if out[i].Err != nil && results[n].Error == "" {
			wipeResults(results)
			return nil, out[i].Err
		}
	}
	return out, nil
}

// checkUnwrap returns the size of the plaintext in the item's blob.
func checkUnwrap(name string, it kms.UnwrapItem) (int, error) {
	const op = "unwrap"
	if it.Event != "" && !validEvent(it.Event) {
		return 0, &callError{op: op, name: name, kind: kms.ErrInvalid, hint: "an event id is 1 to 64 of [a-z0-9_]"}
	}
	b, ok := parseBlob(it.Wrapped)
	if !ok || b.size > kms.MaxPlaintext {
		return 0, &callError{op: op, name: name, kind: kms.ErrTampered, hint: "not a blob of this backend"}
	}
	return b.size, nil
}

func validEvent(id string) bool {
	for i := range len(id) {
		if c := id[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return id != "" && len(id) <= 64
}

// unwrapResult checks one result: an error or a plaintext of the size that the
// blob has room for, never both.
func unwrapResult(name string, status int, r batchResult, size int) kms.UnwrapResult {
	const op = "unwrap"
	if r.Error != "" {
		clear(r.Plaintext)
		return kms.UnwrapResult{Err: itemError(op, name, r.Error, status, kms.ErrTampered)}
	}
	if status != http.StatusOK || len(r.Plaintext) != size {
		return kms.UnwrapResult{Err: answerError(op, name, status, "not what was asked for")}
	}
	return kms.UnwrapResult{Plaintext: r.Plaintext}
}
