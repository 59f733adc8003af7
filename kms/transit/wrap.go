package transit

import (
	"context"
	"encoding/base64"
	"net/http"

	"github.com/panvault/panvault/kms"
)

// Wrap implements kms.KMS with one batched transit encrypt.
func (c *Client) Wrap(ctx context.Context, key kms.Key, items []kms.WrapItem) ([]kms.WrapResult, error) {
	const op = "wrap"
	invalid, err := kms.ValidateWrap(key, items)
	if err != nil {
		return nil, limitError(op, key, err)
	}
	name := c.name(key)
	out := make([]kms.WrapResult, len(items))
	sent := make([]int, 0, len(items)) // indexes of the items worth sending
	for i := range items {
		if invalid[i] != nil {
			out[i].Err = limitError(op, key, invalid[i])
			continue
		}
		sent = append(sent, i)
	}
	if len(sent) == 0 {
		return out, nil
	}
	body := newSecretBody(wrapBody(items, sent))
	defer body.release()
	ans, err := c.call(ctx, request{op: op, name: name, method: http.MethodPost, path: c.cfg.Mount + "/encrypt/" + name, body: body})
	if err != nil {
		return nil, err
	}
	if ans.status == http.StatusForbidden && c.absent(ctx, name) {
		// Encrypting with a key that is not there needs "create", which our
		// policies do not give, so Vault says 403.
		ans.wipe()
		return nil, &callError{op: op, name: name, status: ans.status, kind: kms.ErrKeyMissing, hint: "run deploy/vault/bootstrap.sh"}
	}
	results, err := readBatch(op, name, ans, len(sent))
	if err != nil {
		return nil, err
	}
	defer wipeResults(results) // an encrypt answer has no plaintext; if it has, it goes
	for n, i := range sent {
		var fits bool
		if out[i], fits = wrapResult(op, name, ans.status, results[n], len(items[i].Plaintext), kms.ErrInvalid); !fits {
			return nil, out[i].Err
		}
	}
	return out, nil
}

// wrapBody is the request, allocated once so that nothing is left behind.
func wrapBody(items []kms.WrapItem, sent []int) []byte {
	const perItem = len(`{"plaintext":"","context":""},`)
	size := len(batchHead) + len(`]}`)
	for _, i := range sent {
		size += perItem + base64.StdEncoding.EncodedLen(len(items[i].Plaintext)) + base64.StdEncoding.EncodedLen(len(items[i].Context))
	}
	b := append(make([]byte, 0, size), batchHead...)
	for n, i := range sent {
		if n > 0 {
			b = append(b, ',')
		}
		b = appendBase64(append(b, '{'), "plaintext", items[i].Plaintext)
		b = appendBase64(append(b, ','), "context", items[i].Context)
		b = append(b, '}')
	}
	return append(b, ']', '}')
}

// wrapResult checks one result: a blob of our form, of the right size, whose
// version is the one Vault names. The second result is false if the answer
// does not fit the request. fault is what an unknown error of Vault's means.
func wrapResult(op, name string, status int, r batchResult, size int, fault error) (kms.WrapResult, bool) {
	if r.Error != "" {
		return kms.WrapResult{Err: itemError(op, name, r.Error, status, fault)}, true
	}
	b, ok := parseBlob([]byte(r.Ciphertext))
	if !ok || status != http.StatusOK || b.size != size || r.KeyVersion != nil && *r.KeyVersion != b.version {
		return kms.WrapResult{Err: answerError(op, name, status, "not what was asked for")}, false
	}
	return kms.WrapResult{Wrapped: []byte(r.Ciphertext), Version: b.version}, true
}
