package transit

import (
	"context"
	"net/http"

	"github.com/panvault/panvault/kms"
)

var _ kms.Rotator = (*Client)(nil)

// rewrapHead opens a rewrap. Its answer is 200 whatever became of the items.
const rewrapHead = `{"batch_input":[`

// Rewrap implements kms.Rotator with one batched transit rewrap. A blob that is
// not exactly one of Vault's spellings is ErrTampered and is not sent. The
// version is left to Vault: a key_version in the request could ask for an old
// one.
func (c *Client) Rewrap(ctx context.Context, key kms.Key, items []kms.RewrapItem) ([]kms.WrapResult, error) {
	const op = "rewrap"
	invalid, err := kms.ValidateRewrap(key, items)
	if err != nil {
		return nil, limitError(op, key, err)
	}
	name := c.name(key)
	out := make([]kms.WrapResult, len(items))
	sent := make([]int, 0, len(items)) // indexes of the items worth sending
	blobs := make([]blob, len(items))  // what is known of each
	for i, it := range items {
		if invalid[i] != nil {
			out[i].Err = limitError(op, key, invalid[i])
			continue
		}
		var ok bool
		if blobs[i], ok = parseBlob(it.Wrapped); !ok || blobs[i].size > kms.MaxPlaintext {
			out[i].Err = &callError{op: op, name: name, kind: kms.ErrTampered, hint: "not a blob of this backend"}
			continue
		}
		sent = append(sent, i)
	}
	if len(sent) == 0 {
		return out, nil
	}
	body := newSecretBody(blobBody(rewrapHead, sent, func(i int) (wrapped, label []byte) { return items[i].Wrapped, items[i].Context }))
	defer body.release()
	ans, err := c.call(ctx, request{op: op, name: name, method: http.MethodPost, path: c.cfg.Mount + "/rewrap/" + name, body: body})
	if err != nil {
		return nil, err
	}
	results, err := readBatch(op, name, ans, len(sent))
	if err != nil {
		return nil, err
	}
	defer wipeResults(results) // a rewrap answer has no plaintext; if it has, it goes
	for n, i := range sent {
		var fits bool
		if out[i], fits = rewrapResult(name, ans.status, results[n], blobs[i]); !fits {
			return nil, out[i].Err
		}
	}
	return out, nil
}

// rewrapResult checks one result as that of a wrap of the blob's size, and
// drops one whose version went back: nothing may ever move a key to an older
// version.
func rewrapResult(name string, status int, r batchResult, was blob) (kms.WrapResult, bool) {
	res, fits := wrapResult("rewrap", name, status, r, was.size, kms.ErrTampered)
	if res.Err == nil && res.Version < was.version {
		return kms.WrapResult{Err: &callError{op: "rewrap", name: name, kind: kms.ErrDowngrade, hint: "keep the old blob, and look for a key that was re-created or restored"}}, true
	}
	return res, fits
}
