package localkek

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/panvault/panvault/kms"
)

// checkEvery is how often a Keyring in use looks at its file.
const checkEvery = time.Second

var errClosed = fmt.Errorf("%w: keyring is closed", kms.ErrUnavailable)

// usable returns the reason not to wrap, or nil. The caller holds mu.
//
// While the file can not be read, or went back, the keys in memory still open
// what exists; but what they wrapped now might be lost with this process.
func (k *Keyring) usable() error {
	switch {
	case k.ring == nil:
		return errClosed
	case k.problem != nil:
		return fmt.Errorf("%w: keyring file: %w", kms.ErrUnavailable, k.problem)
	}
	return nil
}

// refresh picks up what another process wrote, if the last look is a second
// old. One caller looks; the others go on with what is there.
func (k *Keyring) refresh() {
	now, last := k.opts.Now().UnixNano(), k.checked.Load()
	if age := now - last; age >= 0 && age < int64(checkEvery) {
		return // a clock that stepped back makes the age negative: look
	}
	if k.checked.CompareAndSwap(last, now) {
		k.reload()
	}
}

// reload reads the file again if it changed, with no limit on how often: it
// costs one stat when nothing changed.
func (k *Keyring) reload() {
	k.reloadMu.Lock()
	defer k.reloadMu.Unlock()
	if k.ring != nil { // only Close sets it, under reloadMu
		k.reloadHeld()
	}
}

// reloadHeld is reload for a caller that holds reloadMu, of an open Keyring.
func (k *Keyring) reloadHeld() {
	info, err := os.Stat(k.path)
	if err == nil && sameFile(info, k.ring.info) {
		k.settle(nil)
		return
	}
	next, err := k.next()
	if err != nil {
		k.settle(err)
		return
	}
	k.adopt(next)
}

// next reads the file and holds it to be a successor of the ring in memory.
// The caller holds reloadMu, and the Keyring is open.
func (k *Keyring) next() (*ring, error) {
	r, err := k.load()
	if err != nil {
		return nil, err
	}
	if err := r.follows(k.ring); err != nil {
		r.destroy()
		return nil, err
	}
	return r, nil
}

// load reads and opens the file. It syncs the folder before anyone relies on
// what was read: a version whose file entry a power cut could still take back
// must not wrap anything.
func (k *Keyring) load() (*ring, error) {
	file, h, info, err := readKeyring(k.path)
	if err != nil {
		return nil, err
	}
	if err := syncDir(filepath.Dir(k.path)); err != nil {
		return nil, err
	}
	r, err := openFile(k.key, h, file)
	if err != nil {
		return nil, err
	}
	r.info = info
	return r, nil
}

// write seals the ring into the file. The caller holds the file's lock.
func (k *Keyring) write(r *ring) error {
	file, err := sealFile(k.key, r, k.opts.Rand)
	if err != nil {
		return err
	}
	r.info, err = replaceFile(k.path, file)
	return err
}

// settle records whether the file is the ring in memory.
func (k *Keyring) settle(problem error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.problem = problem
}

// adopt makes r the ring in memory, once no call uses the old one.
func (k *Keyring) adopt(r *ring) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ring.destroy()
	k.ring, k.problem = r, nil
}
