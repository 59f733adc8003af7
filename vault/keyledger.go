package vault

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/envelope"
)

// The ledger of keys is our own memory of every version of every KEK: when it
// was born, what has become of it, who did it. The KMS forgets a version's
// creation time once it may not decrypt any more.

// keyLife is the ledger of one KEK, oldest version first.
type keyLife []store.KeyVersion

// of returns the row of a version; nil if there is none.
func (l keyLife) of(version uint32) *store.KeyVersion {
	i := slices.IndexFunc(l, func(v store.KeyVersion) bool { return v.Version == version })
	if i < 0 {
		return nil
	}
	return &l[i]
}

// keyLives reads the whole ledger of keys and proves its rows.
func (s *Service) keyLives(ctx context.Context, r store.Reader) (map[kms.Key]keyLife, error) {
	rows, err := r.KeyVersions(ctx)
	if err != nil {
		return nil, err
	}
	lives := make(map[kms.Key]keyLife)
	for i := range rows {
		row := &rows[i]
		if s.keyring.Check(envelope.ModeAll, keyVersionRow(row), row.Tag) != nil {
			return nil, &tamperedRow{row.Key + "_" + strconv.FormatUint(uint64(row.Version), 10), "key version"}
		}
		lives[kms.Key(row.Key)] = append(lives[kms.Key(row.Key)], *row)
	}
	return lives, nil
}

// learnKeys takes the versions of a KEK into the ledger that it does not know
// yet, as the KMS tells of them: the first ones of a vault, or one that was made
// by other means than this vault's. It changes nothing else.
func (s *Service) learnKeys(ctx context.Context, c Caller, d kms.Description) error {
	var known keyLife
	err := s.store.View(ctx, func(r store.Reader) error {
		lives, err := s.keyLives(ctx, r)
		known = lives[d.Key]
		return err
	})
	if err != nil {
		return err
	}
	if err := checkPin(d, known); err != nil {
		return err
	}
	fresh := make(map[uint32]time.Time)
	for version, born := range d.Created {
		if known.of(version) == nil {
			fresh[version] = born
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	return s.store.Update(ctx, func(tx store.Tx) error {
		lives, err := s.keyLives(ctx, tx)
		if err != nil {
			return err
		}
		for version := range d.Latest + 1 {
			born, ok := fresh[version]
			if !ok || lives[d.Key].of(version) != nil {
				continue
			}
			row := store.KeyVersion{
				Key: string(d.Key), Version: version, State: store.KeyActive, BornAt: born.UnixMicro(), ActivatedAt: born.UnixMicro(),
				ChangedBy: c.Key, Reason: "found in the KMS",
			}
			if version < d.Latest {
				row.State, row.DeactivatedAt = store.KeyDecryptOnly, s.now().UnixMicro()
			}
			if err := s.insertKeyVersion(ctx, tx, c, &row); err != nil {
				return err
			}
		}
		if len(lives[d.Key]) == 0 {
			return nil // the first look at a key changes nothing for anybody
		}
		_, err = tx.BumpEpoch(ctx)
		return err
	})
}

func (s *Service) insertKeyVersion(ctx context.Context, tx store.Tx, c Caller, row *store.KeyVersion) (err error) {
	if row.Tag, err = s.keyring.Tag(envelope.ModeAll, keyVersionRow(row)); err != nil {
		return err
	}
	if err := tx.InsertKeyVersion(ctx, row); err != nil {
		return err
	}
	return s.append(ctx, tx, keyEvent(c, audit.KeyVersion, row))
}

// changeKeyVersion writes a row over the one whose tag was, with its record.
func (s *Service) changeKeyVersion(ctx context.Context, tx store.Tx, c Caller, row *store.KeyVersion, was []byte) (err error) {
	row.ChangedBy = c.Key
	if row.Tag, err = s.keyring.Tag(envelope.ModeAll, keyVersionRow(row)); err != nil {
		return err
	}
	if err := tx.UpdateKeyVersion(ctx, row, was); err != nil {
		return err
	}
	return s.append(ctx, tx, keyEvent(c, audit.KeyVersion, row))
}

func keyEvent(c Caller, t audit.Type, row *store.KeyVersion) audit.Event {
	e := c.event(t, audit.OK, row.Key)
	e.Details = map[string]string{
		"version": strconv.FormatUint(uint64(row.Version), 10), "state": string(row.State), "reason": row.Reason,
	}
	if row.Suspect {
		e.Details["suspect"] = "true"
	}
	return e
}
