package transit

import (
	"context"
	"fmt"
	"net/http"

	"github.com/panvault/panvault/kms"
)

// floorAttempts bounds how often a rotation raises the encryption floor while
// others rotate the same key.
const floorAttempts = 4

// Rotate implements kms.Rotator: it reads the key, rotates, reads again, and
// raises min_encryption_version to the newest version. Vault's rotate has no
// compare-and-set, so the request is sent once and never again; whoever rotates
// at the same time is noticed by the second reading. Once the version is there,
// the end of ctx no longer stops the floor.
func (c *Client) Rotate(ctx context.Context, key kms.Key, expected uint32) (kms.Description, error) {
	const op = "rotate"
	d, err := c.describeSafe(ctx, op, key)
	if err != nil {
		return kms.Description{}, err
	}
	name := c.name(key)
	if d.Latest != expected {
		// A floor below a version that came after the caller's is one that a
		// rotation left behind when it was interrupted.
		if expected > 0 && d.Latest > expected {
			if _, err := c.raiseFloor(ctx, op, key, d); err != nil {
				return kms.Description{}, err
			}
		}
		return kms.Description{}, &callError{op: op, name: name, kind: kms.ErrConflict, hint: fmt.Sprintf("newest is %d, expected %d", d.Latest, expected)}
	}
	if err := c.change(ctx, op, name, "rotate", ""); err != nil {
		return kms.Description{}, err
	}
	ctx = context.WithoutCancel(ctx) // each request still has its own timeout
	if d, err = c.Describe(ctx, key); err != nil {
		return kms.Description{}, err
	}
	if d.Latest <= expected {
		return kms.Description{}, answerError(op, name, http.StatusOK, "no new version")
	}
	if d, err = c.raiseFloor(ctx, op, key, d); err != nil {
		return kms.Description{}, err
	}
	if d.Latest != expected+1 {
		return kms.Description{}, &callError{op: op, name: name, kind: kms.ErrRotatedTwice, hint: fmt.Sprintf("newest is %d, expected %d", d.Latest, expected+1)}
	}
	return d, nil
}

// raiseFloor brings min_encryption_version to the newest version and returns
// the key as it is then. It sets the floor again if a slower caller, which knew
// an older version, has put it back meanwhile.
func (c *Client) raiseFloor(ctx context.Context, op string, key kms.Key, d kms.Description) (kms.Description, error) {
	name := c.name(key)
	for range floorAttempts {
		if d.MinEncrypt == d.Latest {
			return d, nil
		}
		err := c.change(ctx, op, name, "config", fmt.Sprintf(`{"min_encryption_version":%d}`, d.Latest))
		if err != nil {
			return kms.Description{}, err
		}
		if d, err = c.Describe(ctx, key); err != nil {
			return kms.Description{}, err
		}
	}
	if d.MinEncrypt == d.Latest {
		return d, nil
	}
	return kms.Description{}, answerError(op, name, http.StatusOK, "the encryption floor does not stay")
}

// describeSafe is Describe for whoever is about to change the key: one that may
// leave Vault, or is of another type, is kms.ErrUnsafeKey.
func (c *Client) describeSafe(ctx context.Context, op string, key kms.Key) (kms.Description, error) {
	d, err := c.Describe(ctx, key)
	if err == nil && len(d.Unsafe) > 0 {
		err = &callError{op: op, name: d.Name, kind: kms.ErrUnsafeKey, hint: d.Unsafe[0]}
	}
	return d, err
}

// change posts to one of the paths below a key, once. Vault answers 200 with
// the key's metadata; older ones and OpenBao may answer 204.
func (c *Client) change(ctx context.Context, op, name, what, body string) error {
	r := request{op: op, name: name, method: http.MethodPost, path: c.cfg.Mount + "/keys/" + name + "/" + what}
	if body != "" {
		r.body = newSecretBody([]byte(body))
		defer r.body.release()
	}
	ans, err := c.call(ctx, r)
	if err != nil {
		return err
	}
	defer ans.wipe()
	if ans.status == http.StatusNoContent {
		return nil
	}
	return statusError(op, name, ans.status)
}
