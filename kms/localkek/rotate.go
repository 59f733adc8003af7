package localkek

import (
	"context"
	"fmt"
	"os"

	"github.com/panvault/panvault/kms"
)

var _ kms.Rotator = (*Keyring)(nil)

// Rotate implements kms.Rotator: it adds exactly one version to key, brings it
// to the disk, and uses it for every wrap from then on; other processes follow
// within a second. It waits for other writers until ctx is over. Of several
// with the same expected exactly one succeeds.
//
// Errors: also kms.ErrInvalid at 1024 versions, and kms.ErrUnavailable if the
// file can not be locked, read or written. After an error, Describe tells
// whether the version was added: the file decides.
func (k *Keyring) Rotate(ctx context.Context, key kms.Key, expected uint32) (kms.Description, error) {
	return k.update(ctx, key, func(r *ring) (*ring, error) {
		return r.rotated(key, expected, k.opts.Rand, k.opts.Now())
	})
}

// Retire implements kms.Rotator: blobs of versions below floor return
// kms.ErrVersionRetired from then on. Errors: as for Rotate.
func (k *Keyring) Retire(ctx context.Context, key kms.Key, floor uint32) (kms.Description, error) {
	return k.update(ctx, key, func(r *ring) (*ring, error) { return r.retired(key, floor) })
}

// Trim implements kms.Rotator: it writes the file without the versions below
// floor, and then overwrites the file that had them. What it can not reach are
// backups of the file, and blocks that the disk itself keeps. Errors: as for
// Rotate; kms.ErrUnavailable also if only the overwriting failed.
func (k *Keyring) Trim(ctx context.Context, key kms.Key, floor uint32) (kms.Description, error) {
	var old *os.File
	defer func() {
		if old != nil {
			_ = old.Close()
		}
	}()
	d, err := k.update(ctx, key, func(r *ring) (*ring, error) {
		next, err := r.trimmed(key, floor)
		if err != nil || next == nil {
			return next, err
		}
		// Held open, so that it can still be reached once it is replaced.
		if old, err = os.OpenFile(k.path, os.O_WRONLY, 0); err != nil {
			next.destroy()
			return nil, fmt.Errorf("%w: keyring file: %w", kms.ErrUnavailable, err)
		}
		return next, nil
	})
	if err != nil {
		return kms.Description{}, err
	}
	if old != nil {
		if err := overwrite(old); err != nil {
			return kms.Description{}, fmt.Errorf("%w: trimmed, but the old keyring file could not be overwritten: %w", kms.ErrUnavailable, err)
		}
	}
	return d, nil
}

// update changes the file under its lock. It starts from the file, not from
// memory, so that no version of another writer is lost. If change returns
// neither a ring nor an error, the file stays as it is.
func (k *Keyring) update(ctx context.Context, key kms.Key, change func(*ring) (*ring, error)) (kms.Description, error) {
	if err := kms.ContextError(ctx); err != nil {
		return kms.Description{}, err
	}
	if !key.Known() {
		return kms.Description{}, kms.ErrKeyMissing
	}
	lock, err := lockKeyring(ctx, k.path)
	if err != nil {
		return kms.Description{}, fmt.Errorf("%w: %w", kms.ErrUnavailable, err)
	}
	defer lock.release()
	k.reloadMu.Lock()
	defer k.reloadMu.Unlock()
	if k.ring == nil {
		return kms.Description{}, errClosed
	}
	now, err := k.next()
	if err != nil {
		return kms.Description{}, fmt.Errorf("%w: keyring file: %w", kms.ErrUnavailable, err)
	}
	changed, err := change(now)
	if changed == nil {
		k.adopt(now) // so that the next Describe shows what the answer is about
		if err != nil {
			return kms.Description{}, err
		}
		return now.describe(key)
	}
	defer now.destroy()
	if err := k.write(changed); err != nil {
		changed.destroy()
		k.reloadHeld() // it may be on the disk all the same
		return kms.Description{}, fmt.Errorf("%w: keyring file: %w", kms.ErrUnavailable, err)
	}
	k.adopt(changed)
	return changed.describe(key)
}
