package vault

import (
	"context"
	"errors"
	"time"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/forward"
)

// CaptureCharge takes the money of a charge that was only authorized. If the
// processor refuses, the charge is Refused and as before; if its answer does not
// say, it is Unclear. Errors:
// Unauthenticated, NotFound, FailedCapture (it is not authorized), InProgress,
// BadRequest (no processor for it), NotSent, OutcomeUnknown, Unavailable,
// Internal.
func (s *Service) CaptureCharge(ctx context.Context, c Caller, id string) (Charge, error) {
	return s.changeCharge(ctx, c, id, UseCapture, func(row *store.Charge) error {
		if row.State != store.ChargeAuthorized {
			return &Error{Code: FailedCapture, Message: "charge is not authorized, or was captured or reversed already"}
		}
		return nil
	}, func(row *store.Charge, at int64) { row.State, row.PaidAt = store.ChargeSuccessful, at })
}

// ReverseCharge undoes a charge, captured or not. Errors as for CaptureCharge,
// with BadRequest for a charge that cannot be reversed.
func (s *Service) ReverseCharge(ctx context.Context, c Caller, id string) (Charge, error) {
	return s.changeCharge(ctx, c, id, UseReverse, func(row *store.Charge) error {
		if row.State != store.ChargeAuthorized && row.State != store.ChargeSuccessful {
			return badRequest("charge was not paid, or was reversed already")
		}
		return nil
	}, func(row *store.Charge, at int64) { row.State, row.ReversedAt = store.ChargeReversed, at })
}

// changeCharge asks the processor to change a charge. One request at a time.
func (s *Service) changeCharge(ctx context.Context, c Caller, id string, u Use, check func(*store.Charge) error, approved func(*store.Charge, int64)) (Charge, error) {
	if err := s.authorizeOwn(c, policy.ManageCharge); err != nil {
		return Charge{}, err
	}
	var found *store.Charge
	err := s.store.View(ctx, func(r store.Reader) (err error) {
		if found, _, err = s.ownCharge(ctx, r, c, id); err != nil {
			return err
		}
		return check(found)
	})
	if err != nil {
		return Charge{}, s.settle(ctx, c, err)
	}
	to := s.destinationFor(c, u)
	if to == nil {
		return Charge{}, errNoProcessor
	}
	return use(ctx, s, c, purpose[Charge]{
		// The same for every attempt at it, so that a processor can tell that
		// one whose fate was unknown is asked for again.
		to: to, charge: found.ID, reference: id + "-" + string(u),
		fields: map[string]any{
			"charge": id, "processor_reference": found.Reference, "amount": number(found.Amount), "currency": found.Currency,
		},
		begin: func(ctx context.Context, tx store.Tx, a *attempt) error {
			row, _, err := s.ownCharge(ctx, tx, c, id)
			if err != nil {
				return err
			}
			if err := check(row); err != nil {
				return err
			}
			if err := s.nothingUnderWay(ctx, tx, row); err != nil {
				return err
			}
			was := row.Tag
			row.Attempt = a.row.ID
			return s.replaceCharge(ctx, tx, row, was)
		},
		end: func(ctx context.Context, tx store.Tx, a *attempt) (Charge, error) {
			var refused, unclear bool
			view, err := s.endCharge(ctx, tx, a, func(row *store.Charge, _ *chargeProfile, a *attempt) {
				if a.clean == nil {
					return
				}
				switch verdict := forward.ReadOutcome(a.clean).Verdict; {
				case verdict == forward.Approved:
					if check(row) == nil { // a late answer undoes nothing that came after it
						approved(row, a.row.EndedAt)
					}
				case verdict == forward.Declined, a.clean.Status >= 400 && a.clean.Status < 500:
					refused = true
				default:
					unclear = true
				}
			})
			view.Refused, view.Unclear = refused, unclear
			return view, err
		},
	})
}

// nothingUnderWay refuses a second request while the first has not ended.
func (s *Service) nothingUnderWay(ctx context.Context, r store.Reader, row *store.Charge) error {
	if row.Attempt == "" {
		return nil
	}
	f, err := s.checkedForward(ctx, r, row.Attempt)
	if err != nil {
		return err
	}
	if f != nil && f.LeaseUntil != 0 {
		return &Error{Code: InProgress, Message: "another request for this charge is in progress", RetryAfter: time.Second}
	}
	return nil
}

// recoverCharge ends a charge's attempt whose process is gone. A charge that
// may have been carried out stays as it is.
func (s *Service) recoverCharge(ctx context.Context, tx store.Tx, c Caller, f *store.Forward) error {
	if f.Charge == "" {
		return nil
	}
	row, err := tx.Charge(ctx, f.Charge)
	if errors.Is(err, store.ErrNotFound) {
		return &tamperedRow{publicID(forwardPrefix, f.Live, f.ID), "forward"}
	}
	if err != nil {
		return err
	}
	if err := s.proveCharge(&row, f.Charge); err != nil {
		return err
	}
	was := row.Tag
	if row.Attempt == f.ID {
		row.Attempt = ""
	}
	if Use(f.Use) == UseCharge && f.State == store.ForwardNotSent && row.State == store.ChargePending {
		row.State, row.FailureCode = store.ChargeFailed, failedProcessing
	}
	if err := s.replaceCharge(ctx, tx, &row, was); err != nil {
		return err
	}
	return s.markToken(ctx, tx, c, &row, f.State)
}
