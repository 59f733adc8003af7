package vault_test

import (
	"context"
	"slices"
	"testing"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/audit"
)

func (s *till) verify(t *testing.T, opts vault.VerifyOptions) vault.VerifyResult {
	t.Helper()
	r, err := s.VerifyKeys(t.Context(), s.Operator, opts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestVerifyOpensASample(t *testing.T) {
	s := newTillWith(t, nil)
	for range 7 {
		s.stored(t)
	}
	total := 0
	for _, tt := range []struct {
		opts   vault.VerifyOptions
		opened int
		most   int // openings of one card on record, with those before
	}{
		{vault.VerifyOptions{}, 0, 0},
		{vault.VerifyOptions{Sample: 3}, 3, 1},
		{vault.VerifyOptions{Sample: 100}, 7, 2},
		{vault.VerifyOptions{All: true}, 7, 3},
	} {
		r := s.verify(t, tt.opts)
		if r.Checked != 7 || r.Opened != tt.opened || r.Damaged() != 0 {
			t.Errorf("%+v: %+v, want %d opened", tt.opts, r, tt.opened)
		}
		total += tt.opened
		opened := make(map[string]int)
		for _, e := range events(t, s.Store, audit.CardVerify) {
			opened[e.Object]++
		}
		sum := 0
		for card, n := range opened {
			if sum += n; n > tt.most {
				t.Errorf("%+v: audit has %d openings of %s", tt.opts, n, card)
			}
		}
		if sum != total {
			t.Errorf("%+v: audit has %d openings, want %d", tt.opts, sum, total)
		}
	}
}

// TestVerifyFindsDamage: each kind of damage is found without opening, named,
// and recorded; the other cards open.
func TestVerifyFindsDamage(t *testing.T) {
	const restored = "DELETE FROM cards WHERE id IN (SELECT id FROM saved); INSERT INTO cards SELECT * FROM saved"
	for name, tt := range map[string]struct {
		edit       string // of the card ?1, with the one ?2
		tampered   int
		missing    int
		downgraded int
	}{
		"an edited row":             {"UPDATE cards SET last_digits = '0000' WHERE id = ?1 AND id <> ?2", 1, 0, 0},
		"a moved number":            {"UPDATE cards SET sealed_pan = (SELECT sealed_pan FROM cards WHERE id = ?2) WHERE id = ?1", 1, 0, 0},
		"a moved key":               {"UPDATE cards SET wrapped_dek = (SELECT wrapped_dek FROM cards WHERE id = ?2) WHERE id = ?1", 1, 0, 0},
		"a version to come, forged": {"UPDATE cards SET kek_version = 9 WHERE id = ?1 AND id <> ?2", 1, 0, 0},
		"an old row":                {restored, 0, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTillWith(t, nil)
			card, other := s.stored(t), s.stored(t)
			s.stored(t)
			db := rawDB(t, s.Vault)
			record := card[len("card_test_"):]
			if _, err := db.Exec("CREATE TABLE saved AS SELECT * FROM cards WHERE id = ?1", record); err != nil {
				t.Fatal(err)
			}
			s.rotate(t, kms.CardTest)
			if _, err := s.RewrapKey(t.Context(), s.Operator, kms.CardTest, vault.RewrapOptions{}); err != nil {
				t.Fatal(err)
			}
			if _, err := s.RetireKey(t.Context(), s.Operator, kms.CardTest, 1, "x"); err != nil {
				t.Fatal(err)
			}
			if r := s.verify(t, vault.VerifyOptions{All: true}); r.Opened != 3 || r.Damaged() != 0 {
				t.Fatalf("before: %+v", r)
			}
			var args []any
			if tt.edit != restored {
				args = []any{record, other[len("card_test_"):]}
			}
			if _, err := db.Exec(tt.edit, args...); err != nil {
				t.Fatal(err)
			}
			r := s.verify(t, vault.VerifyOptions{All: true})
			if r.Checked != 3 || r.Opened != 2 || r.Tampered.Count != tt.tampered || r.Missing.Count != tt.missing || r.Downgraded.Count != tt.downgraded {
				t.Errorf("%+v, want %+v", r, tt)
			}
			if ids := slices.Concat(r.Tampered.IDs, r.Missing.IDs, r.Downgraded.IDs); !slices.Equal(ids, []string{card}) {
				t.Errorf("found %v, want %s", ids, card)
			}
			if found := events(t, s.Store, audit.RecordTampered); len(found) != 1 || found[0].Object != card {
				t.Errorf("audit has %+v", found)
			}
		})
	}
}

// answering is a KMS that answers an unwrap by other means.
type answering struct {
	kms.KMS
	older  bool // it tells of no version but the first
	unwrap func([]kms.UnwrapResult) ([]kms.UnwrapResult, error)
}

// Unwrap changes the answer.
func (k *answering) Unwrap(ctx context.Context, key kms.Key, items []kms.UnwrapItem) ([]kms.UnwrapResult, error) {
	for _, item := range items {
		if item.Event == "" && key != kms.Work { // no card is opened without its record
			return nil, kms.ErrInvalid
		}
	}
	out, err := k.KMS.Unwrap(ctx, key, items)
	if err != nil || k.unwrap == nil {
		return out, err
	}
	return k.unwrap(out)
}

// Describe tells of the first version only, if it is to.
func (k *answering) Describe(ctx context.Context, key kms.Key) (kms.Description, error) {
	d, err := k.KMS.Describe(ctx, key)
	if k.older {
		d.Latest = 1
	}
	return d, err
}

// TestVerifyFindsMissingVersions: the KMS and the ledger were put back to before
// a rotation, the cards were not.
func TestVerifyFindsMissingVersions(t *testing.T) {
	var k *answering
	s := newTillWith(t, func(o *vault.Options) {
		k = &answering{KMS: o.KMS}
		o.KMS = struct {
			*answering
			rotator
		}{k, o.KMS.(kms.Rotator)}
	})
	card := s.stored(t)
	s.rotate(t, kms.CardTest)
	if _, err := s.RewrapKey(t.Context(), s.Operator, kms.CardTest, vault.RewrapOptions{}); err != nil {
		t.Fatal(err)
	}
	k.older = true
	if r := s.verify(t, vault.VerifyOptions{All: true}); r.Damaged() != 0 {
		t.Errorf("the ledger knows the version: %+v", r)
	}
	if _, err := rawDB(t, s.Vault).Exec("DELETE FROM key_versions WHERE version = 2"); err != nil {
		t.Fatal(err)
	}
	r := s.verify(t, vault.VerifyOptions{All: true})
	if r.Checked != 1 || r.Opened != 0 || r.Missing.Count != 1 || !slices.Equal(r.Missing.IDs, []string{card}) || r.Damaged() != 1 {
		t.Errorf("%+v", r)
	}
}

// TestVerifyOpens: what only the opening shows.
func TestVerifyOpens(t *testing.T) {
	var k *answering
	s := newTillWith(t, func(o *vault.Options) {
		k = &answering{KMS: o.KMS}
		o.KMS = k
	})
	s.stored(t)
	s.stored(t)
	first := func(err error) func([]kms.UnwrapResult) ([]kms.UnwrapResult, error) {
		return func(out []kms.UnwrapResult) ([]kms.UnwrapResult, error) {
			clear(out[0].Plaintext)
			out[0].Err = err
			return out, nil
		}
	}
	for name, tt := range map[string]struct {
		unwrap               func([]kms.UnwrapResult) ([]kms.UnwrapResult, error)
		want                 vault.Code
		tampered, downgraded int
	}{
		"another key":        {first(nil), "", 1, 0},
		"not authentic":      {first(kms.ErrTampered), "", 1, 0},
		"a retired version":  {first(kms.ErrVersionRetired), "", 0, 1},
		"not permitted":      {func([]kms.UnwrapResult) ([]kms.UnwrapResult, error) { return nil, kms.ErrDenied }, vault.Conflict, 0, 0},
		"down":               {func([]kms.UnwrapResult) ([]kms.UnwrapResult, error) { return nil, kms.ErrUnavailable }, vault.Unavailable, 0, 0},
		"too few are opened": {func(out []kms.UnwrapResult) ([]kms.UnwrapResult, error) { return out[:1], nil }, vault.Internal, 0, 0},
	} {
		k.unwrap = tt.unwrap
		r, err := s.VerifyKeys(t.Context(), s.Operator, vault.VerifyOptions{Sample: 2})
		k.unwrap = nil
		if codeOr(err) != tt.want || r.Tampered.Count != tt.tampered || r.Downgraded.Count != tt.downgraded || err == nil && r.Opened != 1 {
			t.Errorf("%s: %+v, %v, want %+v", name, r, err, tt)
		}
	}
}

func TestVerifyRefusals(t *testing.T) {
	s := newTillWith(t, nil)
	for name, tt := range map[string]struct {
		caller vault.Caller
		sample int
		want   vault.Code
	}{
		"a merchant": {s.secret, 1, vault.Unauthenticated},
		"negative":   {s.Operator, -1, vault.BadRequest},
		"too large":  {s.Operator, vault.VerifySampleLimit + 1, vault.BadRequest},
	} {
		if _, err := s.VerifyKeys(t.Context(), tt.caller, vault.VerifyOptions{Sample: tt.sample}); codeOr(err) != tt.want {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}
