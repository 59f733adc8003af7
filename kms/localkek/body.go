package localkek

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/panvault/panvault/kms"
)

// Bounds of the body: see FORMAT.md.
const (
	maxKeys     = 16
	maxName     = 32   // bytes
	maxVersions = 1024 // of one key: more than two a week for nine years
	versionSize = 4 + 8 + kekSize
	keySize     = 1 + 4 + 4 + 2 // without the name and the versions
	maxBody     = 1 + maxKeys*(keySize+maxName+maxVersions*versionSize)
)

// parseBody indexes the keyring in buf, which it takes over on success. Keys
// point into the buffer.
func parseBody(buf *kms.LockedBuffer) (*ring, error) {
	p := &parser{rest: buf.Bytes()}
	n := p.uint8()
	if n < 1 || n > maxKeys {
		return nil, fmt.Errorf("%w: %d keys, want 1 to %d", ErrKeyring, n, maxKeys)
	}
	r := &ring{buf: buf}
	for range n {
		k := p.key()
		if p.err != nil {
			return nil, p.err
		}
		if i := len(r.keys); i > 0 && k.name <= r.keys[i-1].name {
			return nil, fmt.Errorf("%w: keys are not in order", ErrKeyring)
		}
		r.keys = append(r.keys, k)
	}
	if p.err == nil && len(p.rest) > 0 {
		p.fail("%d bytes too many", len(p.rest))
	}
	if p.err != nil {
		return nil, p.err
	}
	return r, nil
}

// parser reads a body from front to back. After the first failure it returns
// zero values and keeps the error.
type parser struct {
	rest []byte
	err  error
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("%w: "+format, append([]any{ErrKeyring}, args...)...)
	}
}

func (p *parser) take(n int) []byte {
	if p.err != nil || n > len(p.rest) {
		p.fail("body ends early")
		return make([]byte, n)
	}
	b := p.rest[:n:n]
	p.rest = p.rest[n:]
	return b
}

func (p *parser) uint8() uint8   { return p.take(1)[0] }
func (p *parser) uint16() uint16 { return binary.BigEndian.Uint16(p.take(2)) }
func (p *parser) uint32() uint32 { return binary.BigEndian.Uint32(p.take(4)) }
func (p *parser) uint64() uint64 { return binary.BigEndian.Uint64(p.take(8)) }

func (p *parser) key() keyVersions {
	k := keyVersions{name: p.name(), minDecrypt: p.uint32(), minEncrypt: p.uint32()}
	n := p.uint16()
	if n < 1 || n > maxVersions {
		p.fail("%d versions, want 1 to %d", n, maxVersions)
		return k
	}
	for range n {
		v := version{number: p.uint32(), created: p.created(), kek: p.take(kekSize)}
		if i := len(k.versions); p.err == nil && i > 0 && v.number != k.versions[i-1].number+1 {
			p.fail("versions are not consecutive")
		}
		if p.err != nil {
			return k
		}
		k.versions = append(k.versions, v)
	}
	first, latest := k.versions[0].number, k.latest().number
	if first < 1 || latest < first || k.minDecrypt < first || k.minEncrypt < k.minDecrypt || latest < k.minEncrypt {
		p.fail("floors %d and %d for versions %d to %d", k.minDecrypt, k.minEncrypt, first, latest)
	}
	return k
}

// name reads a key's name: lower-case letters, digits and dashes.
func (p *parser) name() kms.Key {
	n := int(p.uint8())
	if n < 1 || n > maxName {
		p.fail("key name of %d bytes, want 1 to %d", n, maxName)
		return ""
	}
	b := p.take(n)
	for _, c := range b {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			p.fail("a key name has other characters than a-z, 0-9 and dash")
			return ""
		}
	}
	return kms.Key(b)
}

// created reads microseconds since the epoch, UTC.
func (p *parser) created() int64 {
	us := p.uint64()
	if us < 1 || us > math.MaxInt64 {
		p.fail("creation time is out of range")
	}
	return int64(us)
}

// buildRing lays keys out in a new locked buffer and indexes it. The keys may
// point into another ring, which it leaves alone.
func buildRing(keys []keyVersions) (*ring, error) {
	size := 1
	for _, k := range keys {
		size += keySize + len(k.name) + len(k.versions)*versionSize
	}
	buf, err := kms.NewLockedBuffer(size)
	if err != nil {
		return nil, err
	}
	b := append(buf.Bytes()[:0], uint8(len(keys)))
	for _, k := range keys {
		b = append(b, uint8(len(k.name)))
		b = append(b, k.name...)
		b = binary.BigEndian.AppendUint32(b, k.minDecrypt)
		b = binary.BigEndian.AppendUint32(b, k.minEncrypt)
		b = binary.BigEndian.AppendUint16(b, uint16(len(k.versions)))
		for _, v := range k.versions {
			b = binary.BigEndian.AppendUint32(b, v.number)
			b = binary.BigEndian.AppendUint64(b, uint64(v.created))
			b = append(b, v.kek...)
		}
	}
	// Reading back what was built holds the writer to the reader's rules.
	r, err := parseBody(buf)
	if err != nil {
		buf.Destroy()
		return nil, err
	}
	return r, nil
}
