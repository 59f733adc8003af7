package vault

import (
	"context"
	"errors"
	"fmt"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/audit"
)

// RequestDestruction asks for the approval to destroy the versions of a KEK up
// to and including one. Whoever asks is the first of the two operators. It is
// refused, with what is in the way, as DestroyKey would be now. Errors:
// Unauthenticated, BadRequest, Conflict, Unavailable, Internal.
func (s *Service) RequestDestruction(ctx context.Context, c Caller, key kms.Key, upTo uint32, reason string) (Approval, error) {
	if _, err := s.rotator(c, key); err != nil {
		return Approval{}, err
	}
	if err := validLabel("reason", reason); err != nil {
		return Approval{}, err
	}
	subject := ApprovalSubject{Live: key == kms.CardLive, Key: key, Version: upTo}
	row, e, err := s.drawApproval(c, approvalDestroy, subject, reason, ApprovalLife)
	if err != nil {
		return Approval{}, s.fail(err)
	}
	err = s.store.Update(ctx, func(tx store.Tx) error {
		if err := s.destroyable(ctx, tx, key, upTo); err != nil {
			return err
		}
		if err := tx.InsertApproval(ctx, &row); err != nil {
			return err
		}
		return s.append(ctx, tx, e)
	})
	if err != nil {
		return Approval{}, s.settle(ctx, c, err)
	}
	return approvalView(&row)
}

// DestroyKey destroys, in the KMS and for good, the versions of a KEK that two
// operators approved to destroy. What they wrapped can not be opened by anybody
// from then on, except with a copy of the KMS from before. The destruction is on
// record before the KMS is asked. If the process ends between the KMS and the
// ledger, running the same approval again completes it.
//
// Errors: Unauthenticated, NotFound (approval), Conflict (with what is in the
// way), Unavailable, Internal.
func (s *Service) DestroyKey(ctx context.Context, c Caller, approval string) (KeyVersion, error) {
	if _, err := s.rotator(c, kms.CardTest); err != nil { // before anything is looked up for him
		return KeyVersion{}, err
	}
	subject, err := s.destruction(ctx, c, approval)
	if err != nil {
		return KeyVersion{}, s.settle(ctx, c, err)
	}
	rotator, err := s.rotator(c, subject.Key)
	if err != nil {
		return KeyVersion{}, err
	}
	d, err := s.opts.KMS.Describe(ctx, subject.Key)
	if err == nil {
		err = s.learnKeys(ctx, c, d)
	}
	if err != nil {
		return KeyVersion{}, s.settle(ctx, c, err)
	}
	floor := subject.Version + 1
	if d.MinDecrypt < floor {
		return KeyVersion{}, &Error{Code: Conflict, Message: fmt.Sprintf(
			"the KMS opens versions from %d again: see there who lowered the floor; then keys retire %s --version %d", d.MinDecrypt, subject.Key, subject.Version)}
	}
	err = s.store.Update(ctx, func(tx store.Tx) error {
		row, err := s.usable(ctx, tx, c, approval, approvalDestroy)
		if err != nil {
			return err
		}
		if err := s.destroyable(ctx, tx, subject.Key, subject.Version); err != nil {
			return err
		}
		e := c.event(audit.KeyDestroy, audit.OK, string(subject.Key))
		e.Details = map[string]string{"up_to": version(subject.Version), "approval": row.ID, "reason": row.Reason}
		return s.append(ctx, tx, e)
	})
	if err != nil {
		return KeyVersion{}, s.settle(ctx, c, err)
	}
	if floor >= d.MinAvailable { // below it, more than this is destroyed already
		after, err := rotator.Trim(ctx, subject.Key, floor)
		if err != nil {
			return KeyVersion{}, s.fail(err)
		}
		if after.MinAvailable < floor {
			return KeyVersion{}, internal(errors.New("the KMS still has versions that it was to destroy"))
		}
	}
	last, err := s.noteDestruction(ctx, c, approval)
	if err != nil {
		return KeyVersion{}, s.settle(ctx, c, err)
	}
	return keyVersionView(&last), nil
}

// destruction is what a usable approval allows to destroy.
func (s *Service) destruction(ctx context.Context, c Caller, approval string) (subject ApprovalSubject, err error) {
	err = s.store.View(ctx, func(r store.Reader) error {
		row, err := s.usable(ctx, r, c, approval, approvalDestroy)
		if err != nil {
			return err
		}
		view, err := approvalView(&row)
		subject = view.Subject
		return err
	})
	return subject, err
}

// noteDestruction uses the approval up and writes into the ledger what is gone.
// It asks no more whether the approval may be used: the KMS has done it.
func (s *Service) noteDestruction(ctx context.Context, c Caller, approval string) (last store.KeyVersion, err error) {
	err = s.store.Update(ctx, func(tx store.Tx) error {
		used, err := s.approval(ctx, tx, approval)
		if err != nil {
			return err
		}
		view, err := approvalView(&used)
		if err != nil {
			return err
		}
		lives, err := s.keyLives(ctx, tx)
		if err != nil {
			return err
		}
		now := s.now().UnixMicro()
		life := lives[view.Subject.Key]
		for i := range life {
			row := &life[i]
			if row.Version > view.Subject.Version {
				continue
			}
			if row.State != store.KeyDestroyed {
				was := row.Tag
				row.State, row.DestroyedAt, row.Reason = store.KeyDestroyed, now, used.Reason
				if err := s.changeKeyVersion(ctx, tx, c, row, was); err != nil {
					return err
				}
			}
			last = *row
		}
		if used.UsedAt != 0 {
			return nil // another process ran it at the same time
		}
		was := used.Tag
		used.UsedAt = now
		if err := s.replaceApproval(ctx, tx, &used, was); err != nil {
			return err
		}
		_, err = tx.BumpEpoch(ctx)
		return err
	})
	return last, err
}
