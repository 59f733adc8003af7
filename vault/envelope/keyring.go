package envelope

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/panvault/panvault/kms"
)

// Purpose says what a working key is for. One key never serves two purposes.
type Purpose string

// The purposes. Each is a line of the key inventory.
const (
	PurposeFingerprint Purpose = "fingerprint" // per mode: keyed hash of PANs
	PurposeProfile     Purpose = "profile"     // per mode: seals names and addresses
	PurposeIntegrity   Purpose = "integrity"   // per mode and all: row tags
	PurposeAPIKey      Purpose = "apikey"      // all: hash of API secrets (pepper)
	PurposeIdempotency Purpose = "idempotency" // per mode: keyed hashes of repeatable requests and of imported files
)

// KeyName names one kind of working key.
type KeyName struct {
	Purpose Purpose
	Mode    Mode
}

// RequiredKeys lists the working keys without which a server cannot start.
func RequiredKeys() []KeyName {
	return []KeyName{
		{PurposeFingerprint, ModeTest}, {PurposeFingerprint, ModeLive},
		{PurposeProfile, ModeTest}, {PurposeProfile, ModeLive},
		{PurposeIntegrity, ModeTest}, {PurposeIntegrity, ModeLive}, {PurposeIntegrity, ModeAll},
		{PurposeAPIKey, ModeAll},
		{PurposeIdempotency, ModeTest}, {PurposeIdempotency, ModeLive},
	}
}

// Renewable reports whether a lost key of this purpose may be made anew: nothing
// is sealed with it. Repeated requests are not recognised for a day then, and
// imports that were begun before not at all.
func (p Purpose) Renewable() bool { return p == PurposeIdempotency }

// WrappedKey is a working key as it is stored.
type WrappedKey struct {
	KeyName
	Version    uint32 // from 1
	KEKVersion uint32
	Wrapped    []byte
}

// errResults: the KMS broke its contract of one result an item. A key whose
// result belongs to another would be lost, so nothing of the call is used.
var errResults = errors.New("the KMS returned another number of results than items")

// NewWorkingKeys draws one fresh key for each name, wrapped by the work KEK
// under a context that names purpose, mode and version. The plaintexts are
// wiped before it returns. Errors are those of kms.KMS and of random.
func NewWorkingKeys(ctx context.Context, k kms.KMS, random io.Reader, names []KeyName, version uint32) ([]WrappedKey, error) {
	secret := make([]byte, KeySize*len(names))
	defer clear(secret)
	if _, err := io.ReadFull(random, secret); err != nil {
		return nil, fmt.Errorf("envelope: draw working keys: %w", err)
	}
	items := make([]kms.WrapItem, len(names))
	for i, n := range names {
		items[i] = kms.WrapItem{
			Plaintext: secret[i*KeySize : (i+1)*KeySize],
			Context:   WorkingKeyContext(n.Purpose, n.Mode, version),
		}
	}
	results, err := k.Wrap(ctx, kms.Work, items)
	if err != nil {
		return nil, fmt.Errorf("envelope: wrap working keys: %w", err)
	}
	if len(results) != len(names) {
		return nil, fmt.Errorf("envelope: wrap working keys: %w", errResults)
	}
	out := make([]WrappedKey, len(names))
	for i, r := range results {
		if r.Err != nil {
			return nil, fmt.Errorf("envelope: wrap working key %s/%s: %w", names[i].Purpose, names[i].Mode, r.Err)
		}
		out[i] = WrappedKey{names[i], version, r.Version, r.Wrapped}
	}
	return out, nil
}

// Keyring holds the working keys of a process in locked memory. A loaded key
// stays until Destroy: whoever uses one is never robbed of it. It is safe for
// concurrent use, but for Destroy.
type Keyring struct {
	keys atomic.Pointer[keySet]

	mu     sync.Mutex // of Extend
	memory []*kms.LockedBuffer
}

// keySet is what is loaded. It is never changed, only replaced.
type keySet map[KeyName][]loadedKey // newest first

type loadedKey struct {
	version uint32
	memory  *kms.LockedBuffer // whose bytes reflection cannot reach
	slot    int               // place in it
}

func (l loadedKey) secret() []byte { return l.memory.Bytes()[l.slot*KeySize:][:KeySize:KeySize] }

// LoadKeyring unwraps the stored working keys into locked memory. Errors are
// those of kms.KMS; ErrNoKey, naming the key, if one of RequiredKeys is absent.
func LoadKeyring(ctx context.Context, k kms.KMS, wrapped []WrappedKey) (*Keyring, error) {
	ring := &Keyring{}
	if _, err := ring.Extend(ctx, k, wrapped); err != nil {
		return nil, err
	}
	for _, name := range RequiredKeys() {
		if len(ring.loaded()[name]) == 0 {
			ring.Destroy()
			return nil, fmt.Errorf("%w: %s (%s)", ErrNoKey, name.Purpose, name.Mode)
		}
	}
	return ring, nil
}

// Extend loads the stored keys that are not loaded yet, such as a version that
// another process made, and returns how many. It changes nothing if it fails.
// Errors are those of kms.KMS.
func (k *Keyring) Extend(ctx context.Context, backend kms.KMS, wrapped []WrappedKey) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var fresh []WrappedKey
	for _, w := range wrapped {
		if _, err := k.Version(w.Purpose, w.Mode, w.Version); err != nil {
			fresh = append(fresh, w)
		}
	}
	if len(fresh) == 0 {
		return 0, nil
	}
	memory, err := kms.NewLockedBuffer(len(fresh) * KeySize)
	if err != nil {
		return 0, fmt.Errorf("envelope: locked memory: %w", err)
	}
	next := make(keySet)
	for name, versions := range k.loaded() {
		next[name] = slices.Clone(versions)
	}
	if err := next.unwrap(ctx, backend, fresh, memory); err != nil {
		memory.Destroy()
		return 0, err
	}
	k.memory = append(k.memory, memory)
	k.keys.Store(&next)
	return len(fresh), nil
}

// unwrap adds keys, whose bytes go to memory.
func (k keySet) unwrap(ctx context.Context, backend kms.KMS, wrapped []WrappedKey, memory *kms.LockedBuffer) error {
	for start := 0; start < len(wrapped); start += kms.MaxBatch {
		batch := wrapped[start:min(start+kms.MaxBatch, len(wrapped))]
		items := make([]kms.UnwrapItem, len(batch))
		for i, w := range batch {
			items[i] = kms.UnwrapItem{Wrapped: w.Wrapped, Context: WorkingKeyContext(w.Purpose, w.Mode, w.Version)}
		}
		results, err := backend.Unwrap(ctx, kms.Work, items)
		if err != nil {
			return fmt.Errorf("envelope: unwrap working keys: %w", err)
		}
		defer wipe(results)
		if len(results) != len(batch) {
			return fmt.Errorf("envelope: unwrap working keys: %w", errResults)
		}
		for i, r := range results {
			w := batch[i]
			if r.Err == nil && len(r.Plaintext) != KeySize {
				r.Err = ErrSize
			}
			if r.Err != nil {
				return fmt.Errorf("envelope: working key %s (%s) version %d: %w", w.Purpose, w.Mode, w.Version, r.Err)
			}
			loaded := loadedKey{w.Version, memory, start + i}
			copy(loaded.secret(), r.Plaintext)
			k[w.KeyName] = append(k[w.KeyName], loaded)
		}
	}
	for _, versions := range k {
		slices.SortFunc(versions, func(a, b loadedKey) int { return cmp.Compare(b.version, a.version) })
	}
	return nil
}

func wipe(results []kms.UnwrapResult) {
	for _, r := range results {
		clear(r.Plaintext)
	}
}

func (k *Keyring) loaded() keySet {
	if set := k.keys.Load(); set != nil {
		return *set
	}
	return nil
}

// Active returns the newest version of a key, for sealing and tagging. The
// slice is the locked memory itself: use it at once, never keep or change it.
// ErrNoKey.
func (k *Keyring) Active(p Purpose, m Mode) (version uint32, key []byte, err error) {
	versions := k.loaded()[KeyName{p, m}]
	if len(versions) == 0 {
		return 0, nil, ErrNoKey
	}
	return versions[0].version, versions[0].secret(), nil
}

// Version returns one version of a key, for opening and checking. ErrNoKey.
func (k *Keyring) Version(p Purpose, m Mode, version uint32) ([]byte, error) {
	for _, l := range k.loaded()[KeyName{p, m}] {
		if l.version == version {
			return l.secret(), nil
		}
	}
	return nil, ErrNoKey
}

// Versions lists the loaded versions of a key, newest first.
func (k *Keyring) Versions(p Purpose, m Mode) []uint32 {
	loaded := k.loaded()[KeyName{p, m}]
	out := make([]uint32, len(loaded))
	for i, l := range loaded {
		out[i] = l.version
	}
	return out
}

// Locked reports whether the keys are on pages that cannot be swapped out.
func (k *Keyring) Locked() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return !slices.ContainsFunc(k.memory, func(m *kms.LockedBuffer) bool { return !m.Locked() })
}

// Destroy wipes the keys. The keyring must not be used afterwards.
func (k *Keyring) Destroy() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, m := range k.memory {
		m.Destroy()
	}
}
