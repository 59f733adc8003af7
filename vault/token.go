package vault

import (
	"context"
	"errors"
	"time"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/envelope"
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
	Live        bool
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
	resource := policy.Resource{Merchant: c.Merchant, Live: c.Live}
	if err := s.authorize(c, policy.ReadToken, resource); err != nil {
		return Token{}, err
	}
	record, _, ok := recordOf(tokenPrefix, id)
	if !ok {
		return Token{}, notFound("token", id)
	}
	row, err := s.readCard(ctx, c, record)
	if err != nil {
		return Token{}, err
	}
	if row == nil || publicID(tokenPrefix, row.Live, row.ID) != id || s.lapsed(row) {
		return Token{}, notFound("token", id)
	}
	profile, err := s.openProfile(row)
	if err != nil {
		return Token{}, s.tampered(ctx, c, publicID(cardPrefix, row.Live, row.ID), "card")
	}
	return s.tokenView(c, row, profile), nil
}

// readCard reads a row and proves that it was not edited, before anything of
// it is believed. It returns nil for a row that is absent or not the caller's.
func (s *Service) readCard(ctx context.Context, c Caller, record string) (*store.Card, error) {
	var row store.Card
	err := s.store.View(ctx, func(r store.Reader) (err error) {
		row, err = r.Card(ctx, record)
		return err
	})
	absent := errors.Is(err, store.ErrNotFound)
	if err != nil && !absent {
		return nil, s.fail(err)
	}
	// An absent row is checked like a present one, so that the time of the
	// answer does not tell the two apart.
	tampered := s.keyring.Check(envelope.ModeOf(row.Live), cardRow(&row), row.Tag) != nil
	if absent {
		return nil, nil
	}
	if tampered || row.ID != record {
		return nil, s.tampered(ctx, c, publicID(cardPrefix, row.Live, record), "card")
	}
	if row.Merchant != c.Merchant || row.Live != c.Live {
		return nil, nil
	}
	return &row, nil
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

func (s *Service) cardView(c Caller, row *store.Card, profile card.Profile) Card {
	view := Card{
		ID: publicID(cardPrefix, row.Live, row.ID), Live: row.Live, Profile: profile,
		Brand: row.Brand, LastDigits: row.LastDigits, Fingerprint: row.Fingerprint,
		Expiry:    card.Expiry{Month: row.ExpiryMonth, Year: row.ExpiryYear},
		CreatedAt: timeOf(row.CreatedAt),
	}
	if c.settings.ShowFirstDigits {
		view.FirstDigits = profile.FirstDigits
	}
	if c.settings.HideFingerprint && c.Kind == policy.Public {
		view.Fingerprint = nil
	}
	return view
}
