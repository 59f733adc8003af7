package vault

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/envelope"
)

const (
	// ApprovalLife is how long an approval can be granted and used.
	ApprovalLife = 24 * time.Hour
	// DefaultKeyAge is how old the keys of the two operators must be.
	DefaultKeyAge = 24 * time.Hour
)

// approvalExport is the action of an export.
const approvalExport = "export"

const approvalPrefix = "appr_"

// Approval is what one operator asked for and another must grant.
type Approval struct {
	ID          string
	Action      string // export
	Subject     ExportSubject
	Reason      string
	RequestedBy string // akey_ id
	RequestedAt time.Time
	GrantedBy   string // akey_ id of another operator; "" until then
	GrantedAt   time.Time
	ExpiresAt   time.Time
	UsedAt      time.Time // zero until used
	Tampered    bool      // the row was edited: it allows nothing, and only ID is told
}

// ExportSubject is what exactly an export gives out, and to whom.
type ExportSubject struct {
	Merchant  string `json:"merchant"`
	Live      bool   `json:"live"`
	Recipient string `json:"recipient"` // an age recipient, age1…
}

// RequestExport asks for the approval of an export. Whoever asks is the first
// of the two operators. Errors: Unauthenticated, BadRequest, NotFound
// (merchant), Unavailable.
func (s *Service) RequestExport(ctx context.Context, c Caller, subject ExportSubject, reason string) (Approval, error) {
	if err := s.authorize(c, policy.ExportCard, policy.Resource{Merchant: subject.Merchant, Live: subject.Live}); err != nil {
		return Approval{}, err
	}
	if err := validLabel("reason", reason); err != nil {
		return Approval{}, err
	}
	if _, err := parseRecipient(subject.Recipient); err != nil {
		return Approval{}, err
	}
	if _, err := s.Merchant(ctx, c, subject.Merchant); err != nil {
		return Approval{}, err
	}
	text, err := json.Marshal(subject)
	if err != nil {
		return Approval{}, internal(err)
	}
	now := s.now()
	suffix, err := store.NewID(now, s.random)
	if err != nil {
		return Approval{}, s.fail(err)
	}
	row := store.Approval{
		ID: approvalPrefix + suffix, Action: approvalExport, Subject: text, Reason: reason,
		RequestedBy: c.Key, RequestedAt: now.UnixMicro(), ExpiresAt: now.Add(ApprovalLife).UnixMicro(),
	}
	if row.Tag, err = s.keyring.Tag(envelope.ModeAll, approvalRow(&row)); err != nil {
		return Approval{}, s.fail(err)
	}
	e := c.event(audit.ApprovalRequest, audit.OK, row.ID)
	e.Details = map[string]string{"action": row.Action, "subject": string(text), "reason": reason}
	err = s.store.Update(ctx, func(tx store.Tx) error {
		if err := tx.InsertApproval(ctx, &row); err != nil {
			return err
		}
		return s.append(ctx, tx, e)
	})
	if err != nil {
		return Approval{}, s.fail(err)
	}
	return approvalView(&row)
}

// GrantApproval is the second operator's consent. He must be another person:
// another key, of another name, made before the approval was asked for. For live
// cards both keys must be of a certain age too (Options.KeyAge): who has stolen
// one operator's key can make a second, and the day in between is there to
// notice it in the audit log, as operator.create. Errors: Unauthenticated,
// NotFound, Conflict, Unavailable, Internal (tampered).
func (s *Service) GrantApproval(ctx context.Context, c Caller, id string) (Approval, error) {
	if err := s.authorize(c, policy.ExportCard, policy.Resource{}); err != nil {
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
		return &Error{Code: Conflict, Message: "the request is older than a day; ask again"}
	case row.RequestedBy == c.Key:
		return &Error{Code: Conflict, Message: "another operator must approve what you asked for"}
	}
	asked, err := s.operatorKey(ctx, tx, row.RequestedBy)
	if err != nil {
		return err
	}
	grants, err := s.operatorKey(ctx, tx, c.Key)
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

// oldEnough refuses young keys where live cards are given out.
func (s *Service) oldEnough(row *store.Approval, keys ...store.APIKey) error {
	view, err := approvalView(row)
	if err != nil || !view.Subject.Live {
		return err
	}
	for _, key := range keys {
		if age := s.now().Sub(timeOf(key.CreatedAt)); age < s.opts.KeyAge {
			return &Error{Code: Conflict, Message: "the key of one of the two operators is younger than " + s.opts.KeyAge.String() + "; wait, and see in the audit log who made it"}
		}
	}
	return nil
}

// operatorKey reads the key of an operator that is in force. Conflict if it is
// not.
func (s *Service) operatorKey(ctx context.Context, r store.Reader, id string) (store.APIKey, error) {
	key, err := r.APIKey(ctx, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return key, err
	}
	if err != nil || s.keyring.Check(envelope.ModeAll, apiKeyRow(&key), key.Tag) != nil || key.ID != id || policy.Kind(key.Kind) != policy.Operator {
		return key, &tamperedRow{id, "api key"}
	}
	if key.RevokedAt != 0 {
		return key, &Error{Code: Conflict, Message: "the key of one of the two operators was revoked; ask again"}
	}
	return key, nil
}

// Approvals lists the newest hundred. Errors: Unauthenticated, Unavailable.
func (s *Service) Approvals(ctx context.Context, c Caller) ([]Approval, error) {
	if err := s.authorize(c, policy.ExportCard, policy.Resource{}); err != nil {
		return nil, err
	}
	var rows []store.Approval
	err := s.store.View(ctx, func(r store.Reader) (err error) {
		rows, err = r.Approvals(ctx, 100)
		return err
	})
	if err != nil {
		return nil, s.fail(err)
	}
	out := make([]Approval, len(rows))
	for i := range rows {
		if s.keyring.Check(envelope.ModeAll, approvalRow(&rows[i]), rows[i].Tag) == nil {
			if out[i], err = approvalView(&rows[i]); err != nil {
				return nil, err
			}
			continue
		}
		if err := s.recordTampering(ctx, c, rows[i].ID, "approval"); err != nil {
			return nil, err
		}
		out[i] = Approval{ID: plainID(rows[i].ID), Tampered: true}
	}
	return out, nil
}

// approval reads a row and proves it. NotFound if there is none.
func (s *Service) approval(ctx context.Context, r store.Reader, id string) (store.Approval, error) {
	row, err := r.Approval(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return row, notFound("approval", id)
	}
	if err != nil {
		return row, err
	}
	if row.ID != id || s.keyring.Check(envelope.ModeAll, approvalRow(&row), row.Tag) != nil {
		return row, &tamperedRow{id, "approval"}
	}
	return row, nil
}

// usable is an approval that allows its action to the caller now: granted, in
// time, unused, by two operators whose keys are in force, one of them the
// caller's.
func (s *Service) usable(ctx context.Context, r store.Reader, c Caller, id, action string) (store.Approval, error) {
	row, err := s.approval(ctx, r, id)
	switch {
	case err != nil:
		return row, err
	case row.Action != action:
		return row, notFound("approval", id)
	case row.GrantedAt == 0:
		return row, &Error{Code: Conflict, Message: "another operator must approve this first"}
	case c.Key != row.RequestedBy && c.Key != row.GrantedBy:
		return row, &Error{Code: Conflict, Message: "only the operator who asked for this, or the one who approved it, may run it"}
	case row.UsedAt != 0:
		return row, &Error{Code: Conflict, Message: "this approval was used; ask for another"}
	case s.now().UnixMicro() >= row.ExpiresAt:
		return row, &Error{Code: Conflict, Message: "this approval is older than a day; ask again"}
	}
	for _, key := range []string{row.RequestedBy, row.GrantedBy} {
		if _, err := s.operatorKey(ctx, r, key); err != nil {
			return row, err
		}
	}
	return row, nil
}

func (s *Service) replaceApproval(ctx context.Context, tx store.Tx, row *store.Approval, was []byte) (err error) {
	if row.Tag, err = s.keyring.Tag(envelope.ModeAll, approvalRow(row)); err != nil {
		return err
	}
	return tx.UpdateApproval(ctx, row, was)
}

func approvalView(row *store.Approval) (Approval, error) {
	view := Approval{
		ID: row.ID, Action: row.Action, Reason: row.Reason,
		RequestedBy: row.RequestedBy, RequestedAt: timeOf(row.RequestedAt),
		GrantedBy: row.GrantedBy, GrantedAt: timeOf(row.GrantedAt),
		ExpiresAt: timeOf(row.ExpiresAt), UsedAt: timeOf(row.UsedAt),
	}
	if err := json.Unmarshal(row.Subject, &view.Subject); err != nil {
		return view, internal(err)
	}
	return view, nil
}
