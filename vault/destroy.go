package vault

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/envelope"
)

// destroy overwrites a card's wrapped key and everything sealed or readable of
// it, in the caller's transaction, and records it. The keyed hash of its number
// goes with the last card of that number. What stays is a tombstone: ids, times
// and the fact.
func (s *Service) destroy(ctx context.Context, tx store.Tx, c Caller, row *store.Card, why reason) error {
	if err := s.dropFingerprint(ctx, tx, c, row.FingerprintID); err != nil {
		return err
	}
	if row.Customer != "" {
		if err := s.dropAnswers(ctx, tx, row.Customer); err != nil {
			return err
		}
	}
	was := row.Tag
	row.DeletedAt, row.ExpiresAt = s.now().UnixMicro(), 0
	row.WrappedDEK, row.SealedPAN, row.SealedProfile = nil, nil, nil
	row.Brand, row.LastDigits, row.ExpiryMonth, row.ExpiryYear = "", "0000", 1, 1970
	row.Fingerprint, row.FingerprintID, row.PaymentMethod = make([]byte, envelope.FingerprintSize), "", ""
	if err := s.replaceCard(ctx, tx, row, was); err != nil {
		return err
	}
	e := c.event(audit.CardDestroy, audit.OK, publicID(cardPrefix, row.Live, row.ID))
	e.Details = map[string]string{"reason": string(why), "shred_horizon": s.shredHorizon(row.DeletedAt).Format(time.RFC3339)}
	if row.Customer != "" {
		e.Details["customer"] = publicID(customerPrefix, row.Live, row.Customer)
	}
	return s.append(ctx, tx, e)
}

// reason is why a card was destroyed, as audit records say it.
type reason string

const (
	requested reason = "requested" // its merchant deleted it
	lapsed    reason = "lapsed"    // its token was never used
	spent     reason = "spent"     // its token was used, and belongs to no customer
	expired   reason = "expired"   // retention.after_expiry
	unused    reason = "unused"    // retention.after_use
)

// destroyCards destroys all cards of a customer and returns their record ids.
func (s *Service) destroyCards(ctx context.Context, tx store.Tx, c Caller, owner *store.Customer) (destroyed []string, err error) {
	for {
		rows, err := tx.CustomerCards(ctx, owner.ID, store.Page{To: math.MaxInt64, Limit: maxPage})
		if err != nil || len(rows) == 0 {
			return destroyed, err
		}
		for i := range rows {
			if err := s.proveCard(c, owner, &rows[i]); err != nil {
				return nil, err
			}
			if err := s.destroy(ctx, tx, c, &rows[i], requested); err != nil {
				return nil, err
			}
			destroyed = append(destroyed, rows[i].ID)
		}
	}
}

// dropCodes destroys the security codes, if any are held, of cards whose
// destruction is committed.
func (s *Service) dropCodes(records []string, why reason) {
	end := codeDestroyed
	if why == lapsed {
		end = codeLapsed
	}
	for _, record := range records {
		s.codes.drop(record, end)
	}
}

// proveCard refuses a listed row that was edited, or that is listed under
// somebody it does not belong to.
func (s *Service) proveCard(c Caller, owner *store.Customer, row *store.Card) error {
	edited := s.keyring.Check(envelope.ModeOf(row.Live), cardRow(row), row.Tag) != nil
	if edited || row.Customer != owner.ID || row.Merchant != c.Merchant || row.Live != c.Live {
		return &tamperedRow{publicID(cardPrefix, row.Live, row.ID), "card"}
	}
	return nil
}

// chooseDefault makes the card that was attached last the default one.
func (s *Service) chooseDefault(ctx context.Context, tx store.Tx, c Caller, owner *store.Customer) error {
	was := owner.Tag
	owner.DefaultCard = ""
	newest, err := tx.NewestCard(ctx, owner.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return err
	default:
		if err := s.proveCard(c, owner, &newest); err != nil {
			return err
		}
		owner.DefaultCard = newest.ID
	}
	return s.replaceCustomer(ctx, tx, owner, was)
}
