package vault

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/envelope"
	"github.com/panvault/panvault/vault/forward"
)

// prepare puts the attempt into the ledger: with its audit record, with the
// token used, and with the idempotency key held until the fate is known.
func prepare[T any](ctx context.Context, a *attempt, p purpose[T]) error {
	s, now := a.s, a.s.now()
	id, err := store.NewID(now, s.random)
	if err != nil {
		return err
	}
	fresh := store.Forward{
		ID: id, Merchant: a.caller.Merchant, Live: a.caller.Live, Use: string(p.to.Use), Destination: p.to.Endpoint.Name(),
		Token: p.card.Token != "", Charge: p.charge, State: store.ForwardPrepared, CreatedAt: now.UnixMicro(),
		LeaseUntil: a.lease(now),
	}
	var held store.Idempotency
	err = s.store.Update(ctx, func(tx store.Tx) (err error) {
		a.row, a.card = fresh, nil
		if p.card != (cardRef{}) {
			if err := a.claimCard(ctx, tx, p.card); err != nil {
				return err
			}
		}
		if a.caller.claim != nil {
			a.row.Request = a.caller.claim.row.ID
			if held, err = s.hold(ctx, tx, a.caller.claim.row); err != nil {
				return err
			}
		}
		if a.row.Tag, err = s.keyring.Tag(a.caller.Mode(), forwardRow(&a.row)); err != nil {
			return err
		}
		if err := tx.InsertForward(ctx, &a.row); err != nil {
			return err
		}
		if p.begin != nil {
			if err := p.begin(ctx, tx, a); err != nil {
				return err
			}
		}
		a.event, err = s.audit.Append(ctx, tx, a.opening())
		return err
	})
	if err == nil && a.caller.claim != nil {
		a.caller.claim.row, a.caller.claim.kept = held, true
	}
	return err
}

func (a *attempt) lease(now time.Time) int64 {
	return now.Add(a.to.Endpoint.Timeout() + leaseSlack).UnixMicro()
}

// opening is the record that a card is about to be used.
func (a *attempt) opening() audit.Event {
	id := publicID(forwardPrefix, a.row.Live, a.row.ID)
	object := id
	if a.card != nil {
		object = publicID(cardPrefix, a.card.Live, a.card.ID)
	}
	e := a.caller.event(audit.CardForward, audit.OK, object)
	e.Details = map[string]string{"forward": id, "use": a.row.Use, "destination": a.row.Destination}
	if a.row.Charge != "" {
		e.Details["charge"] = publicID(chargePrefix, a.row.Live, a.row.Charge)
	}
	return e
}

// claimCard finds the card again, in the transaction, and uses its token.
func (a *attempt) claimCard(ctx context.Context, tx store.Tx, ref cardRef) error {
	row, first, err := a.s.cardToUse(ctx, tx, a.caller, ref, a.to.Use)
	if err != nil {
		return err
	}
	profile, err := a.s.openProfile(row)
	if err != nil {
		return tamperedCard(row)
	}
	a.row.Card = row.ID
	if a.row.Token {
		if err := a.follow(ctx, tx); err != nil {
			return err
		}
	}
	if first || ref.Token == "" {
		was := row.Tag
		// A token's first use has the time of the attempt: release looks for it.
		row.UsedAt, row.ExpiresAt = a.row.CreatedAt, 0
		if err := a.s.replaceCard(ctx, tx, row, was); err != nil {
			return err
		}
	}
	a.card, a.holder = row, profile.Holder
	return nil
}

// follow gives the row an id behind that of its token's last one, which says
// whether the token can be used again: servers' clocks differ, and ids of one
// millisecond have no order.
func (a *attempt) follow(ctx context.Context, r store.Reader) error {
	last, err := r.LastForward(ctx, a.row.Card)
	if errors.Is(err, store.ErrNotFound) || err == nil && last.ID < a.row.ID {
		return nil
	}
	if err != nil {
		return err
	}
	if err := a.s.proveForward(&last, last.ID); err != nil {
		return err
	}
	a.row.ID, err = store.NewIDAfter(last.ID, a.s.random)
	return err
}

// sending notes that the first byte is about to go out. From here on the fate
// is unknown until an answer comes.
func (a *attempt) sending(ctx context.Context) error {
	begun := a.s.now()
	next := a.row
	next.State, next.SentAt, next.LeaseUntil = store.ForwardSending, begun.UnixMicro(), a.lease(begun)
	err := a.s.store.Update(ctx, func(tx store.Tx) error { return a.s.replaceForward(ctx, tx, &next, a.row.Tag) })
	if err != nil {
		return err
	}
	a.row, a.wait = next, a.s.now().Sub(begun)
	return nil
}

// finish writes down what became of the attempt, and what is answered.
func finish[T any](ctx context.Context, a *attempt, p purpose[T], cause error) (T, error) {
	var result, none T
	s := a.s
	last := a.conclude(cause)
	err := s.store.Update(ctx, func(tx store.Tx) (err error) {
		a.row = last
		was, err := s.openForward(ctx, tx, a.row.ID)
		if err != nil {
			return err
		}
		if a.row.State == store.ForwardNotSent {
			if err := s.release(ctx, tx, a.caller, &a.row); err != nil {
				return err
			}
		}
		if p.end != nil {
			if result, err = p.end(ctx, tx, a); err != nil {
				return err
			}
		}
		if err := s.endForward(ctx, tx, a.caller, &a.row, was.Tag); err != nil {
			return err
		}
		if a.row.State == store.ForwardAnswered || a.row.State == store.ForwardUnknown && p.pending {
			return s.remember(ctx, tx, a.caller.claim, result)
		}
		return nil
	})
	s.metrics.forwards.WithLabelValues(a.row.Use, string(last.State)).Inc()
	if last.Token {
		s.codes.settle(last.Card, !a.retryable(&last))
	}
	switch {
	case err != nil && last.State != store.ForwardNotSent: // it was sent, and that is all that is certain
		s.log.Error("what became of a forward could not be written; it will be unknown", "forward", last.ID, "error", err)
		return none, outcomeUnknown(&last)
	case err != nil && !errors.Is(err, store.ErrConflict): // a recovery that came first found nothing sent either
		return none, s.settle(ctx, a.caller, err)
	case last.State == store.ForwardUnknown && !p.pending:
		return none, outcomeUnknown(&last)
	case last.State == store.ForwardNotSent:
		return none, s.settle(ctx, a.caller, notSent(cause))
	}
	return result, nil
}

// conclude is the row of an attempt that has ended this way.
func (a *attempt) conclude(cause error) store.Forward {
	row := a.row
	row.EndedAt, row.LeaseUntil = a.s.now().UnixMicro(), 0
	row.Reason = forward.Reason(cause)
	switch {
	case a.clean != nil: // an answer, though perhaps not one that may be shown
		row.State = store.ForwardAnswered
		row.Masked = a.clean.Hits.Total()
		if row.Reason == "" && a.to.Use != UseForward && forward.ReadOutcome(a.clean).Verdict == forward.Unknown {
			row.Reason = "the answer does not say what became of it"
		}
	case row.State == store.ForwardPrepared || errors.Is(cause, forward.ErrNotSent):
		row.State, row.Status = store.ForwardNotSent, 0
		if row.Reason == "" {
			row.Reason = "the card could not be opened"
		}
	default:
		row.State, row.Status = store.ForwardUnknown, 0
	}
	return row
}

// retryable reports whether the token may be used once more, so that its
// security code stays for a while.
func (a *attempt) retryable(last *store.Forward) bool {
	return last.State == store.ForwardNotSent ||
		a.to.Use == UseForward && (last.State == store.ForwardUnknown || last.Status >= 400)
}

// notSent is the answer to a request of which the processor knows nothing.
func notSent(cause error) error {
	var e *Error
	var t *tamperedRow
	if errors.As(cause, &e) || errors.As(cause, &t) || isOutage(cause) {
		return cause
	}
	message := "the request was not sent and can be made again"
	if reason := forward.Reason(cause); reason != "" {
		message += ": " + reason
	}
	return &Error{Code: NotSent, Message: message, RetryAfter: minRetryAfter, Cause: cause}
}

// outcomeUnknown is the answer to a request that may have been carried out.
func outcomeUnknown(row *store.Forward) error {
	return &Error{
		Code: OutcomeUnknown, Object: "forward", ID: publicID(forwardPrefix, row.Live, row.ID),
		Message: "the request may have been carried out and is not repeated",
	}
}

// openForward reads a row that has not ended for good, and proves it. One that
// was given up as unknown can still be answered.
func (s *Service) openForward(ctx context.Context, r store.Reader, id string) (*store.Forward, error) {
	row, err := r.Forward(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := s.proveForward(&row, id); err != nil {
		return nil, err
	}
	if row.State == store.ForwardAnswered || row.State == store.ForwardNotSent {
		return nil, store.ErrConflict
	}
	return &row, nil
}

// release undoes what an attempt claimed that never wrote a byte: the token can
// be used again, and the idempotency key too.
func (s *Service) release(ctx context.Context, tx store.Tx, c Caller, f *store.Forward) error {
	if f.Request != nil {
		// A key that was claimed since is somebody else's.
		if row, err := tx.Idempotency(ctx, f.Request); err == nil && row.Status == 0 && row.CreatedAt <= f.CreatedAt {
			if err := tx.DeleteIdempotency(ctx, row.ID, row.Tag); err != nil {
				return err
			}
		} else if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		f.Request = nil // the key may lead to another row
	}
	if !f.Token {
		return nil
	}
	row, err := s.checkedCard(ctx, tx, c, f.Card)
	var edited *tamperedRow
	if errors.As(err, &edited) { // evidence, which stays as it is; the attempt ends all the same
		return nil
	}
	if err != nil || row == nil || row.DeletedAt != 0 || row.Customer != "" || row.UsedAt != f.CreatedAt {
		return err
	}
	was := row.Tag
	row.UsedAt, row.ExpiresAt = 0, timeOf(row.CreatedAt).Add(s.tokenTTL(c)).UnixMicro()
	return s.replaceCard(ctx, tx, row, was)
}

// endForward writes the last row and its audit record.
func (s *Service) endForward(ctx context.Context, tx store.Tx, c Caller, f *store.Forward, was []byte) error {
	if err := s.replaceForward(ctx, tx, f, was); err != nil {
		return err
	}
	outcome := audit.OK
	if f.State != store.ForwardAnswered {
		outcome = audit.Failed
	}
	e := c.event(audit.ForwardEnd, outcome, publicID(forwardPrefix, f.Live, f.ID))
	e.Details = map[string]string{"state": string(f.State), "status": strconv.Itoa(f.Status), "masked": strconv.FormatInt(f.Masked, 10)}
	if f.Reason != "" {
		e.Details["reason"] = f.Reason
	}
	return s.append(ctx, tx, e)
}

func (s *Service) replaceForward(ctx context.Context, tx store.Tx, row *store.Forward, was []byte) (err error) {
	if row.Tag, err = s.keyring.Tag(envelope.ModeOf(row.Live), forwardRow(row)); err != nil {
		return err
	}
	return tx.UpdateForward(ctx, row, was)
}
