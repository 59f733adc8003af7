package vault

import (
	"context"
	"errors"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/audit"
)

// SettleCharge ends a charge whose fate the vault does not know, after its
// operator has asked the processor: outcome is ChargeSuccessful,
// ChargeAuthorized or ChargeFailed. reference is the processor's own, which a
// later capture or reversal needs; "" keeps what is known. The record says who
// and why. Errors: Unauthenticated, BadRequest, NotFound, Conflict (it is not
// pending, or its request is still under way), Unavailable, Internal.
func (s *Service) SettleCharge(ctx context.Context, c Caller, id string, outcome ChargeState, reference, reason string) (Charge, error) {
	if err := s.authorize(c, policy.SettleCharge, policy.Resource{}); err != nil {
		return Charge{}, err
	}
	if outcome != ChargeSuccessful && outcome != ChargeAuthorized && outcome != ChargeFailed {
		return Charge{}, badRequest("outcome must be successful, authorized or failed")
	}
	if err := validLabel("reason", reason); err != nil {
		return Charge{}, err
	}
	if reference != "" {
		if err := validLabel("reference", reference); err != nil {
			return Charge{}, err
		}
	}
	record, _, ok := recordOf(chargePrefix, id)
	if !ok {
		return Charge{}, notFound("charge", id)
	}
	var view Charge
	err := s.store.Update(ctx, func(tx store.Tx) error {
		row, err := tx.Charge(ctx, record)
		if errors.Is(err, store.ErrNotFound) || err == nil && publicID(chargePrefix, row.Live, row.ID) != id {
			return notFound("charge", id)
		}
		if err == nil {
			err = s.proveCharge(&row, record)
		}
		if err != nil {
			return err
		}
		if err := s.nothingUnderWay(ctx, tx, &row); CodeOf(err) == InProgress && err != nil {
			return &Error{Code: Conflict, Message: "its request is still under way; wait for the destination's timeout and a minute"}
		} else if err != nil {
			return err
		}
		if row.State != store.ChargePending {
			return &Error{Code: Conflict, Message: "this charge is " + string(row.State) + ", not pending"}
		}
		if err := s.applySettlement(ctx, tx, &row, outcome, reference); err != nil {
			return err
		}
		merchant := Caller{Key: c.Key, Kind: c.Kind, Merchant: row.Merchant, Live: row.Live, Origin: c.Origin}
		if err := s.markToken(ctx, tx, merchant, &row, store.ForwardAnswered); err != nil {
			return err
		}
		if view, err = s.chargeOf(ctx, tx, merchant, record); err != nil {
			return err
		}
		e := merchant.event(audit.ChargeSettle, audit.OK, id)
		e.Details = map[string]string{"outcome": string(outcome), "reason": reason}
		return s.append(ctx, tx, e)
	})
	if err != nil {
		return Charge{}, s.settle(ctx, c, err)
	}
	return view, nil
}

func (s *Service) applySettlement(ctx context.Context, tx store.Tx, row *store.Charge, outcome ChargeState, reference string) error {
	was := row.Tag
	row.State, row.Attempt = outcome, ""
	if reference != "" {
		row.Reference = reference
	}
	switch outcome {
	case ChargeSuccessful:
		row.PaidAt = s.now().UnixMicro()
	case ChargeFailed:
		row.FailureCode = failedProcessing
	}
	return s.replaceCharge(ctx, tx, row, was)
}
