package transit

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/panvault/panvault/kms"
)

// Check implements kms.KMS: is Vault initialised and unsealed (a standby that
// forwards will do), and does it accept our token? Two small requests, or four
// when the token has to be replaced.
func (c *Client) Check(ctx context.Context) error {
	const op = "check"
	token, err := c.session.token()
	if err != nil {
		return err
	}
	if err := c.health(ctx); err != nil {
		return err
	}
	r := request{op: op, method: http.MethodGet, path: "auth/token/lookup-self"}
	ans, err := c.conn.send(ctx, token, r)
	if err != nil {
		return err
	}
	ans.wipe()
	if ans.status == http.StatusForbidden {
		fresh, err := c.session.replace(ctx, token)
		if err != nil {
			return err
		}
		if fresh.equal(token) {
			return &callError{op: op, status: ans.status, kind: kms.ErrDenied, hint: "Vault no longer accepts the token"}
		}
		return nil
	}
	return statusError(op, "", ans.status)
}

// health asks sys/health, which takes no token and exists outside namespaces
// only. The standby parameters turn 429 and 473 into 200.
func (c *Client) health(ctx context.Context) error {
	const op = "check"
	r := request{
		op: op, method: http.MethodGet, path: "sys/health", root: true,
		query: url.Values{"standbyok": {"true"}, "perfstandbyok": {"true"}},
	}
	ans, err := c.conn.send(ctx, secret{}, r)
	if err != nil {
		return err
	}
	defer ans.wipe()
	if ans.status != http.StatusOK {
		return &callError{op: op, status: ans.status, kind: kms.ErrUnavailable, hint: "Vault is sealed, not initialised or not active"}
	}
	var got struct {
		Initialized *bool `json:"initialized"`
		Sealed      *bool `json:"sealed"`
	}
	if json.Unmarshal(ans.body, &got) != nil || !is(got.Initialized, true) || !is(got.Sealed, false) {
		return answerError(op, "", ans.status, "not a healthy Vault's")
	}
	return nil
}
