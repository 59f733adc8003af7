package vault

import (
	"context"
	"errors"
	"time"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/envelope"
)

// RecordState is where a record is in its life.
type RecordState string

// The states of cards; customers are active or destroyed.
const (
	StateActive    RecordState = "active"    // a customer
	StateUnused    RecordState = "unused"    // a token that can be used
	StateLapsed    RecordState = "lapsed"    // a token whose time is over, about to be destroyed
	StateStored    RecordState = "stored"    // a card of a customer
	StateUsed      RecordState = "used"      // a card that was used and belongs to no customer
	StateDestroyed RecordState = "destroyed" // nothing of it can be read any more
)

// CardRecord is a card as operators see it: what is kept in clear, never more
// of the number than its last four digits.
type CardRecord struct {
	ID          string // card_ id
	Token       string // tokn_ id
	Merchant    string
	Live        bool
	Customer    string // cust_ id; "" for none
	State       RecordState
	Brand       string // "" once destroyed, like the three that follow
	LastDigits  string
	Expiry      card.Expiry
	Fingerprint []byte
	Method      string // its reference at the PaymentOptions front; "" but for stored cards

	CreatedAt    time.Time
	ExpiresAt    time.Time // of an unused token
	AttachedAt   time.Time
	DeletedAt    time.Time
	ShredHorizon time.Time // from when on no backup brings a destroyed record back
}

// CustomerRecord is a customer as operators see it.
type CustomerRecord struct {
	ID           string
	Merchant     string
	Live         bool
	State        RecordState
	Cards        int
	CreatedAt    time.Time
	DeletedAt    time.Time
	ShredHorizon time.Time // as in CardRecord
}

// CardRecord returns the record of a card_ or tokn_ id, destroyed or not, of
// any merchant. The look-up is on record. Errors: Unauthenticated, NotFound,
// Unavailable, Internal (tampered).
func (s *Service) CardRecord(ctx context.Context, c Caller, id string) (CardRecord, error) {
	if err := s.authorize(c, policy.FindCard, policy.Resource{}); err != nil {
		return CardRecord{}, err
	}
	record, live, ok := recordOf(cardPrefix, id)
	if !ok {
		record, live, ok = recordOf(tokenPrefix, id)
	}
	if !ok {
		return CardRecord{}, notFound("card", id)
	}
	var view CardRecord
	err := s.store.Update(ctx, func(tx store.Tx) error {
		row, err := tx.Card(ctx, record)
		if errors.Is(err, store.ErrNotFound) || err == nil && row.Live != live {
			return notFound("card", id)
		}
		if err != nil {
			return err
		}
		if row.ID != record || s.keyring.Check(envelope.ModeOf(row.Live), cardRow(&row), row.Tag) != nil {
			return &tamperedRow{id, "card"}
		}
		if err := s.mintMethod(ctx, tx, &row); err != nil {
			return err
		}
		view = s.cardRecord(&row)
		return s.append(ctx, tx, c.event(audit.RecordRead, audit.OK, id))
	})
	if err != nil {
		return CardRecord{}, s.settle(ctx, c, err)
	}
	return view, nil
}

// CustomerRecord returns the record of a cust_ id, destroyed or not, of any
// merchant. The look-up is on record. Errors as for CardRecord.
func (s *Service) CustomerRecord(ctx context.Context, c Caller, id string) (CustomerRecord, error) {
	if err := s.authorize(c, policy.FindCard, policy.Resource{}); err != nil {
		return CustomerRecord{}, err
	}
	record, live, ok := recordOf(customerPrefix, id)
	if !ok {
		return CustomerRecord{}, notFound("customer", id)
	}
	var view CustomerRecord
	err := s.store.Update(ctx, func(tx store.Tx) error {
		row, err := tx.Customer(ctx, record)
		if errors.Is(err, store.ErrNotFound) || err == nil && row.Live != live {
			return notFound("customer", id)
		}
		if err != nil {
			return err
		}
		if row.ID != record || s.keyring.Check(envelope.ModeOf(row.Live), customerRow(&row), row.Tag) != nil {
			return &tamperedRow{id, "customer"}
		}
		view = CustomerRecord{
			ID: id, Merchant: row.Merchant, Live: row.Live, State: StateActive,
			CreatedAt: timeOf(row.CreatedAt), DeletedAt: timeOf(row.DeletedAt),
		}
		if row.DeletedAt != 0 {
			view.State, view.ShredHorizon = StateDestroyed, s.shredHorizon(row.DeletedAt)
		}
		if view.Cards, err = tx.CountCustomerCards(ctx, record, Page{}.filled(s.now()).stored()); err != nil {
			return err
		}
		return s.append(ctx, tx, c.event(audit.RecordRead, audit.OK, id))
	})
	if err != nil {
		return CustomerRecord{}, s.settle(ctx, c, err)
	}
	return view, nil
}

// mintMethod gives a card that was stored before there were payment methods its
// own.
func (s *Service) mintMethod(ctx context.Context, tx store.Tx, row *store.Card) (err error) {
	if row.Customer == "" || row.DeletedAt != 0 || row.PaymentMethod != "" {
		return nil
	}
	was := row.Tag
	if row.PaymentMethod, err = newPaymentMethod(s.random); err != nil {
		return err
	}
	return s.replaceCard(ctx, tx, row, was)
}

func (s *Service) cardRecord(row *store.Card) CardRecord {
	view := CardRecord{
		ID: publicID(cardPrefix, row.Live, row.ID), Token: publicID(tokenPrefix, row.Live, row.ID),
		Merchant: row.Merchant, Live: row.Live, State: s.stateOf(row),
		CreatedAt: timeOf(row.CreatedAt), ExpiresAt: timeOf(row.ExpiresAt),
		AttachedAt: timeOf(row.AttachedAt), DeletedAt: timeOf(row.DeletedAt),
	}
	if row.Customer != "" {
		view.Customer = publicID(customerPrefix, row.Live, row.Customer)
	}
	if row.DeletedAt != 0 {
		view.ShredHorizon = s.shredHorizon(row.DeletedAt)
		return view
	}
	view.Brand, view.LastDigits, view.Fingerprint = row.Brand, row.LastDigits, row.Fingerprint
	view.Method = row.PaymentMethod
	view.Expiry = card.Expiry{Month: row.ExpiryMonth, Year: row.ExpiryYear}
	return view
}

func (s *Service) stateOf(row *store.Card) RecordState {
	switch {
	case row.DeletedAt != 0:
		return StateDestroyed
	case s.lapsed(row):
		return StateLapsed
	case row.UsedAt == 0:
		return StateUnused
	case row.Customer == "":
		return StateUsed
	default:
		return StateStored
	}
}
