package vault

import (
	"context"
	"time"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/envelope"
)

// KeyState is where a key version is in its life.
type KeyState = store.KeyState

// KeyVersion is one version of a KEK as operators and auditors see it.
type KeyVersion struct {
	Key           kms.Key
	Version       uint32
	State         KeyState
	Suspect       bool // somebody may know it
	BornAt        time.Time
	ActivatedAt   time.Time
	DeactivatedAt time.Time
	RetiredAt     time.Time
	DestroyedAt   time.Time
	ChangedBy     string
	Reason        string

	Records int       // that it protects: cards, or working keys
	Oldest  time.Time // the oldest of them; zero for none
	Due     time.Time // end of the cryptoperiod of an active version
	Next    string    // what an operator does next; "" for nothing
}

// KeyStatus is one KEK.
type KeyStatus struct {
	Key      kms.Key
	Name     string // the KMS's own
	Versions []KeyVersion
	Records  int     // of all versions
	Current  float64 // share of them that the newest version protects, 0..1
}

// KeyStatus looks at every KEK: in the KMS, in the ledger and in the records
// that it protects. Errors: Unauthenticated, Unavailable, Internal (tampered).
func (s *Service) KeyStatus(ctx context.Context, c Caller) ([]KeyStatus, error) {
	if err := s.authorize(c, policy.ReadOperations, policy.Resource{}); err != nil {
		return nil, err
	}
	var out []KeyStatus
	for _, key := range kms.Keys() {
		d, err := s.opts.KMS.Describe(ctx, key)
		if err == nil {
			err = s.learnKeys(ctx, c, d)
		}
		if err != nil {
			return nil, s.settle(ctx, c, err)
		}
		status, err := s.keyStatus(ctx, d)
		if err != nil {
			return nil, s.settle(ctx, c, err)
		}
		out = append(out, status)
	}
	return out, nil
}

func (s *Service) keyStatus(ctx context.Context, d kms.Description) (KeyStatus, error) {
	out := KeyStatus{Key: d.Key, Name: d.Name}
	err := s.store.View(ctx, func(r store.Reader) error {
		lives, err := s.keyLives(ctx, r)
		if err != nil {
			return err
		}
		uses, err := s.keyUses(ctx, r, d.Key)
		if err != nil {
			return err
		}
		out.Versions, out.Records, out.Current = nil, 0, 1
		for i := range lives[d.Key] {
			v := keyVersionView(&lives[d.Key][i])
			use := uses[v.Version]
			v.Records, v.Oldest = use.Cards, timeOf(use.OldestCreated)
			if v.State == store.KeyActive {
				v.Due = v.ActivatedAt.Add(s.opts.Cryptoperiod)
			}
			out.Versions, out.Records = append(out.Versions, v), out.Records+v.Records
		}
		if out.Records > 0 {
			out.Current = float64(uses[d.Latest].Cards) / float64(out.Records)
		}
		return nil
	})
	for i := range out.Versions {
		v := &out.Versions[i]
		v.Next = s.nextStep(v, d)
	}
	return out, err
}

// keyUses counts what each version of a KEK protects.
func (s *Service) keyUses(ctx context.Context, r store.Reader, key kms.Key) (map[uint32]store.KeyUse, error) {
	if mode, ok := modeOfKey(key); ok {
		return r.CountCardsByKEK(ctx, mode == envelope.ModeLive)
	}
	rows, err := r.WorkingKeys(ctx)
	if err != nil {
		return nil, err
	}
	uses := make(map[uint32]store.KeyUse)
	for _, row := range rows {
		if !isUsable(row) {
			continue
		}
		use := uses[row.KEKVersion]
		use.Cards++
		if use.OldestCreated == 0 || row.CreatedAt < use.OldestCreated {
			use.OldestCreated = row.CreatedAt
		}
		uses[row.KEKVersion] = use
	}
	return uses, nil
}

// nextStep is what an operator does next with a version.
func (s *Service) nextStep(v *KeyVersion, d kms.Description) string {
	switch v.State {
	case store.KeyActive:
		switch left := v.Due.Sub(s.now()); {
		case v.Suspect:
			return "keys rotate: it is suspect"
		case left <= 0:
			return "keys rotate: its cryptoperiod is over"
		case left < 30*day:
			return "keys rotate, until " + v.Due.Format(time.DateOnly)
		}
	case store.KeyDecryptOnly:
		if v.Records > 0 {
			return "keys rewrap"
		}
		return "keys retire"
	case store.KeyRetired:
		if from := s.destroyableFrom(v.RetiredAt); s.now().Before(from) {
			return "keys destroy, from " + from.Format(time.DateOnly)
		}
		return "keys destroy"
	case store.KeyPlanned, store.KeyDestroyed:
	}
	return ""
}

func keyVersionView(row *store.KeyVersion) KeyVersion {
	return KeyVersion{
		Key: kms.Key(row.Key), Version: row.Version, State: row.State, Suspect: row.Suspect,
		BornAt: timeOf(row.BornAt), ActivatedAt: timeOf(row.ActivatedAt), DeactivatedAt: timeOf(row.DeactivatedAt),
		RetiredAt: timeOf(row.RetiredAt), DestroyedAt: timeOf(row.DestroyedAt), ChangedBy: row.ChangedBy, Reason: row.Reason,
	}
}
