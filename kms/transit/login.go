package transit

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/panvault/panvault/kms"
)

// lease is a token and how long it is good for.
type lease struct {
	token     secret
	ttl       time.Duration // from since on; 0 means it never ends
	since     time.Time
	renewable bool
}

// authority gets tokens and looks after them. Its calls are serialised by the
// session; each error matches one sentinel of package kms.
type authority interface {
	login(context.Context) (lease, error)        // a new token
	renew(context.Context, lease) (lease, error) // the same token for longer
	alive(context.Context, secret) (bool, error) // does Vault still accept it?
	changed(secret) bool                         // is a newer one waiting for login?
	revoke(context.Context, secret)              // give up one's own token, best effort
}

func newAuthority(cfg Config, cn *conn) authority {
	api := tokenAPI{cn}
	if cfg.TokenFile != "" {
		return &tokenFile{tokenAPI: api, path: cfg.TokenFile}
	}
	return &appRole{tokenAPI: api, cfg: cfg.AppRole}
}

// authAnswer is what login and renewal return.
type authAnswer struct {
	Auth *struct {
		ClientToken   string `json:"client_token"`
		LeaseDuration int64  `json:"lease_duration"` // seconds
		Renewable     bool   `json:"renewable"`
	} `json:"auth"`
}

// exchange sends an authentication request. Vault answers a refused login with
// 400, so that is a denial here.
func exchange(ctx context.Context, cn *conn, token secret, r request, denied string) (lease, error) {
	since := time.Now()
	ans, err := cn.send(ctx, token, r)
	if err != nil {
		return lease{}, err
	}
	defer ans.wipe()
	if err := authError(r, ans.status, denied); err != nil {
		return lease{}, err
	}
	var got authAnswer
	if json.Unmarshal(ans.body, &got) != nil || got.Auth == nil || !validToken(got.Auth.ClientToken) || got.Auth.LeaseDuration < 0 {
		return lease{}, answerError(r.op, r.name, ans.status, "no token in it")
	}
	return lease{
		token:     newSecret(got.Auth.ClientToken),
		ttl:       time.Duration(got.Auth.LeaseDuration) * time.Second,
		since:     since,
		renewable: got.Auth.Renewable,
	}, nil
}

// authError is statusError for authentication: 400 and 403 are denials.
func authError(r request, status int, denied string) error {
	if status == http.StatusBadRequest || status == http.StatusForbidden {
		return &callError{op: r.op, name: r.name, status: status, kind: kms.ErrDenied, hint: denied}
	}
	return statusError(r.op, r.name, status)
}

// readSecret reads a file that holds one token or id on one line.
func readSecret(op, path string) (secret, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return secret{}, fileError(op, err)
	}
	defer clear(text)
	v := strings.TrimSpace(string(text))
	if !validToken(v) {
		return secret{}, fileError(op, errors.New(path+" must hold one line of printable ASCII"))
	}
	return newSecret(v), nil
}

// validToken reports whether v can be sent as a header and in JSON unescaped.
func validToken(v string) bool {
	for _, r := range v {
		if r <= ' ' || r > '~' || r == '"' || r == '\\' {
			return false
		}
	}
	return v != "" && len(v) <= 8192
}
