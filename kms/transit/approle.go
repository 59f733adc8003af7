package transit

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/panvault/panvault/kms"
)

// appRole logs in with a role_id and a secret_id from files.
type appRole struct {
	tokenAPI
	cfg       AppRole
	wrapping  secret // content of a wrapped secret_id file that was unwrapped
	unwrapped secret // the secret_id that was in it
}

func (a *appRole) login(ctx context.Context) (lease, error) {
	role, err := readSecret("read role_id file", a.cfg.RoleIDFile)
	if err != nil {
		return lease{}, err
	}
	id, err := a.secretID(ctx)
	if err != nil {
		return lease{}, err
	}
	body := newSecretBody([]byte(`{"role_id":"` + role.reveal() + `","secret_id":"` + id.reveal() + `"}`))
	defer body.release()
	r := request{op: "log in with AppRole", method: http.MethodPost, path: "auth/" + a.cfg.Mount + "/login", body: body}
	return exchange(ctx, a.conn, secret{}, r, "role_id or secret_id is wrong, expired or used up; make new ones")
}

// changed is false: a new secret_id is read at the next login.
func (a *appRole) changed(secret) bool { return false }

// secretID reads the file, and unwraps what is in it if it is wrapped and new.
func (a *appRole) secretID(ctx context.Context) (secret, error) {
	content, err := readSecret("read secret_id file", a.cfg.SecretIDFile)
	if err != nil || !a.cfg.Wrapped {
		return content, err
	}
	if a.wrapping.equal(content) {
		return a.unwrapped, nil
	}
	if err := a.checkWrapping(ctx, content); err != nil {
		return secret{}, err
	}
	id, err := a.unwrap(ctx, content)
	if err != nil {
		return secret{}, err
	}
	a.wrapping, a.unwrapped = content, id
	return id, nil
}

// checkWrapping refuses a wrapping token that was not made by this AppRole
// mount: someone may have replaced it by one whose content they know.
func (a *appRole) checkWrapping(ctx context.Context, token secret) error {
	body := newSecretBody([]byte(`{"token":"` + token.reveal() + `"}`))
	defer body.release()
	r := request{op: "look up wrapped secret_id", method: http.MethodPost, path: "sys/wrapping/lookup", body: body}
	var got struct {
		Data struct {
			CreationPath string `json:"creation_path"`
		} `json:"data"`
	}
	if err := a.wrapped(ctx, secret{}, r, &got); err != nil {
		return err
	}
	path := got.Data.CreationPath
	if !strings.HasPrefix(path, "auth/"+a.cfg.Mount+"/role/") || !strings.HasSuffix(path, "/secret-id") {
		return &callError{op: r.op, kind: kms.ErrDenied, hint: "it was not made by the AppRole mount; treat it as an attack"}
	}
	return nil
}

func (a *appRole) unwrap(ctx context.Context, token secret) (secret, error) {
	r := request{op: "unwrap secret_id", method: http.MethodPost, path: "sys/wrapping/unwrap"}
	var got struct {
		Data struct {
			SecretID string `json:"secret_id"`
		} `json:"data"`
	}
	if err := a.wrapped(ctx, token, r, &got); err != nil {
		return secret{}, err
	}
	if !validToken(got.Data.SecretID) {
		return secret{}, answerError(r.op, "", http.StatusOK, "no secret_id in it")
	}
	return newSecret(got.Data.SecretID), nil
}

// wrapped sends a request about a wrapping token and decodes the answer.
func (a *appRole) wrapped(ctx context.Context, token secret, r request, into any) error {
	ans, err := a.conn.send(ctx, token, r)
	if err != nil {
		return err
	}
	defer ans.wipe()
	const denied = "the wrapping token is expired or was used; if not by you, someone else has the secret_id: destroy it"
	if err := authError(r, ans.status, denied); err != nil {
		return err
	}
	if json.Unmarshal(ans.body, into) != nil {
		return answerError(r.op, "", ans.status, "not JSON")
	}
	return nil
}
