package vault

import (
	"context"
	"time"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/envelope"
)

// TokenizeRequest is a card to vault.
type TokenizeRequest struct {
	Card       card.Input // aliases the request's buffer, which the caller wipes
	Separators bool       // strip spaces and hyphens from the number instead of refusing them
}

// Tokenize checks a card, seals it under a data key of its own and returns the
// single-use token. This is the only way a PAN enters. When it returns without
// an error the token is durable. The security code is held in memory until the
// token's first use: it reaches no store.
//
// Errors: Unauthenticated, InvalidCard, RateLimited, Unavailable, Internal.
func (s *Service) Tokenize(ctx context.Context, c Caller, in TokenizeRequest) (Token, error) {
	if err := s.authorizeOwn(c, policy.CreateToken); err != nil {
		return Token{}, err
	}
	return s.tokenize(ctx, c, in)
}

// tokenize is Tokenize without the question whether c may.
func (s *Service) tokenize(ctx context.Context, c Caller, in TokenizeRequest) (Token, error) {
	if err := s.throttle(c); err != nil {
		return Token{}, err
	}
	now := s.now()
	checked, problems := card.Parse(in.Card, card.Rules{
		Now: now, Brands: s.opts.Brands, Separators: in.Separators,
		AllowExpired: s.opts.AllowExpired && !c.Live,
	})
	if len(problems) > 0 {
		return Token{}, &Error{Code: InvalidCard, Message: problems.Message(), Problems: problems}
	}
	defer checked.Wipe()

	pool, ok := s.pools[c.Mode()]
	if !ok {
		return Token{}, badRequest("this server takes no card numbers; make a token first")
	}
	key, err := pool.Take(ctx)
	if err != nil {
		return Token{}, s.fail(err)
	}
	defer key.Wipe()
	row, profile, err := s.seal(c, &checked, key, now)
	if err != nil {
		return Token{}, s.fail(err)
	}
	if err := s.insert(ctx, c, &checked, row); err != nil {
		return Token{}, err
	}
	s.codes.hold(row.ID, checked.SecurityCode, row.Live, row.Merchant, now.Add(s.tokenTTL(c)))
	s.metrics.tokens.WithLabelValues(string(c.Mode()), row.Brand).Inc()
	return s.tokenView(c, row, profile), nil
}

// throttle spends one token creation of the key and of the address.
func (s *Service) throttle(c Caller) error {
	wait := s.perKey.Take(c.Key)
	if wait == 0 && c.Origin.IP != "" {
		wait = s.perAddr.Take(network(c.Origin.IP))
	}
	if wait == 0 {
		return nil
	}
	return &Error{Code: RateLimited, Message: "too many requests", RetryAfter: wait}
}

// seal makes the card's row: number under its data key, profile under the
// mode's profile key. The row still lacks its fingerprint and tag.
func (s *Service) seal(c Caller, in *card.Card, key *envelope.DataKey, now time.Time) (*store.Card, card.Profile, error) {
	row := &store.Card{
		ID: key.Record, Merchant: c.Merchant, Live: c.Live,
		CreatedAt: now.UnixMicro(), ExpiresAt: now.Add(s.tokenTTL(c)).UnixMicro(),
		Brand: in.Brand.String(), LastDigits: in.PAN.Last4(),
		ExpiryMonth: in.Expiry.Month, ExpiryYear: in.Expiry.Year,
		ChargeStatus: chargeUnknown,
		KEKVersion:   key.KEKVersion, DEKGeneration: 1, WrappedDEK: key.Wrapped,
	}
	padded := in.PAN.AppendPadded(make([]byte, 0, card.PaddedLen))
	defer clear(padded)
	var err error
	row.SealedPAN, err = envelope.Seal(s.random, key.Key(), cardBinding(row, envelope.FieldPAN, row.DEKGeneration), padded)
	if err != nil {
		return nil, card.Profile{}, err
	}
	profile := card.Profile{Holder: in.Holder, FirstDigits: in.PAN.FirstDigits()}
	in.PAN.Use(func(digits []byte) { profile.Issuer, _ = s.opts.Issuers.Lookup(digits) })
	return row, profile, s.sealProfile(row, profile)
}

// insert gives the row its fingerprint and tag and writes it with its audit
// record.
func (s *Service) insert(ctx context.Context, c Caller, in *card.Card, row *store.Card) error {
	var macs []envelope.Fingerprint
	var err error
	in.PAN.Use(func(digits []byte) { macs, err = s.keyring.Fingerprints(c.Mode(), c.Merchant, digits) })
	if err != nil {
		return s.fail(err)
	}
	candidate, err := s.drawSurrogate()
	if err != nil {
		return s.fail(err)
	}
	event := c.event(audit.TokenCreate, audit.OK, publicID(tokenPrefix, c.Live, row.ID))
	event.Details = map[string]string{"brand": row.Brand}
	err = s.store.Update(ctx, func(tx store.Tx) (err error) {
		if err := s.fingerprint(ctx, tx, c, row, macs, candidate); err != nil {
			return err
		}
		if row.Tag, err = s.keyring.Tag(c.Mode(), cardRow(row)); err != nil {
			return err
		}
		if err := tx.InsertCard(ctx, row); err != nil {
			return err
		}
		return s.append(ctx, tx, event)
	})
	return s.settle(ctx, c, err)
}

func (s *Service) tokenTTL(c Caller) time.Duration {
	if ttl := c.settings.TokenTTL; ttl > 0 {
		return time.Duration(ttl) * time.Microsecond
	}
	return s.opts.TokenTTL
}
