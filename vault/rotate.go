package vault

import (
	"context"
	"errors"
	"strconv"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/envelope"
)

// RotateRequest asks for a new version of a KEK.
type RotateRequest struct {
	Key    kms.Key
	Reason string // 1..255 characters, for the audit log
	// Compromise marks the versions before as suspect: somebody may know them.
	Compromise bool
}

// RotateKey adds exactly one version to a KEK; from then on no older one wraps.
// The request is on record before the KMS is asked. If the process ends between
// the KMS and the ledger, the next look takes the version in (Reason "found in
// the KMS").
//
// Errors: Unauthenticated, BadRequest, Conflict (somebody else rotated, or the
// KMS has versions that were not made here twice), Unavailable, Internal.
func (s *Service) RotateKey(ctx context.Context, c Caller, in RotateRequest) (KeyVersion, error) {
	rotator, err := s.rotator(c, in.Key)
	if err != nil {
		return KeyVersion{}, err
	}
	if err := validLabel("reason", in.Reason); err != nil {
		return KeyVersion{}, err
	}
	before, err := s.opts.KMS.Describe(ctx, in.Key)
	if err == nil {
		err = s.learnKeys(ctx, c, before)
	}
	if err != nil {
		return KeyVersion{}, s.settle(ctx, c, err)
	}
	asked := c.event(audit.KeyRotate, audit.OK, string(in.Key))
	asked.Details = map[string]string{"before": version(before.Latest), "reason": in.Reason, "compromise": strconv.FormatBool(in.Compromise)}
	if err := s.record(ctx, asked); err != nil {
		return KeyVersion{}, s.fail(err)
	}
	after, err := rotator.Rotate(ctx, in.Key, before.Latest)
	switch {
	case errors.Is(err, kms.ErrConflict):
		return KeyVersion{}, &Error{Code: Conflict, Message: "somebody else rotated this key meanwhile; look at 'panvault keys status'", Cause: err}
	case errors.Is(err, kms.ErrRotatedTwice):
		return KeyVersion{}, &Error{Code: Conflict, Message: "somebody else rotated this key at the same time, so that it has two new versions; look at 'panvault keys status'", Cause: err}
	case err != nil:
		return KeyVersion{}, s.fail(err)
	}
	row, err := s.noteRotation(ctx, c, in, after)
	if err != nil {
		return KeyVersion{}, s.settle(ctx, c, err)
	}
	return keyVersionView(&row), nil
}

// noteRotation writes the new version into the ledger and ends the activity of
// the older ones.
func (s *Service) noteRotation(ctx context.Context, c Caller, in RotateRequest, after kms.Description) (store.KeyVersion, error) {
	now := s.now().UnixMicro()
	row := store.KeyVersion{
		Key: string(in.Key), Version: after.Latest, State: store.KeyActive, ActivatedAt: now,
		BornAt: after.Created[after.Latest].UnixMicro(), ChangedBy: c.Key, Reason: in.Reason,
	}
	err := s.store.Update(ctx, func(tx store.Tx) error {
		lives, err := s.keyLives(ctx, tx)
		if err != nil {
			return err
		}
		for i := range lives[in.Key] {
			old := &lives[in.Key][i]
			was := old.Tag
			stops, suspected := old.State == store.KeyActive, in.Compromise && !old.Suspect && old.State != store.KeyDestroyed
			if old.Version >= after.Latest || !stops && !suspected {
				continue
			}
			if stops {
				old.State, old.DeactivatedAt = store.KeyDecryptOnly, now
			}
			old.Suspect, old.Reason = old.Suspect || in.Compromise, in.Reason
			if err := s.changeKeyVersion(ctx, tx, c, old, was); err != nil {
				return err
			}
		}
		fresh := row
		if known := lives[in.Key].of(after.Latest); known == nil {
			if err := s.insertKeyVersion(ctx, tx, c, &fresh); err != nil {
				return err
			}
		}
		_, err = tx.BumpEpoch(ctx)
		return err
	})
	return row, err
}

// rotator is the KMS as one whose keys the caller may change.
func (s *Service) rotator(c Caller, key kms.Key) (kms.Rotator, error) {
	if err := s.authorize(c, policy.ManageKey, policy.Resource{}); err != nil {
		return nil, err
	}
	if !key.Known() {
		return nil, badRequest("the key must be card-live, card-test or work")
	}
	rotator, ok := s.opts.KMS.(kms.Rotator)
	if !ok {
		return nil, internal(errors.New("this KMS cannot rotate keys"))
	}
	return rotator, nil
}

func version(v uint32) string { return strconv.FormatUint(uint64(v), 10) }

// modeOfKey is the mode whose cards a KEK wraps; false for the work key.
func modeOfKey(key kms.Key) (envelope.Mode, bool) {
	switch key {
	case kms.CardLive:
		return envelope.ModeLive, true
	case kms.CardTest:
		return envelope.ModeTest, true
	}
	return "", false
}
