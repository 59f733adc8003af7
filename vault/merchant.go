package vault

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/envelope"
)

// MerchantSettings is what an operator chooses for a merchant.
type MerchantSettings struct {
	Name            string        // 1..255 runes, no control characters
	ShowFirstDigits bool          // answer with the first six digits of a card
	HideFingerprint bool          // answer public keys with an empty fingerprint
	PaymentMID      string        // the merchant_id that PaymentOptions requests must name, up to 255 characters; "" for any
	TokenTTL        time.Duration // life of an unused token, 1 minute..24 h; 0 takes the server's default
}

// Merchant is a tenant as operators see it.
type Merchant struct {
	MerchantSettings
	ID         string
	CreatedAt  time.Time
	DisabledAt time.Time // zero while enabled
	Tampered   bool      // the row was edited: its keys are refused, and only ID is told
}

// CreateMerchant adds a merchant. Errors: Unauthenticated, BadRequest.
func (s *Service) CreateMerchant(ctx context.Context, c Caller, settings MerchantSettings) (Merchant, error) {
	if err := s.authorize(c, policy.ManageMerchant, policy.Resource{}); err != nil {
		return Merchant{}, err
	}
	if err := settings.validate(); err != nil {
		return Merchant{}, err
	}
	suffix, err := store.NewID(s.now(), s.random)
	if err != nil {
		return Merchant{}, s.fail(err)
	}
	row := store.Merchant{
		ID: merchantPrefix + suffix, Name: settings.Name, CreatedAt: s.now().UnixMicro(),
		ShowFirstDigits: settings.ShowFirstDigits, HideFingerprint: settings.HideFingerprint,
		TokenTTL: settings.TokenTTL.Microseconds(), PaymentMID: settings.PaymentMID,
	}
	if row.Tag, err = s.keyring.Tag(envelope.ModeAll, merchantRow(&row)); err != nil {
		return Merchant{}, s.fail(err)
	}
	err = s.store.Update(ctx, func(tx store.Tx) error {
		if err := tx.InsertMerchant(ctx, &row); err != nil {
			return err
		}
		return s.append(ctx, tx, c.event(audit.MerchantCreate, audit.OK, row.ID))
	})
	if err != nil {
		return Merchant{}, s.fail(err)
	}
	return merchantView(&row), nil
}

// Merchants lists all merchants, oldest first; edited rows as APIKeys does.
// Errors: Unauthenticated.
func (s *Service) Merchants(ctx context.Context, c Caller) ([]Merchant, error) {
	if err := s.authorize(c, policy.ReadOperations, policy.Resource{}); err != nil {
		return nil, err
	}
	var rows []store.Merchant
	err := s.store.View(ctx, func(r store.Reader) (err error) {
		rows, err = r.Merchants(ctx)
		return err
	})
	if err != nil {
		return nil, s.fail(err)
	}
	out := make([]Merchant, len(rows))
	for i := range rows {
		if s.keyring.Check(envelope.ModeAll, merchantRow(&rows[i]), rows[i].Tag) == nil {
			out[i] = merchantView(&rows[i])
			continue
		}
		if err := s.recordTampering(ctx, c, rows[i].ID, "merchant"); err != nil {
			return nil, err
		}
		out[i] = Merchant{ID: plainID(rows[i].ID), Tampered: true}
	}
	return out, nil
}

// Merchant returns one merchant. Errors: Unauthenticated, NotFound.
func (s *Service) Merchant(ctx context.Context, c Caller, id string) (Merchant, error) {
	if err := s.authorize(c, policy.ReadOperations, policy.Resource{}); err != nil {
		return Merchant{}, err
	}
	var row store.Merchant
	err := s.store.View(ctx, func(r store.Reader) (err error) {
		row, err = r.Merchant(ctx, id)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return Merchant{}, notFound("merchant", id)
	}
	if err != nil {
		return Merchant{}, s.fail(err)
	}
	if err := s.checkMerchant(ctx, c, &row); err != nil {
		return Merchant{}, err
	}
	return merchantView(&row), nil
}

// SetMerchantDisabled stops or resumes every key of a merchant; at once, on
// every node. Doing it twice changes nothing. Errors: Unauthenticated, NotFound.
func (s *Service) SetMerchantDisabled(ctx context.Context, c Caller, id string, disabled bool) (Merchant, error) {
	if err := s.authorize(c, policy.ManageMerchant, policy.Resource{}); err != nil {
		return Merchant{}, err
	}
	var row store.Merchant
	err := s.store.Update(ctx, func(tx store.Tx) (err error) {
		if row, err = tx.Merchant(ctx, id); err != nil {
			return err
		}
		if err := s.keyring.Check(envelope.ModeAll, merchantRow(&row), row.Tag); err != nil {
			return err
		}
		if disabled == (row.DisabledAt != 0) {
			return nil
		}
		kind := audit.MerchantEnable
		row.DisabledAt = 0
		if disabled {
			kind, row.DisabledAt = audit.MerchantDisable, s.now().UnixMicro()
		}
		if row.Tag, err = s.keyring.Tag(envelope.ModeAll, merchantRow(&row)); err != nil {
			return err
		}
		if err := tx.UpdateMerchant(ctx, &row); err != nil {
			return err
		}
		return s.append(ctx, tx, c.event(kind, audit.OK, id))
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return Merchant{}, notFound("merchant", id)
	case errors.Is(err, envelope.ErrTampered):
		return Merchant{}, s.tampered(ctx, c, id, "merchant")
	case err != nil:
		return Merchant{}, s.fail(err)
	}
	return merchantView(&row), nil
}

func (s *Service) checkMerchant(ctx context.Context, c Caller, row *store.Merchant) error {
	if s.keyring.Check(envelope.ModeAll, merchantRow(row), row.Tag) != nil {
		return s.tampered(ctx, c, row.ID, "merchant")
	}
	return nil
}

func (m MerchantSettings) validate() error {
	if err := validLabel("name", m.Name); err != nil {
		return err
	}
	if m.PaymentMID != "" {
		if err := validLabel("payment mid", m.PaymentMID); err != nil {
			return err
		}
	}
	if m.TokenTTL != 0 && (m.TokenTTL < time.Minute || m.TokenTTL > 24*time.Hour) {
		return badRequest("token ttl must be between 1m and 24h, or 0 for the server's default")
	}
	return nil
}

// validLabel checks a text that operators give and see again.
func validLabel(what, s string) error {
	if s == "" || !utf8.ValidString(s) || utf8.RuneCountInString(s) > 255 || strings.ContainsFunc(s, unicode.IsControl) {
		return badRequest(what + " must be 1 to 255 characters without control characters")
	}
	if card.ContainsPAN([]byte(s)) {
		return badRequest(what + " must not contain a card number")
	}
	return nil
}

func merchantView(m *store.Merchant) Merchant {
	return Merchant{
		MerchantSettings: MerchantSettings{
			Name: m.Name, ShowFirstDigits: m.ShowFirstDigits, HideFingerprint: m.HideFingerprint,
			TokenTTL: time.Duration(m.TokenTTL) * time.Microsecond, PaymentMID: m.PaymentMID,
		},
		ID: m.ID, CreatedAt: timeOf(m.CreatedAt), DisabledAt: timeOf(m.DisabledAt),
	}
}

// timeOf reads a stored time; 0 is the zero time.
func timeOf(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}
