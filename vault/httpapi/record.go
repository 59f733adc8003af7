package httpapi

import (
	"context"
	"time"

	"github.com/panvault/panvault/vault"
)

// CardRecord is a card as operators see it on the admin listener and in
// 'panvault card --json': masked, the same in every version of the API. Null
// is what does not apply, and what is gone with a destroyed card.
type CardRecord struct {
	Object          string  `json:"object"` // card_record
	ID              string  `json:"id"`
	Token           string  `json:"token"`
	Merchant        string  `json:"merchant"`
	Livemode        bool    `json:"livemode"`
	Customer        *string `json:"customer"`
	State           string  `json:"state"` // unused, lapsed, stored, used, destroyed
	Brand           *string `json:"brand"`
	LastDigits      *string `json:"last_digits"`
	ExpirationMonth *int    `json:"expiration_month"`
	ExpirationYear  *int    `json:"expiration_year"`
	Fingerprint     *string `json:"fingerprint"`
	PaymentMethod   *string `json:"stored_payment_method_id"`
	CreatedAt       string  `json:"created_at"`
	ExpiresAt       *string `json:"expires_at"` // of an unused token
	AttachedAt      *string `json:"attached_at"`
	DeletedAt       *string `json:"deleted_at"`
	ShredHorizon    *string `json:"shred_horizon"` // from then on no backup brings it back
}

// NewCardRecord returns the JSON form of a record.
func NewCardRecord(r vault.CardRecord) CardRecord {
	out := CardRecord{
		Object: "card_record", ID: r.ID, Token: r.Token, Merchant: r.Merchant, Livemode: r.Live,
		Customer: optional(r.Customer), State: string(r.State), PaymentMethod: optional(r.Method),
		CreatedAt: timestamp(r.CreatedAt), ExpiresAt: optionalTime(r.ExpiresAt),
		AttachedAt: optionalTime(r.AttachedAt), DeletedAt: optionalTime(r.DeletedAt), ShredHorizon: optionalTime(r.ShredHorizon),
	}
	if r.State != vault.StateDestroyed {
		public := fingerprint(r.Fingerprint)
		out.Brand, out.LastDigits, out.Fingerprint = &r.Brand, &r.LastDigits, &public
		out.ExpirationMonth, out.ExpirationYear = &r.Expiry.Month, &r.Expiry.Year
	}
	return out
}

// CustomerRecord is a customer as operators see it.
type CustomerRecord struct {
	Object       string  `json:"object"` // customer_record
	ID           string  `json:"id"`
	Merchant     string  `json:"merchant"`
	Livemode     bool    `json:"livemode"`
	State        string  `json:"state"` // active, destroyed
	Cards        int     `json:"cards"`
	CreatedAt    string  `json:"created_at"`
	DeletedAt    *string `json:"deleted_at"`
	ShredHorizon *string `json:"shred_horizon"`
}

// NewCustomerRecord returns the JSON form of a record.
func NewCustomerRecord(r vault.CustomerRecord) CustomerRecord {
	return CustomerRecord{
		Object: "customer_record", ID: r.ID, Merchant: r.Merchant, Livemode: r.Live, State: string(r.State),
		Cards: r.Cards, CreatedAt: timestamp(r.CreatedAt),
		DeletedAt: optionalTime(r.DeletedAt), ShredHorizon: optionalTime(r.ShredHorizon),
	}
}

// FoundCards is a page of a search, newest first.
type FoundCards struct {
	Object   string       `json:"object"` // list
	Data     []CardRecord `json:"data"`
	Searched int          `json:"searched"` // rows that were looked at
	Next     *string      `json:"next"`     // give it as "after" for what is left
	Tampered []string     `json:"tampered"` // ids of matching rows that were edited
}

// NewFoundCards returns the JSON form of a page.
func NewFoundCards(f vault.FoundCards) FoundCards {
	out := FoundCards{Object: "list", Data: make([]CardRecord, len(f.Cards)), Searched: f.Searched, Next: optional(f.Next), Tampered: append([]string{}, f.Tampered...)}
	for i, r := range f.Cards {
		out.Data[i] = NewCardRecord(r)
	}
	return out
}

func (a *API) getCardRecord(ctx context.Context, c *call) (any, error) {
	record, err := a.svc.CardRecord(ctx, c.caller, c.id)
	if err != nil {
		return nil, err
	}
	return NewCardRecord(record), nil
}

func (a *API) getCustomerRecord(ctx context.Context, c *call) (any, error) {
	record, err := a.svc.CustomerRecord(ctx, c.caller, c.id)
	if err != nil {
		return nil, err
	}
	return NewCustomerRecord(record), nil
}

func optionalTime(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := timestamp(t)
	return &text
}
