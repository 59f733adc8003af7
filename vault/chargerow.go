package vault

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/envelope"
)

// chargeProfile is what is sealed of a charge.
type chargeProfile struct {
	Description string          `json:"d,omitempty"`
	Metadata    json.RawMessage `json:"m"`
	ReturnURI   string          `json:"r,omitempty"`
	IP          string          `json:"i,omitempty"`
	Message     string          `json:"f,omitempty"` // the processor's, of a failure
}

// change applies what a request gives, as customerProfile does.
func (p chargeProfile) change(description, metadata []byte) (chargeProfile, error) {
	same, err := customerProfile{Description: p.Description, Metadata: p.Metadata}.change(CustomerFields{Description: description, Metadata: metadata})
	p.Description, p.Metadata = same.Description, same.Metadata
	return p, err
}

// origin takes over the texts that never change.
func (p *chargeProfile) origin(in ChargeRequest) error {
	for _, f := range [...]struct {
		name string
		in   []byte
		out  *string
	}{{"return_uri", in.ReturnURI, &p.ReturnURI}, {"ip", in.IP, &p.IP}} {
		if len(f.in) == 0 {
			continue
		}
		text, ok := card.ParseText(f.in)
		if !ok {
			return badRequest(f.name + " is invalid")
		}
		*f.out = text
	}
	return nil
}

// leastAmount is the least charge in a currency's smallest unit, 0 for one that
// is not supported.
func leastAmount(currency string) int64 {
	switch currency {
	case "thb":
		return 2000
	case "jpy":
		return 100
	case "usd", "eur", "gbp", "sgd", "myr", "aud", "cad", "chf", "cny", "dkk", "hkd", "idr", "inr", "krw", "nzd", "php", "sek", "twd", "vnd":
		return 1
	}
	return 0
}

const (
	// MaxAmount is the largest amount of a charge.
	MaxAmount = 999_999_999_999
	// NoAmount stands for an amount that is no number. A charge of it is refused.
	NoAmount = math.MinInt64
)

// checkAmount speaks as the API does (contract 6).
func checkAmount(amount int64, currency string) error {
	var sentences []string
	least := leastAmount(strings.ToLower(currency))
	if least == 0 {
		sentences = append(sentences, "currency is currently not supported")
	}
	switch {
	case amount == NoAmount:
		sentences = append(sentences, "amount is not a number")
	case amount > MaxAmount:
		sentences = append(sentences, "amount is too large")
	case least > 0 && amount < least:
		sentences = append(sentences, "amount must be greater than or equal to "+strconv.FormatInt(least, 10)+" ("+strings.ToLower(currency)+" subunits)")
	case amount < 1:
		sentences = append(sentences, "amount must be greater than or equal to 1")
	}
	if len(sentences) == 0 {
		return nil
	}
	return &Error{Code: InvalidCharge, Message: strings.Join(sentences, " and ")}
}

// number is an integer as templates take numbers.
func number(n int64) json.Number { return json.Number(strconv.FormatInt(n, 10)) }

// decoded is a JSON object as templates take them; empty if it is none.
func decoded(text []byte) map[string]any {
	out := map[string]any{}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if d.Decode(&out) != nil || out == nil {
		return map[string]any{}
	}
	return out
}

func (s *Service) insertCharge(ctx context.Context, tx store.Tx, c Caller, row *store.Charge) (err error) {
	if row.Tag, err = s.keyring.Tag(c.Mode(), chargeRow(row)); err != nil {
		return err
	}
	if err := tx.InsertCharge(ctx, row); err != nil {
		return err
	}
	e := c.event(audit.ChargeCreate, audit.OK, publicID(chargePrefix, row.Live, row.ID))
	e.Details = map[string]string{"card": publicID(cardPrefix, row.Live, row.Card)}
	return s.append(ctx, tx, e)
}

func (s *Service) replaceCharge(ctx context.Context, tx store.Tx, row *store.Charge, was []byte) (err error) {
	if row.Tag, err = s.keyring.Tag(envelope.ModeOf(row.Live), chargeRow(row)); err != nil {
		return err
	}
	return tx.UpdateCharge(ctx, row, was)
}

// ownCharge reads a charge of the caller's and proves it.
func (s *Service) ownCharge(ctx context.Context, r store.Reader, c Caller, id string) (*store.Charge, chargeProfile, error) {
	record, _, ok := recordOf(chargePrefix, id)
	if !ok {
		return nil, chargeProfile{}, notFound("charge", id)
	}
	row, err := r.Charge(ctx, record)
	absent := errors.Is(err, store.ErrNotFound)
	if err != nil && !absent {
		return nil, chargeProfile{}, err
	}
	edited := s.proveCharge(&row, record) // an absent row too; see checkedCard
	if absent || edited == nil && (row.Merchant != c.Merchant || row.Live != c.Live || publicID(chargePrefix, row.Live, row.ID) != id) {
		return nil, chargeProfile{}, notFound("charge", id)
	}
	if edited != nil {
		return nil, chargeProfile{}, edited
	}
	profile, err := s.openCharge(c, &row)
	return &row, profile, err
}

// proveCharge refuses a row that was edited or stands in another's place.
func (s *Service) proveCharge(row *store.Charge, id string) error {
	if row.ID != id || s.keyring.Check(envelope.ModeOf(row.Live), chargeRow(row), row.Tag) != nil {
		return &tamperedRow{publicID(chargePrefix, row.Live, id), "charge"}
	}
	return nil
}

// chargeOf is the view of a charge that the ledger names.
func (s *Service) chargeOf(ctx context.Context, r store.Reader, c Caller, record string) (Charge, error) {
	row, profile, err := s.ownCharge(ctx, r, c, publicID(chargePrefix, c.Live, record))
	if err != nil {
		return Charge{}, err
	}
	return s.chargeView(ctx, r, c, row, profile)
}

// sealCharge seals a charge's texts as sealProfile does a card's.
func (s *Service) sealCharge(row *store.Charge, profile chargeProfile) error {
	version, key, err := s.keyring.Active(envelope.PurposeProfile, envelope.ModeOf(row.Live))
	if err != nil {
		return err
	}
	plain, err := plainJSON(profile)
	if err != nil {
		return badRequest("metadata is invalid")
	}
	for len(plain)%64 != 0 {
		plain = append(plain, ' ')
	}
	defer clear(plain)
	row.Sealed, err = envelope.Seal(s.random, key, chargeBinding(row, version), plain)
	return err
}

// openCharge opens what sealCharge sealed, of a row that is proven here.
func (s *Service) openCharge(c Caller, row *store.Charge) (chargeProfile, error) {
	edited := &tamperedRow{publicID(chargePrefix, row.Live, row.ID), "charge"}
	if s.proveCharge(row, row.ID) != nil || row.Merchant != c.Merchant || row.Live != c.Live {
		return chargeProfile{}, edited
	}
	plain, err := s.openWithProfileKey(row.Live, row.Sealed, func(version uint32) envelope.Binding {
		return chargeBinding(row, version)
	})
	if err != nil {
		return chargeProfile{}, edited
	}
	defer clear(plain)
	var profile chargeProfile
	if err := json.Unmarshal(plain, &profile); err != nil {
		return chargeProfile{}, edited
	}
	return profile, nil
}

func chargeBinding(row *store.Charge, version uint32) envelope.Binding {
	return envelope.Binding{
		Mode: envelope.ModeOf(row.Live), Merchant: row.Merchant, Record: row.ID,
		Field: envelope.FieldCharge, Generation: version,
	}
}
