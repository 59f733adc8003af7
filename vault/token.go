package vault

import (
	"context"
	"time"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/card"
)

// chargeUnknown is a token's charge status while nothing was charged. It is
// never null: client libraries decode it as a plain string.
const chargeUnknown = "unknown"

// Token is a single-use reference to a vaulted card.
type Token struct {
	ID           string // tokn_[test_] + record id
	Live         bool
	Used         bool
	ChargeStatus string
	Card         *Card // nil once used
	CreatedAt    time.Time
}

// Card is a vaulted card in its masked form: nothing in it can be charged.
type Card struct {
	ID          string // card_[test_] + record id
	Customer    string // cust_ id of its owner; "" inside a token
	Live        bool
	Deleted     bool
	Profile     card.Profile
	Brand       string
	LastDigits  string
	FirstDigits string // "" unless the merchant's settings show them
	Fingerprint []byte // 32 bytes; nil if the merchant's settings hide it from this caller
	Expiry      card.Expiry
	CreatedAt   time.Time
}

// Token returns a token of the caller's merchant and mode. One that is absent,
// expired, deleted or not the caller's is NotFound all the same. Errors:
// Unauthenticated, NotFound, Unavailable, Internal (tampered).
func (s *Service) Token(ctx context.Context, c Caller, id string) (Token, error) {
	if err := s.authorizeOwn(c, policy.ReadToken); err != nil {
		return Token{}, err
	}
	var view Token
	err := s.store.View(ctx, func(r store.Reader) error {
		row, err := s.ownToken(ctx, r, c, id)
		if err != nil {
			return err
		}
		profile, err := s.openProfile(row)
		if err != nil {
			return &tamperedRow{publicID(cardPrefix, row.Live, row.ID), "card"}
		}
		view = s.tokenView(c, row, profile)
		return nil
	})
	if err != nil {
		return Token{}, s.settle(ctx, c, err)
	}
	return view, nil
}

// lapsed reports whether the token's time is over without its having been used.
func (s *Service) lapsed(row *store.Card) bool {
	if row.DeletedAt != 0 {
		return true
	}
	return row.UsedAt == 0 && row.ExpiresAt != 0 && s.now().UnixMicro() >= row.ExpiresAt
}

func (s *Service) tokenView(c Caller, row *store.Card, profile card.Profile) Token {
	t := Token{
		ID: publicID(tokenPrefix, row.Live, row.ID), Live: row.Live, Used: row.UsedAt != 0,
		ChargeStatus: row.ChargeStatus, CreatedAt: timeOf(row.CreatedAt),
	}
	if !t.Used {
		view := s.cardView(c, row, profile)
		t.Card = &view
	}
	return t
}

// openCardView opens a row's profile for its masked form.
func (s *Service) openCardView(c Caller, row *store.Card) (Card, error) {
	profile, err := s.openProfile(row)
	if err != nil {
		return Card{}, &tamperedRow{publicID(cardPrefix, row.Live, row.ID), "card"}
	}
	return s.cardView(c, row, profile), nil
}

func (s *Service) cardView(c Caller, row *store.Card, profile card.Profile) Card {
	view := Card{
		ID: publicID(cardPrefix, row.Live, row.ID), Live: row.Live, Profile: profile,
		Brand: row.Brand, LastDigits: row.LastDigits, Fingerprint: row.Fingerprint,
		Expiry:    card.Expiry{Month: row.ExpiryMonth, Year: row.ExpiryYear},
		CreatedAt: timeOf(row.CreatedAt),
	}
	if row.Customer != "" {
		view.Customer = publicID(customerPrefix, row.Live, row.Customer)
	}
	if c.settings.ShowFirstDigits {
		view.FirstDigits = profile.FirstDigits
	}
	if c.settings.HideFingerprint && c.Kind == policy.Public {
		view.Fingerprint = nil
	}
	return view
}
