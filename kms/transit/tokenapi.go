package transit

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// tokenAPI is auth/token/*-self, which both kinds of login share.
type tokenAPI struct{ conn *conn }

func (a tokenAPI) renew(ctx context.Context, l lease) (lease, error) {
	r := request{op: "renew token", method: http.MethodPost, path: "auth/token/renew-self"}
	next, err := exchange(ctx, a.conn, l.token, r, "Vault no longer accepts the token")
	if err != nil {
		return lease{}, err
	}
	next.token = l.token
	return next, nil
}

// alive tells a dead token (403) from a living one without rights, which may
// always look at itself.
func (a tokenAPI) alive(ctx context.Context, token secret) (bool, error) {
	r := request{op: "look up token", method: http.MethodGet, path: "auth/token/lookup-self"}
	ans, err := a.conn.send(ctx, token, r)
	if err != nil {
		return false, err
	}
	defer ans.wipe()
	if ans.status == http.StatusForbidden {
		return false, nil
	}
	return true, statusError(r.op, "", ans.status)
}

func (a tokenAPI) revoke(ctx context.Context, token secret) {
	r := request{op: "revoke token", method: http.MethodPost, path: "auth/token/revoke-self"}
	if ans, err := a.conn.send(ctx, token, r); err == nil {
		ans.wipe()
	}
}

// tokenFile is a token that somebody else puts into a file.
type tokenFile struct {
	tokenAPI
	path string
}

// login reads the file and asks Vault how long the token is good for.
func (f *tokenFile) login(ctx context.Context) (lease, error) {
	token, err := readSecret("read token file", f.path)
	if err != nil {
		return lease{}, err
	}
	since := time.Now()
	r := request{op: "log in with token file", method: http.MethodGet, path: "auth/token/lookup-self"}
	ans, err := f.conn.send(ctx, token, r)
	if err != nil {
		return lease{}, err
	}
	defer ans.wipe()
	if err := authError(r, ans.status, "Vault does not accept the token; put a new one into the file"); err != nil {
		return lease{}, err
	}
	var got struct {
		Data *struct {
			TTL       int64   `json:"ttl"`         // seconds, rounded down
			Expires   *string `json:"expire_time"` // null: the token never ends
			Renewable bool    `json:"renewable"`
		} `json:"data"`
	}
	if json.Unmarshal(ans.body, &got) != nil || got.Data == nil || got.Data.TTL < 0 {
		return lease{}, answerError(r.op, "", ans.status, "no token in it")
	}
	l := lease{token: token, ttl: time.Duration(got.Data.TTL) * time.Second, since: since, renewable: got.Data.Renewable}
	if l.ttl == 0 && got.Data.Expires != nil {
		l.ttl = time.Second
	}
	return l, nil
}

// changed reports whether the file holds another token than the one in use.
func (f *tokenFile) changed(current secret) bool {
	token, err := readSecret("read token file", f.path)
	return err == nil && !token.equal(current)
}

// revoke does nothing: the token belongs to whoever wrote the file.
func (f *tokenFile) revoke(context.Context, secret) {}
