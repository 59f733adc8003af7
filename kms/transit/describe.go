package transit

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/panvault/panvault/kms"
)

// keyType is the one kind of key that is accepted.
const keyType = "aes256-gcm96"

// keyAnswer is GET keys/:name. A safety attribute that is not there is not
// taken as safe, hence the pointers.
type keyAnswer struct {
	Data *struct {
		Type         string           `json:"type"`
		Derived      *bool            `json:"derived"`
		Exportable   *bool            `json:"exportable"`
		Backup       *bool            `json:"allow_plaintext_backup"`
		Deletion     *bool            `json:"deletion_allowed"`
		SoftDelete   bool             `json:"soft_deleted"` // OpenBao
		Latest       uint32           `json:"latest_version"`
		MinAvailable uint32           `json:"min_available_version"` // 0 until the first trim
		MinDecrypt   uint32           `json:"min_decryption_version"`
		MinEncrypt   uint32           `json:"min_encryption_version"`
		Keys         map[string]int64 `json:"keys"` // version: unix seconds
	} `json:"data"`
}

// Describe implements kms.KMS with one read of transit/keys/:name. Unsafe
// names each attribute that is wrong. It is not cached.
func (c *Client) Describe(ctx context.Context, key kms.Key) (kms.Description, error) {
	const op = "describe"
	if !key.Known() {
		return kms.Description{}, limitError(op, key, kms.ErrKeyMissing)
	}
	name := c.name(key)
	ans, err := c.call(ctx, c.keyRequest(op, name))
	if err != nil {
		return kms.Description{}, err
	}
	defer ans.wipe()
	if err := statusError(op, name, ans.status); err != nil {
		return kms.Description{}, err
	}
	return readKey(key, name, ans.body)
}

func (c *Client) keyRequest(op, name string) request {
	return request{op: op, name: name, method: http.MethodGet, path: c.cfg.Mount + "/keys/" + name}
}

// absent reports whether Vault says that there is no such key. Only that: any
// other trouble is false.
func (c *Client) absent(ctx context.Context, name string) bool {
	ans, err := c.call(ctx, c.keyRequest("describe", name))
	ans.wipe()
	return err == nil && ans.status == http.StatusNotFound
}

// readKey decodes a key's metadata. Keys of other types list their versions in
// another form; they are unsafe, and that is said instead of an error.
func readKey(key kms.Key, name string, body []byte) (kms.Description, error) {
	var kind struct {
		Data struct {
			Type string `json:"type"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &kind); err == nil && kind.Data.Type != "" && kind.Data.Type != keyType {
		return kms.Description{Key: key, Name: name, Unsafe: []string{"its type is not " + keyType}}, nil
	}
	var got keyAnswer
	if err := json.Unmarshal(body, &got); err != nil || got.Data == nil || got.Data.Latest == 0 {
		return kms.Description{}, answerError("describe", name, http.StatusOK, "not a key's metadata")
	}
	d := got.Data
	created, ok := readTimes(d.Keys, d.Latest)
	if !ok {
		return kms.Description{}, answerError("describe", name, http.StatusOK, "not a list of versions")
	}
	var unsafe []string
	for _, check := range []struct {
		bad    bool
		reason string
	}{
		{d.Type != keyType, "its type is not " + keyType},
		{!is(d.Derived, true), "it is not derived, so nothing binds a wrapped key to its record"},
		{!is(d.Exportable, false), "it is exportable"},
		{!is(d.Backup, false), "it allows a plaintext backup"},
		{!is(d.Deletion, false), "it allows deletion"},
		{d.SoftDelete, "it is soft-deleted"},
	} {
		if check.bad {
			unsafe = append(unsafe, check.reason)
		}
	}
	return kms.Description{
		Key: key, Name: name, Latest: d.Latest, MinAvailable: max(d.MinAvailable, 1),
		MinDecrypt: d.MinDecrypt, MinEncrypt: d.MinEncrypt, Created: created, Unsafe: unsafe,
	}, nil
}

func is(v *bool, want bool) bool { return v != nil && *v == want }

// readTimes converts the versions' creation times, to the second, in UTC.
func readTimes(keys map[string]int64, latest uint32) (map[uint32]time.Time, bool) {
	created := make(map[uint32]time.Time, len(keys))
	for v, at := range keys {
		n, err := strconv.ParseUint(v, 10, 32)
		if err != nil || n == 0 || n > uint64(latest) {
			return nil, false
		}
		created[uint32(n)] = time.Unix(at, 0).UTC()
	}
	return created, true
}
