package localkek

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/panvault/panvault/kms"
)

// createWait is how long Create waits for another process that creates the
// same keyring.
const createWait = 10 * time.Second

// Keyring is an open keyring file: a kms.KMS and kms.Versioner that adds and
// retires versions. It is safe for concurrent use, and so is the file, by any
// number of processes on one machine.
type Keyring struct {
	path string
	opts Options
	key  fileKey

	checked  atomic.Int64 // when the file was last looked at, ns since the epoch
	reloadMu sync.Mutex   // held while the file is read or written; taken before mu

	mu      sync.RWMutex // held for reading while keys are used
	ring    *ring        // nil once closed
	problem error        // why the file on disk is not the ring in memory, or nil
}

var (
	_ kms.KMS       = (*Keyring)(nil)
	_ kms.Versioner = (*Keyring)(nil)
)

// Create writes a new keyring file, mode 0600, with version 1 of every one of
// kms.Keys, and returns it open. The folder must exist. Errors: fs.ErrExist if
// there is such a file, ErrKeyring for an Argon2 cost out of bounds, else the
// system's own. The passphrase is not kept and stays the caller's to wipe.
func Create(path string, passphrase Passphrase, opts Options) (*Keyring, error) {
	opts = opts.withDefaults()
	if err := opts.Argon2.validate(); err != nil {
		return nil, err
	}
	path, err := realPath(path)
	if err != nil {
		return nil, fmt.Errorf("localkek: create: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), createWait)
	defer cancel()
	lock, err := lockKeyring(ctx, path)
	if err != nil {
		return nil, err
	}
	defer lock.release()
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = fs.ErrExist
		}
		return nil, fmt.Errorf("localkek: create %s: %w", path, err)
	}
	k := &Keyring{path: path, opts: opts}
	if err := k.init(passphrase); err != nil {
		return nil, fmt.Errorf("localkek: create %s: %w", path, err)
	}
	return k, nil
}

// init derives the file key, draws the first ring and writes it.
func (k *Keyring) init(passphrase Passphrase) error {
	var salt [saltSize]byte
	if _, err := io.ReadFull(k.opts.Rand, salt[:]); err != nil {
		return fmt.Errorf("draw salt: %w", err)
	}
	var err error
	if k.key, err = deriveFileKey(passphrase, k.opts.Argon2, salt); err != nil {
		return err
	}
	r, err := newRing(k.opts.Rand, k.opts.Now())
	if err == nil {
		if err = k.write(r); err == nil {
			k.ring = r
			k.checked.Store(k.opts.Now().UnixNano())
			return nil
		}
	}
	r.destroy()
	k.key.destroy()
	return err
}

// Open opens a keyring file. Errors: fs.ErrNotExist, ErrMode if others may read
// it, ErrKeyring if it is damaged, ErrPassphrase, else the system's own. The
// passphrase is not kept and stays the caller's to wipe. Open takes as long as
// the file's Argon2 cost says.
func Open(path string, passphrase Passphrase, opts Options) (*Keyring, error) {
	path, err := realPath(path)
	if err != nil {
		return nil, fmt.Errorf("localkek: open: %w", err)
	}
	_, h, _, err := readKeyring(path)
	if err != nil {
		return nil, fmt.Errorf("localkek: open: %w", err)
	}
	k := &Keyring{path: path, opts: opts.withDefaults()}
	if k.key, err = deriveFileKey(passphrase, h.cost, h.salt); err != nil {
		return nil, fmt.Errorf("localkek: open %s: %w", path, err)
	}
	if k.ring, err = k.load(); err != nil {
		k.key.destroy()
		return nil, fmt.Errorf("localkek: open %s: %w", path, err)
	}
	k.checked.Store(k.opts.Now().UnixNano())
	return k, nil
}

// Describe implements kms.KMS. MinEncrypt is always Latest after a rotation.
func (k *Keyring) Describe(ctx context.Context, key kms.Key) (kms.Description, error) {
	if err := kms.ContextError(ctx); err != nil {
		return kms.Description{}, err
	}
	k.refresh()
	k.mu.RLock()
	defer k.mu.RUnlock()
	if k.ring == nil {
		return kms.Description{}, errClosed
	}
	return k.ring.describe(key)
}

// Check implements kms.KMS: nil if the file on disk is the one in memory.
func (k *Keyring) Check(ctx context.Context) error {
	if err := kms.ContextError(ctx); err != nil {
		return err
	}
	k.refresh()
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.usable()
}

// Close implements kms.KMS: it waits for calls in flight and wipes every key.
// Calling it again does nothing. It always returns nil.
func (k *Keyring) Close() error {
	k.reloadMu.Lock()
	defer k.reloadMu.Unlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ring.destroy()
	k.ring = nil
	k.key.destroy()
	return nil
}

// Locked reports whether the keys are in memory that can not be swapped out.
// See kms.LockedBuffer.
func (k *Keyring) Locked() bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.ring != nil && k.ring.buf.Locked() && k.key.buf.Locked()
}

// Path returns the file's absolute path, links resolved.
func (k *Keyring) Path() string { return k.path }

// String names the file and nothing else.
func (k *Keyring) String() string { return "localkek.Keyring(" + filepath.Base(k.path) + ")" }

// Format writes String for every verb, also those that skip String.
func (k *Keyring) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, k.String()) }
