package vault

import (
	"context"
	"crypto/subtle"
	"errors"
	"strings"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/envelope"
)

// Authenticate turns an API key's secret into its Caller. Whatever is wrong
// with the key (absent, unknown, revoked, its merchant disabled) the answer is
// the same Unauthenticated, and the attempt is counted into the audit log.
func (s *Service) Authenticate(ctx context.Context, secret string, origin audit.Origin) (Caller, error) {
	if !validSecret(secret) {
		return Caller{}, s.unauthenticated(origin, "malformed")
	}
	hashes, err := s.keyring.APIKeyHashes([]byte(secret))
	if err != nil {
		return Caller{}, s.fail(err)
	}
	var key store.APIKey
	var merchant store.Merchant
	err = s.store.View(ctx, func(r store.Reader) error {
		if key, err = apiKeyByHash(ctx, r, hashes); err != nil || key.Merchant == "" {
			return err
		}
		merchant, err = r.Merchant(ctx, key.Merchant)
		return err
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return Caller{}, s.unauthenticated(origin, "unknown")
	case err != nil:
		return Caller{}, s.fail(err)
	}
	caller := Caller{
		Key: key.ID, Kind: policy.Kind(key.Kind), Merchant: key.Merchant, Live: key.Live,
		Label: key.Label, Origin: origin, settings: merchant,
	}
	if err := s.checkCredential(ctx, caller, &key, &merchant); err != nil {
		return Caller{}, err
	}
	s.usage.touch(key.ID, s.now())
	return caller, nil
}

// checkCredential verifies that neither row was edited and both are in force.
func (s *Service) checkCredential(ctx context.Context, c Caller, key *store.APIKey, merchant *store.Merchant) error {
	// What an edited row says of its caller is not believed, nor recorded.
	stranger := Caller{Kind: "unknown", Origin: c.Origin}
	if err := s.keyring.Check(envelope.ModeAll, apiKeyRow(key), key.Tag); err != nil {
		return s.tampered(ctx, stranger, key.ID, "api key")
	}
	if key.RevokedAt != 0 {
		return s.unauthenticated(c.Origin, "revoked")
	}
	if key.Merchant == "" {
		return nil
	}
	if err := s.keyring.Check(envelope.ModeAll, merchantRow(merchant), merchant.Tag); err != nil {
		return s.tampered(ctx, stranger, merchant.ID, "merchant")
	}
	if merchant.DisabledAt != 0 {
		return s.unauthenticated(c.Origin, "merchant disabled")
	}
	return nil
}

// apiKeyByHash looks a key up under every live version of the pepper.
func apiKeyByHash(ctx context.Context, r store.Reader, hashes [][]byte) (store.APIKey, error) {
	for _, hash := range hashes {
		key, err := r.APIKeyByHash(ctx, hash)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err == nil && subtle.ConstantTimeCompare(key.Hash, hash) != 1 {
			err = store.ErrNotFound
		}
		return key, err
	}
	return store.APIKey{}, store.ErrNotFound
}

func (s *Service) unauthenticated(origin audit.Origin, reason string) error {
	s.denials.add(audit.Event{
		Type: audit.AuthDenied, Outcome: audit.Denied, Origin: origin,
		Actor: audit.Actor{Kind: "unknown"}, Details: map[string]string{"reason": reason},
	})
	return &Error{Code: Unauthenticated, Message: "authentication failed"}
}

// Authorize reports whether the caller may do a on what is its own:
// Unauthenticated if not. The verbs ask again; this is for refusing a request
// before its parameters are read.
func (s *Service) Authorize(c Caller, a policy.Action) error { return s.authorizeOwn(c, a) }

func (s *Service) authorizeOwn(c Caller, a policy.Action) error {
	return s.authorize(c, a, policy.Resource{Merchant: c.Merchant, Live: c.Live})
}

// authorize asks the policies. A refusal looks like a wrong key: a caller
// learns nothing about what other keys may do.
func (s *Service) authorize(c Caller, action policy.Action, r policy.Resource) error {
	if s.policies.Allows(c.principal(), action, r) {
		return nil
	}
	e := c.event(audit.ActionDenied, audit.Denied, "")
	e.Details = map[string]string{"action": string(action)}
	s.denials.add(e)
	return &Error{Code: Unauthenticated, Message: "authentication failed"}
}

// Key secrets: kind prefix, "test_" in test mode (live keys of other spelling,
// "live_", are read too), 19 or more of [0-9a-z].
const (
	secretPublic   = "pkey_"
	secretSecret   = "skey_"
	secretReveal   = "rkey_"
	secretOperator = "okey_"
	secretLength   = 19
	maxSecret      = 64
)

// validSecret reports whether a credential has the shape of a key, so that
// garbage costs no look-up.
func validSecret(secret string) bool {
	if len(secret) > maxSecret {
		return false
	}
	for _, prefix := range []string{secretPublic, secretSecret, secretReveal, secretOperator} {
		if rest, ok := strings.CutPrefix(secret, prefix); ok {
			return len(rest) >= secretLength && strings.Trim(rest, "0123456789abcdefghijklmnopqrstuvwxyz_") == ""
		}
	}
	return false
}
