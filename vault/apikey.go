package vault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/envelope"
)

// APISecret is the secret of an API key, shown once when it is made. Every
// printing method redacts it; Reveal is the only way to it. It is held by a
// closure, which reflection cannot look into: fmt ignores the methods of a
// value in an unexported field.
type APISecret struct{ text func() string }

// NewAPISecret wraps a secret.
func NewAPISecret(text string) APISecret { return APISecret{func() string { return text }} }

// Reveal returns the secret, "" if there is none.
func (a APISecret) Reveal() string {
	if a.text == nil {
		return ""
	}
	return a.text()
}

const redactedSecret = "[API key]"

// String redacts.
func (a APISecret) String() string { return redactedSecret }

// GoString redacts.
func (a APISecret) GoString() string { return redactedSecret }

// Format redacts for every verb.
func (a APISecret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redactedSecret) }

// MarshalJSON redacts.
func (a APISecret) MarshalJSON() ([]byte, error) { return []byte(`"` + redactedSecret + `"`), nil }

// MarshalText redacts.
func (a APISecret) MarshalText() ([]byte, error) { return []byte(redactedSecret), nil }

// LogValue redacts.
func (a APISecret) LogValue() slog.Value { return slog.StringValue(redactedSecret) }

// APIKey is a credential as operators see it: never its secret.
type APIKey struct {
	ID        string
	Kind      policy.Kind
	Merchant  string // "" for operators
	Live      bool
	Label     string
	Hint      string // last four characters of the secret
	CreatedAt time.Time
	LastUsed  time.Time // to the minute; zero if never
	RevokedAt time.Time // zero while valid
	Tampered  bool      // the row was edited: the key is refused, and only ID is told
}

// NewAPIKey is what an operator chooses for a key.
type NewAPIKey struct {
	Merchant string // mrch_ id; "" for kind operator
	Kind     policy.Kind
	Live     bool
	Label    string // optional for merchants' keys; the name of an operator
}

// CreateAPIKey makes a key and returns its secret, which is stored as a keyed
// hash only and cannot be shown again. Errors: Unauthenticated, BadRequest,
// NotFound.
func (s *Service) CreateAPIKey(ctx context.Context, c Caller, in NewAPIKey) (APIKey, APISecret, error) {
	if err := s.authorize(c, policy.ManageAPIKey, policy.Resource{Merchant: in.Merchant, Live: in.Live}); err != nil {
		return APIKey{}, APISecret{}, err
	}
	return s.createAPIKey(ctx, c, in)
}

// createAPIKey is CreateAPIKey without the question whether c may: the first
// operator is made before there is anyone to ask.
func (s *Service) createAPIKey(ctx context.Context, c Caller, in NewAPIKey) (APIKey, APISecret, error) {
	if err := in.validate(); err != nil {
		return APIKey{}, APISecret{}, err
	}
	row, secret, err := s.drawAPIKey(in)
	if err != nil {
		return APIKey{}, APISecret{}, s.fail(err)
	}
	err = s.store.Update(ctx, func(tx store.Tx) error {
		kind := audit.OperatorCreate
		if in.Kind != policy.Operator {
			kind = audit.APIKeyCreate
			if _, err := tx.Merchant(ctx, in.Merchant); err != nil {
				return err
			}
		}
		if err := tx.InsertAPIKey(ctx, &row); err != nil {
			return err
		}
		e := c.event(kind, audit.OK, row.ID)
		e.Merchant = in.Merchant
		e.Details = map[string]string{"kind": row.Kind, "label": row.Label}
		return s.append(ctx, tx, e)
	})
	if errors.Is(err, store.ErrNotFound) {
		return APIKey{}, APISecret{}, notFound("merchant", in.Merchant)
	}
	if err != nil {
		return APIKey{}, APISecret{}, s.fail(err)
	}
	return apiKeyView(&row), secret, nil
}

func (s *Service) drawAPIKey(in NewAPIKey) (store.APIKey, APISecret, error) {
	random := make([]byte, secretLength)
	if err := store.RandomText(random, s.random); err != nil {
		return store.APIKey{}, APISecret{}, err
	}
	secret := secretPrefix(in.Kind)
	if !in.Live && in.Kind != policy.Operator {
		secret += "test_"
	}
	secret += string(random)
	hashes, err := s.keyring.APIKeyHashes([]byte(secret))
	if err != nil {
		return store.APIKey{}, APISecret{}, err
	}
	id, err := store.NewID(s.now(), s.random)
	if err != nil {
		return store.APIKey{}, APISecret{}, err
	}
	row := store.APIKey{
		ID: apiKeyPrefix + id, Hash: hashes[0], Merchant: in.Merchant, Kind: string(in.Kind), Live: in.Live,
		Label: in.Label, Hint: secret[len(secret)-4:], CreatedAt: s.now().UnixMicro(),
	}
	if row.Tag, err = s.keyring.Tag(envelope.ModeAll, apiKeyRow(&row)); err != nil {
		return store.APIKey{}, APISecret{}, err
	}
	return row, NewAPISecret(secret), nil
}

// APIKeys lists the keys of a merchant, or of the operators for "", oldest
// first. A key whose row was edited is listed as such, recorded and counted:
// the list must stay readable when it is needed most. Errors: Unauthenticated.
func (s *Service) APIKeys(ctx context.Context, c Caller, merchant string) ([]APIKey, error) {
	if err := s.authorize(c, policy.ReadOperations, policy.Resource{Merchant: merchant}); err != nil {
		return nil, err
	}
	var rows []store.APIKey
	err := s.store.View(ctx, func(r store.Reader) (err error) {
		rows, err = r.APIKeys(ctx, merchant)
		return err
	})
	if err != nil {
		return nil, s.fail(err)
	}
	out := make([]APIKey, len(rows))
	for i := range rows {
		if s.keyring.Check(envelope.ModeAll, apiKeyRow(&rows[i]), rows[i].Tag) == nil {
			out[i] = apiKeyView(&rows[i])
			continue
		}
		if err := s.recordTampering(ctx, c, rows[i].ID, "api key"); err != nil {
			return nil, err
		}
		out[i] = APIKey{ID: plainID(rows[i].ID), Tampered: true}
	}
	return out, nil
}

// RevokeAPIKey ends a key at once, on every node. Revoking twice changes
// nothing. Errors: Unauthenticated, NotFound, Conflict for the last operator.
func (s *Service) RevokeAPIKey(ctx context.Context, c Caller, id string) (APIKey, error) {
	if err := s.authorize(c, policy.ManageAPIKey, policy.Resource{}); err != nil {
		return APIKey{}, err
	}
	var row store.APIKey
	err := s.store.Update(ctx, func(tx store.Tx) (err error) {
		if row, err = tx.APIKey(ctx, id); err != nil {
			return err
		}
		if err := s.keyring.Check(envelope.ModeAll, apiKeyRow(&row), row.Tag); err != nil {
			return err
		}
		if row.RevokedAt != 0 {
			return nil
		}
		if err := s.keepOneOperator(ctx, tx, &row); err != nil {
			return err
		}
		row.RevokedAt = s.now().UnixMicro()
		if row.Tag, err = s.keyring.Tag(envelope.ModeAll, apiKeyRow(&row)); err != nil {
			return err
		}
		if err := tx.UpdateAPIKey(ctx, &row); err != nil {
			return err
		}
		e := c.event(audit.APIKeyRevoke, audit.OK, id)
		e.Merchant = row.Merchant
		e.Details = map[string]string{"kind": row.Kind}
		return s.append(ctx, tx, e)
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return APIKey{}, notFound("key", id)
	case errors.Is(err, envelope.ErrTampered):
		if err := s.recordTampering(ctx, c, id, "api key"); err != nil {
			return APIKey{}, err
		}
		return APIKey{}, &Error{Code: Conflict, Message: "the key's row was edited: it is refused already and cannot be revoked; see deploy/runbooks/tampered.md"}
	case err != nil:
		return APIKey{}, s.fail(err)
	}
	return apiKeyView(&row), nil
}

// keepOneOperator refuses to revoke the last valid operator key: nobody could
// make another.
func (s *Service) keepOneOperator(ctx context.Context, tx store.Tx, row *store.APIKey) error {
	if row.Kind != string(policy.Operator) {
		return nil
	}
	rows, err := tx.APIKeys(ctx, "")
	if err != nil {
		return err
	}
	for _, other := range rows {
		genuine := s.keyring.Check(envelope.ModeAll, apiKeyRow(&other), other.Tag) == nil
		if genuine && other.ID != row.ID && other.RevokedAt == 0 {
			return nil
		}
	}
	return &Error{Code: Conflict, Message: "this is the last operator key; create another first"}
}

func (in NewAPIKey) validate() error {
	switch in.Kind {
	case policy.Operator:
		if in.Merchant != "" {
			return badRequest("an operator key belongs to no merchant")
		}
		return validLabel("operator name", in.Label)
	case policy.Public, policy.Secret, policy.Reveal:
		if in.Label != "" {
			return validLabel("label", in.Label)
		}
		return nil
	default:
		return badRequest("kind must be public, secret, reveal or operator")
	}
}

func secretPrefix(kind policy.Kind) string {
	switch kind {
	case policy.Public:
		return secretPublic
	case policy.Secret:
		return secretSecret
	case policy.Reveal:
		return secretReveal
	default:
		return secretOperator
	}
}

func apiKeyView(k *store.APIKey) APIKey {
	return APIKey{
		ID: k.ID, Kind: policy.Kind(k.Kind), Merchant: k.Merchant, Live: k.Live, Label: k.Label, Hint: k.Hint,
		CreatedAt: timeOf(k.CreatedAt), LastUsed: timeOf(k.LastUsed), RevokedAt: timeOf(k.RevokedAt),
	}
}
