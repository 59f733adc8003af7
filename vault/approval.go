package vault

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/panvault/panvault/kms"
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

// The actions that take an approval.
const (
	approvalExport  = "export"
	approvalReveal  = "reveal"
	approvalDestroy = "destroy"
)

const approvalPrefix = "appr_"

// Approval is what one operator, or a reveal key, asked for and another operator
// must grant.
type Approval struct {
	ID          string
	Action      string // export, reveal, destroy
	Subject     ApprovalSubject
	Reason      string
	RequestedBy string // akey_ id: of a reveal key for a reveal, else of an operator
	RequestedAt time.Time
	GrantedBy   string // akey_ id of another operator; "" until then
	GrantedAt   time.Time
	ExpiresAt   time.Time
	UsedAt      time.Time // zero until used
	Tampered    bool      // the row was edited: it allows nothing, and only ID is told
}

// ApprovalSubject is what exactly an approval allows.
type ApprovalSubject struct {
	Merchant  string  `json:"merchant"`
	Live      bool    `json:"live"`
	Recipient string  `json:"recipient,omitempty"` // of an export: an age recipient, age1…
	Reveal    string  `json:"reveal,omitempty"`    // the one reveal, rvel_ id
	Card      string  `json:"card,omitempty"`      // of a reveal, card_ id
	Fields    string  `json:"fields,omitempty"`    // of a reveal, separated by commas
	Key       kms.Key `json:"key,omitempty"`       // of a destruction
	Version   uint32  `json:"version,omitempty"`   // of a destruction: up to and including it
}

// guardsLive reports whether cards in live mode hang on it. The work key wraps
// what proves and finds them.
func (a ApprovalSubject) guardsLive() bool { return a.Live || a.Key == kms.Work }

// ExportSubject is what exactly an export gives out, and to whom.
type ExportSubject struct {
	Merchant  string // mrch_ id
	Live      bool
	Recipient string // an age recipient, age1…
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
	row, e, err := s.drawApproval(c, approvalExport, ApprovalSubject{
		Merchant: subject.Merchant, Live: subject.Live, Recipient: subject.Recipient,
	}, reason, ApprovalLife)
	if err != nil {
		return Approval{}, s.fail(err)
	}
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

// drawApproval makes the row of a request that c makes, and its audit event.
func (s *Service) drawApproval(c Caller, action string, subject ApprovalSubject, reason string, life time.Duration) (store.Approval, audit.Event, error) {
	text, err := json.Marshal(subject)
	if err != nil {
		return store.Approval{}, audit.Event{}, err
	}
	now := s.now()
	suffix, err := store.NewID(now, s.random)
	if err != nil {
		return store.Approval{}, audit.Event{}, err
	}
	row := store.Approval{
		ID: approvalPrefix + suffix, Action: action, Subject: text, Reason: reason,
		RequestedBy: c.Key, RequestedAt: now.UnixMicro(), ExpiresAt: now.Add(life).UnixMicro(),
	}
	if row.Tag, err = s.keyring.Tag(envelope.ModeAll, approvalRow(&row)); err != nil {
		return store.Approval{}, audit.Event{}, err
	}
	e := c.event(audit.ApprovalRequest, audit.OK, row.ID)
	e.Details = map[string]string{"action": row.Action, "subject": string(text), "reason": reason}
	return row, e, nil
}

// Approvals lists the newest hundred. Errors: Unauthenticated, Unavailable.
func (s *Service) Approvals(ctx context.Context, c Caller) ([]Approval, error) {
	if err := s.authorize(c, policy.GrantApproval, policy.Resource{}); err != nil {
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
// time, unused, by two keys in force, one of them the caller's.
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
	if _, err := s.keyInForce(ctx, r, row.RequestedBy, asker(action)); err != nil {
		return row, err
	}
	_, err = s.keyInForce(ctx, r, row.GrantedBy, policy.Operator)
	return row, err
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
