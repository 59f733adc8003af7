package vault

import (
	"context"
	"errors"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/envelope"
)

// GrantApproval is an operator's consent to what another operator, or a reveal
// key, asked for. He must be another person: another key, of another name, made
// before the approval was asked for. For live cards, and for the encryption keys
// that they hang on, both keys must be of a certain age too (Options.KeyAge): who
// has stolen one operator's key can make a second, and the day in between is there
// to notice it in the audit log, as operator.create or apikey.create. Errors:
// Unauthenticated, NotFound, Conflict, Unavailable, Internal (tampered).
func (s *Service) GrantApproval(ctx context.Context, c Caller, id string) (Approval, error) {
	if err := s.authorize(c, policy.GrantApproval, policy.Resource{}); err != nil {
		return Approval{}, err
	}
	var row store.Approval
	err := s.store.Update(ctx, func(tx store.Tx) (err error) {
		if row, err = s.approval(ctx, tx, id); err != nil {
			return err
		}
		if err := s.mayGrant(ctx, tx, c, &row); err != nil {
			return err
		}
		was := row.Tag
		row.GrantedBy, row.GrantedAt = c.Key, s.now().UnixMicro()
		if err := s.replaceApproval(ctx, tx, &row, was); err != nil {
			return err
		}
		e := c.event(audit.ApprovalGrant, audit.OK, row.ID)
		e.Details = map[string]string{"action": row.Action, "requested_by": row.RequestedBy}
		return s.append(ctx, tx, e)
	})
	if err != nil {
		return Approval{}, s.settle(ctx, c, err)
	}
	return approvalView(&row)
}

func (s *Service) mayGrant(ctx context.Context, tx store.Tx, c Caller, row *store.Approval) error {
	switch {
	case row.GrantedAt != 0:
		return &Error{Code: Conflict, Message: "this was approved already"}
	case s.now().UnixMicro() >= row.ExpiresAt:
		return &Error{Code: Conflict, Message: lapsedRequest(row.Action)}
	case row.RequestedBy == c.Key:
		return &Error{Code: Conflict, Message: "another operator must approve what you asked for"}
	}
	asked, err := s.keyInForce(ctx, tx, row.RequestedBy, asker(row.Action))
	if err != nil {
		return err
	}
	grants, err := s.keyInForce(ctx, tx, c.Key, policy.Operator)
	if err != nil {
		return err
	}
	switch {
	case grants.Label == asked.Label:
		return &Error{Code: Conflict, Message: "both keys are of one operator; another must approve"}
	case grants.CreatedAt >= row.RequestedAt:
		return &Error{Code: Conflict, Message: "this operator's key is younger than the request; ask again"}
	}
	return s.oldEnough(row, asked, grants)
}

// oldEnough refuses young keys where live cards are given out or lost.
func (s *Service) oldEnough(row *store.Approval, keys ...store.APIKey) error {
	view, err := approvalView(row)
	if err != nil || !view.Subject.guardsLive() {
		return err
	}
	for _, key := range keys {
		if age := s.now().Sub(timeOf(key.CreatedAt)); age < s.opts.KeyAge {
			return &Error{Code: Conflict, Message: "one of the two keys is younger than " + s.opts.KeyAge.String() + "; wait, and see in the audit log who made it"}
		}
	}
	return nil
}

// asker is the kind of key that asks for an action.
func asker(action string) policy.Kind {
	if action == approvalReveal {
		return policy.Reveal
	}
	return policy.Operator
}

// lapsedRequest says that nobody waits for the approval of an action any more.
func lapsedRequest(action string) string {
	if action == approvalReveal {
		return "the request has stopped waiting; it must be made again"
	}
	return "the request is older than a day; ask again"
}

// keyInForce reads a key of a kind. Conflict if it was revoked.
func (s *Service) keyInForce(ctx context.Context, r store.Reader, id string, kind policy.Kind) (store.APIKey, error) {
	key, err := r.APIKey(ctx, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return key, err
	}
	if err != nil || s.keyring.Check(envelope.ModeAll, apiKeyRow(&key), key.Tag) != nil || key.ID != id || policy.Kind(key.Kind) != kind {
		return key, &tamperedRow{id, "api key"}
	}
	if key.RevokedAt != 0 {
		return key, &Error{Code: Conflict, Message: "one of the two keys was revoked; ask again"}
	}
	return key, nil
}
