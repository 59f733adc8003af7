package transit

import (
	"context"
	"fmt"
	"net/http"

	"github.com/panvault/panvault/kms"
)

// Retire implements kms.Rotator: it raises min_decryption_version. Vault has no
// compare-and-set here either: two callers with different floors at the same
// time may leave the lower one.
func (c *Client) Retire(ctx context.Context, key kms.Key, floor uint32) (kms.Description, error) {
	const op = "retire"
	d, err := c.describeSafe(ctx, op, key)
	if err != nil {
		return kms.Description{}, err
	}
	name := c.name(key)
	switch {
	case floor == d.MinDecrypt && floor > 0:
		return d, nil
	case floor < max(d.MinDecrypt, 1), floor > d.Latest:
		return kms.Description{}, &callError{op: op, name: name, kind: kms.ErrInvalid, hint: fmt.Sprintf("floor %d, want %d to %d", floor, max(d.MinDecrypt, 1), d.Latest)}
	case floor > d.MinEncrypt:
		return kms.Description{}, &callError{op: op, name: name, kind: kms.ErrInvalid, hint: fmt.Sprintf("floor %d, but versions from %d may still wrap: rotate first", floor, max(d.MinEncrypt, 1))}
	}
	if err := c.change(ctx, op, name, "config", fmt.Sprintf(`{"min_decryption_version":%d}`, floor)); err != nil {
		return kms.Description{}, err
	}
	if d, err = c.Describe(context.WithoutCancel(ctx), key); err == nil && d.MinDecrypt < floor {
		err = answerError(op, name, http.StatusOK, "the decryption floor was not raised")
	}
	if err != nil {
		return kms.Description{}, err
	}
	return d, nil
}

// Trim implements kms.Rotator with transit's trim, which no restore of Vault's
// own undoes except that of a whole snapshot.
func (c *Client) Trim(ctx context.Context, key kms.Key, floor uint32) (kms.Description, error) {
	const op = "trim"
	d, err := c.describeSafe(ctx, op, key)
	if err != nil {
		return kms.Description{}, err
	}
	name := c.name(key)
	if floor == d.MinAvailable {
		return d, nil
	}
	if limit := min(d.MinDecrypt, d.MinEncrypt); floor < d.MinAvailable || floor > limit {
		return kms.Description{}, &callError{op: op, name: name, kind: kms.ErrInvalid, hint: fmt.Sprintf("floor %d, want %d to %d: retire first", floor, d.MinAvailable, max(limit, d.MinAvailable))}
	}
	if err := c.change(ctx, op, name, "trim", fmt.Sprintf(`{"min_available_version":%d}`, floor)); err != nil {
		return kms.Description{}, err
	}
	if d, err = c.Describe(context.WithoutCancel(ctx), key); err == nil && d.MinAvailable < floor {
		err = answerError(op, name, http.StatusOK, "nothing was trimmed")
	}
	if err != nil {
		return kms.Description{}, err
	}
	return d, nil
}
