package vault

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/envelope"
)

// revealPoll is how often a waiting reveal looks for its approval.
const revealPoll = 250 * time.Millisecond

// awaitApproval asks for an operator's consent and waits for it. No transaction
// is open meanwhile. Whatever ends the wait without it also ends the request,
// so that nobody approves what nobody waits for.
func (r *reveal) awaitApproval(ctx context.Context) error {
	asking, cancel := context.WithTimeout(ctx, RevealTime/2)
	defer cancel()
	err := r.counted(r.s.store.Update(asking, func(tx store.Tx) error { return r.ask(asking, tx) }))
	if err != nil {
		return err
	}
	r.s.tasks.Add(1) // Close lets it write how it ended
	defer r.s.tasks.Done()
	return r.ended(ctx, r.wait(ctx))
}

func (r *reveal) ask(ctx context.Context, tx store.Tx) error {
	if err := r.enter(ctx, tx, revealWaiting); err != nil {
		return err
	}
	row, e, err := r.s.drawApproval(r.caller, approvalReveal, ApprovalSubject{
		Merchant: r.row.Merchant, Live: r.row.Live, Reveal: r.row.ID, Fields: r.row.Fields,
		Card: publicID(cardPrefix, r.row.Live, r.row.Card),
	}, r.in.Reason, r.s.opts.Reveals.Approval)
	if err != nil {
		return err
	}
	r.approval = row
	if err := tx.InsertApproval(ctx, &row); err != nil {
		return err
	}
	return r.s.append(ctx, tx, e)
}

// wait returns nil once the approval is granted. NotApproved, Unavailable when
// the service closes, ctx's error.
func (r *reveal) wait(ctx context.Context) error {
	ticker := time.NewTicker(revealPoll)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.s.stopping:
			return &Error{Code: Unavailable, Message: "the server is stopping", RetryAfter: minRetryAfter, Cause: context.Canceled}
		case <-ticker.C:
		}
		var row store.Approval
		err := r.s.store.View(ctx, func(v store.Reader) (err error) {
			row, err = r.s.approval(ctx, v, r.approval.ID)
			return err
		})
		switch {
		case err != nil && !isOutage(err):
			return err
		case err == nil && row.GrantedAt != 0:
			return nil
		case r.s.now().UnixMicro() >= r.approval.ExpiresAt:
			return notApproved(nil)
		}
	}
}

func notApproved(cause error) error {
	return &Error{Code: NotApproved, Message: "no operator approved this in time", Cause: cause}
}

// useApproval writes that the card is shown and that its approval is used up. It
// returns the new row.
func (r *reveal) useApproval(ctx context.Context, tx store.Tx) (row store.Reveal, err error) {
	s := r.s
	granted, err := s.usable(ctx, tx, r.caller, r.approval.ID, approvalReveal)
	if CodeOf(err) == Conflict {
		return row, notApproved(err) // lapsed, or one of the two keys was revoked since
	}
	if err != nil {
		return row, err
	}
	if !bytes.Equal(granted.Subject, r.approval.Subject) {
		return row, &tamperedRow{granted.ID, "approval"}
	}
	if err := s.merchantInForce(ctx, tx, r.caller.Merchant); err != nil {
		return row, err
	}
	if r.card, err = s.revealCard(ctx, tx, r.caller, r.in.Card); err != nil {
		return row, err // it was destroyed meanwhile
	}
	was := granted.Tag
	granted.UsedAt = s.now().UnixMicro()
	if err := s.replaceApproval(ctx, tx, &granted, was); err != nil {
		return row, err
	}
	if row, err = r.replace(ctx, tx, revealWaiting, r.shown()); err != nil {
		return row, err
	}
	return row, r.append(ctx, tx)
}

// merchantInForce refuses a merchant that was disabled since the caller
// authenticated.
func (s *Service) merchantInForce(ctx context.Context, r store.Reader, id string) error {
	row, err := r.Merchant(ctx, id)
	if err != nil {
		return err
	}
	if row.ID != id || s.keyring.Check(envelope.ModeAll, merchantRow(&row), row.Tag) != nil {
		return &tamperedRow{id, "merchant"}
	}
	if row.DisabledAt != 0 {
		return notApproved(errors.New("the merchant was disabled"))
	}
	return nil
}

// replace writes a new outcome over the one that was, and returns the row. From
// now on it counts as of now: an approved reveal is one of this moment.
func (r *reveal) replace(ctx context.Context, tx store.Tx, was, outcome revealOutcome) (store.Reveal, error) {
	row, err := tx.Reveal(ctx, r.row.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return row, err
	}
	if err != nil || row.ID != r.row.ID || r.s.keyring.Check(envelope.ModeOf(row.Live), revealRow(&row), row.Tag) != nil || row.Outcome != string(was) {
		return row, &tamperedRow{r.row.ID, "reveal"}
	}
	tag := row.Tag
	row.Outcome, row.CountedAt = string(outcome), max(row.CountedAt, r.s.now().UnixMicro())
	if row.Tag, err = r.s.keyring.Tag(r.caller.Mode(), revealRow(&row)); err != nil {
		return row, err
	}
	return row, tx.UpdateReveal(ctx, &row, tag)
}

// ended ends a reveal that waited in vain. It returns err.
func (r *reveal) ended(ctx context.Context, err error) error {
	switch {
	case err == nil:
	case CodeOf(err) == NotApproved:
		r.end(ctx, revealNotApproved)
	case ctx.Err() != nil || errors.Is(err, context.Canceled):
		r.end(ctx, revealCancelled)
	default:
		r.end(ctx, revealFailed)
	}
	return err
}

// end records how a reveal ended that did not show the card. It does so also
// when ctx is over. If it cannot be written the log says so: nothing was shown,
// and the record of the request is there.
func (r *reveal) end(ctx context.Context, outcome revealOutcome) {
	r.s.metrics.reveals.WithLabelValues(string(outcome)).Inc()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), RevealTime/2)
	defer cancel()
	err := r.s.store.Update(ctx, func(tx store.Tx) error {
		var edited *tamperedRow // is on record by itself, and must not keep this out
		if _, err := r.replace(ctx, tx, revealOutcome(r.row.Outcome), outcome); err != nil && !errors.As(err, &edited) {
			return err
		}
		if err := r.endApproval(ctx, tx); err != nil && !errors.As(err, &edited) {
			return err
		}
		e := r.auditEvent(audit.Failed)
		if outcome == revealNotApproved {
			e.Outcome = audit.Denied
		}
		e.Details["result"] = string(outcome)
		return r.s.append(ctx, tx, e)
	})
	if err != nil {
		r.s.log.Error("the end of a reveal could not be recorded", "reveal", r.row.ID, "outcome", string(outcome), "error", err)
	}
}

// endApproval takes a request for approval back, unless it was used.
func (r *reveal) endApproval(ctx context.Context, tx store.Tx) error {
	if r.approval.ID == "" {
		return nil
	}
	row, err := r.s.approval(ctx, tx, r.approval.ID)
	if err != nil {
		return err
	}
	if row.UsedAt != 0 {
		return nil
	}
	was := row.Tag
	row.ExpiresAt = min(row.ExpiresAt, r.s.now().UnixMicro())
	return r.s.replaceApproval(ctx, tx, &row, was)
}
