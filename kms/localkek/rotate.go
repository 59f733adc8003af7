package localkek

import (
	"context"
	"fmt"

	"github.com/panvault/panvault/kms"
)

// Rotate adds exactly one version to key, brings it to the disk, and uses it
// for every wrap from then on; other processes follow within a second. It waits
// for other writers until ctx is over. Older versions still unwrap.
//
// Errors: kms.ErrKeyMissing, kms.ErrInvalid at 1024 versions, and
// kms.ErrUnavailable if the file can not be locked, read or written. After an
// error, Describe tells whether the version was added: the file decides.
func (k *Keyring) Rotate(ctx context.Context, key kms.Key) (kms.Description, error) {
	return k.update(ctx, key, func(r *ring) (*ring, error) {
		return r.rotated(key, k.opts.Rand, k.opts.Now())
	})
}

// Retire raises the decryption floor of key: blobs of versions below floor
// return kms.ErrVersionRetired from then on. It never lowers a floor, and it
// does not look whether anything still needs the versions: the caller has.
//
// Errors: as for Rotate; kms.ErrInvalid for a floor below the present one or
// above the newest version.
func (k *Keyring) Retire(ctx context.Context, key kms.Key, floor uint32) (kms.Description, error) {
	return k.update(ctx, key, func(r *ring) (*ring, error) { return r.retired(key, floor) })
}

// update changes the file under its lock. It starts from the file, not from
// memory, so that no version of another writer is lost.
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
	defer now.destroy()
	changed, err := change(now)
	if err != nil {
		return kms.Description{}, err
	}
	if err := k.write(changed); err != nil {
		changed.destroy()
		k.reloadHeld() // it may be on the disk all the same
		return kms.Description{}, fmt.Errorf("%w: keyring file: %w", kms.ErrUnavailable, err)
	}
	k.adopt(changed)
	i, err := changed.find(key)
	if err != nil {
		return kms.Description{}, err
	}
	return changed.keys[i].describe(), nil
}
