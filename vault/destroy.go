package vault

import (
	"context"
	"errors"
	"math"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/envelope"
)

// destroy overwrites a card's wrapped key and everything sealed or readable of
// it, in the caller's transaction, and records it. What stays is a tombstone:
// ids, times and the fact.
func (s *Service) destroy(ctx context.Context, tx store.Tx, c Caller, row *store.Card) error {
	was := row.Tag
	row.DeletedAt, row.ExpiresAt = s.now().UnixMicro(), 0
	row.WrappedDEK, row.SealedPAN, row.SealedProfile = nil, nil, nil
	row.Brand, row.LastDigits, row.ExpiryMonth, row.ExpiryYear = "", "0000", 1, 1970
	row.Fingerprint = make([]byte, envelope.FingerprintSize)
	if err := s.replaceCard(ctx, tx, row, was); err != nil {
		return err
	}
	e := c.event(audit.CardDestroy, audit.OK, publicID(cardPrefix, row.Live, row.ID))
	if row.Customer != "" {
		e.Details = map[string]string{"customer": publicID(customerPrefix, row.Live, row.Customer)}
	}
	return s.append(ctx, tx, e)
}

// destroyCards destroys all cards of a customer and returns how many.
func (s *Service) destroyCards(ctx context.Context, tx store.Tx, c Caller, owner *store.Customer) (int, error) {
	for n := 0; ; {
		rows, err := tx.CustomerCards(ctx, owner.ID, store.Page{To: math.MaxInt64, Limit: maxPage})
		if err != nil || len(rows) == 0 {
			return n, err
		}
		for i := range rows {
			if err := s.proveCard(c, owner, &rows[i]); err != nil {
				return n, err
			}
			if err := s.destroy(ctx, tx, c, &rows[i]); err != nil {
				return n, err
			}
			n++
		}
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
