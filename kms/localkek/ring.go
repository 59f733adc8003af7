package localkek

import (
	"crypto/subtle"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/panvault/panvault/kms"
)

// ring is one reading of a keyring file. It does not change; every key in it
// points into its locked buffer, so none may be used after destroy.
type ring struct {
	buf  *kms.LockedBuffer
	keys []keyVersions // in order of name
	info os.FileInfo   // of the file it was read from
}

// keyVersions is one key-encryption key with its versions, oldest first,
// consecutive, never empty.
type keyVersions struct {
	name       kms.Key
	minDecrypt uint32
	minEncrypt uint32
	versions   []version
}

// version is one version of a key.
type version struct {
	number  uint32
	created int64 // microseconds since the epoch, UTC
	kek     []byte
}

func (r *ring) body() []byte { return r.buf.Bytes() }

func (r *ring) destroy() {
	if r != nil {
		r.buf.Destroy()
	}
}

// find returns the key's place in the ring. Error: kms.ErrKeyMissing.
func (r *ring) find(key kms.Key) (int, error) {
	for i, k := range r.keys {
		if k.name == key && key.Known() {
			return i, nil
		}
	}
	return 0, kms.ErrKeyMissing
}

func (k keyVersions) latest() version { return k.versions[len(k.versions)-1] }

// oldest is the lowest version whose material is still there.
func (k keyVersions) oldest() uint32 { return k.versions[0].number }

// version finds a version that still decrypts. Errors: kms.ErrVersionRetired
// below the floor, kms.ErrTampered above the newest: nobody wrapped under it.
func (k keyVersions) version(n uint32) (version, error) {
	switch {
	case n < k.minDecrypt:
		return version{}, kms.ErrVersionRetired
	case n > k.latest().number:
		return version{}, fmt.Errorf("%w: unknown version %d", kms.ErrTampered, n)
	}
	return k.versions[n-k.versions[0].number], nil
}

func (k keyVersions) describe() kms.Description {
	d := kms.Description{
		Key: k.name, Name: "local:" + string(k.name), Latest: k.latest().number, MinAvailable: k.oldest(),
		MinDecrypt: k.minDecrypt, MinEncrypt: k.minEncrypt, Created: map[uint32]time.Time{},
	}
	for _, v := range k.versions {
		if v.number >= k.minDecrypt {
			d.Created[v.number] = time.UnixMicro(v.created).UTC()
		}
	}
	return d
}

// describe describes one key of the ring. Error: kms.ErrKeyMissing.
func (r *ring) describe(key kms.Key) (kms.Description, error) {
	i, err := r.find(key)
	if err != nil {
		return kms.Description{}, err
	}
	return r.keys[i].describe(), nil
}

// drawKeys returns n random bytes in locked memory, for the caller to destroy.
// Each KEK is 256 bits of the source's output, used for nothing else.
func drawKeys(rand io.Reader, n int) (*kms.LockedBuffer, error) {
	buf, err := kms.NewLockedBuffer(n)
	if err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(rand, buf.Bytes()); err != nil {
		buf.Destroy()
		return nil, fmt.Errorf("localkek: draw keys: %w", err)
	}
	return buf, nil
}

// newRing draws version 1 of every key.
func newRing(rand io.Reader, now time.Time) (*ring, error) {
	names := kms.Keys()
	slices.Sort(names)
	keks, err := drawKeys(rand, len(names)*kekSize)
	if err != nil {
		return nil, err
	}
	defer keks.Destroy()
	var keys []keyVersions
	for i, name := range names {
		v := version{number: 1, created: now.UnixMicro(), kek: keks.Bytes()[i*kekSize:][:kekSize]}
		keys = append(keys, keyVersions{name: name, minDecrypt: 1, minEncrypt: 1, versions: []version{v}})
	}
	return buildRing(keys)
}

// follows reports whether r can take the place of old: it has every key and
// version of old that still decrypts, unchanged, lowers no floor, and brings
// back nothing that was destroyed.
func (r *ring) follows(old *ring) error {
	for _, was := range old.keys {
		i := slices.IndexFunc(r.keys, func(k keyVersions) bool { return k.name == was.name })
		if i < 0 {
			return fmt.Errorf("%w: key %s is gone", ErrKeyring, was.name)
		}
		is := r.keys[i]
		if is.latest().number < was.latest().number || is.minDecrypt < was.minDecrypt || is.minEncrypt < was.minEncrypt ||
			is.oldest() < was.oldest() {
			return fmt.Errorf("%w: key %s went back to an older state", ErrKeyring, was.name)
		}
		for _, v := range was.versions {
			if v.number < is.minDecrypt {
				continue
			}
			now, err := is.version(v.number)
			if err != nil || subtle.ConstantTimeCompare(now.kek, v.kek) != 1 {
				return fmt.Errorf("%w: version %d of key %s was replaced", ErrKeyring, v.number, was.name)
			}
		}
	}
	return nil
}
