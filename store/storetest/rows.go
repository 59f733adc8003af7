package storetest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/panvault/panvault/store"
)

// unicode is text that a backend must give back byte for byte: combining and
// right-to-left characters, an emoji of four bytes, quotes and a backslash.
const unicode = "Zoë e\u0301 สมชาย שלום 💳 ' \" \\ %s $1 ?"

const maxTime = 1<<63 - 1

// id is the nth of a sequence of record ids in order.
func id(n int) string { return fmt.Sprintf("%024d", n) }

func merchantID(n int) string { return "mrch_" + id(n) }

// random is n bytes that no other call returns.
func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// fill is n bytes that depend on seed alone.
func fill(n int, seed uint64) []byte {
	var out []byte
	for block := uint64(0); len(out) < n; block++ {
		var in [16]byte
		binary.BigEndian.PutUint64(in[:], seed)
		binary.BigEndian.PutUint64(in[8:], block)
		sum := sha256.Sum256(in[:])
		out = append(out, sum[:]...)
	}
	return out[:n]
}

// Merchant returns the nth of a sequence of merchants that every backend must
// take, so that tests and benchmarks of backends need no rows of their own.
func Merchant(n int) store.Merchant {
	return store.Merchant{ID: merchantID(n), Name: fmt.Sprintf("Merchant %d", n),
		CreatedAt: int64(n + 1), Tag: fill(20, uint64(n))}
}

// Card returns the nth of a sequence of cards of Merchant(0), of about the
// size of real ones. The same n gives the same card.
func Card(n int) store.Card {
	seed := uint64(n)
	return store.Card{
		ID: id(n), Merchant: merchantID(0), Live: true,
		CreatedAt: int64(n + 1), ExpiresAt: int64(n + 2),
		Brand: "Visa", LastDigits: fmt.Sprintf("%04d", n%10000), ExpiryMonth: 1 + n%12, ExpiryYear: 2030,
		Fingerprint: fill(32, seed), ChargeStatus: "unknown",
		KEKVersion: 1, DEKGeneration: 1,
		WrappedDEK: fill(96, seed+1), SealedPAN: fill(80, seed+2), SealedProfile: fill(120, seed+3),
		Tag: fill(20, seed+4), FingerprintID: id(n),
	}
}

// NewCard returns a card of Merchant(0) with an id of this moment.
func NewCard() (store.Card, error) {
	id, err := store.NewID(time.Now(), rand.Reader)
	if err != nil {
		return store.Card{}, err
	}
	c := Card(0)
	c.ID = id
	return c, nil
}

func fingerprint(n int) store.Fingerprint {
	return store.Fingerprint{MAC: fill(32, uint64(n)), KeyVersion: 1, Merchant: merchantID(0), Live: true,
		Surrogate: random(32), CreatedAt: int64(n + 1), ID: id(n), Cards: 1, Tag: random(20)}
}

// used is Card(n) after it was used at a time.
func used(n int, at int64) store.Card {
	c := Card(n)
	c.ExpiresAt, c.UsedAt = 0, at
	return c
}

// stored is Card(n) as the card of a customer.
func stored(n, year, month int) store.Card {
	c := used(n, 1)
	c.Customer, c.AttachedAt, c.ExpiryYear, c.ExpiryMonth = id(0), 1, year, month
	return c
}

// destroyed is a card without its keys, otherwise as it was: such a row matches
// nothing, whatever else it holds.
func destroyed(c store.Card) store.Card {
	c.DeletedAt, c.FingerprintID = maxTime, ""
	c.WrappedDEK, c.SealedPAN, c.SealedProfile = nil, nil, nil
	return c
}

// idempotency is a key whose request is in flight.
func idempotency(n int) store.Idempotency {
	return store.Idempotency{ID: fill(32, uint64(n)), Request: random(32), Merchant: merchantID(0), Live: true,
		CreatedAt: int64(n + 1), ExpiresAt: int64(n + 2), Tag: random(20)}
}

// answered is one whose request was answered.
func answered(n int) store.Idempotency {
	i := idempotency(n)
	i.Status, i.Answer = 201, random(300)
	return i
}

func importOf(n int) store.Import {
	return store.Import{Source: fill(32, uint64(n)), ID: "impt_" + id(n), Merchant: merchantID(0), Live: true,
		CreatedAt: int64(n + 1), Prefix: random(32), Tag: random(20)}
}

// approval is one that was asked for.
func approval(n int) store.Approval {
	return store.Approval{ID: "appr_" + id(n), Action: "export", Subject: random(40), Reason: "audit",
		RequestedBy: "akey_" + id(1), RequestedAt: int64(n + 1), ExpiresAt: int64(n + 9), Tag: random(20)}
}

// granted is one that another operator granted.
func granted(n int) store.Approval {
	a := approval(n)
	a.GrantedBy, a.GrantedAt = "akey_"+id(2), int64(n+5)
	return a
}

// reveal is one that waits for approval.
func reveal(n int) store.Reveal {
	return store.Reveal{ID: "rvel_" + id(n), APIKey: "akey_" + id(1), Merchant: merchantID(0), Live: true, Card: id(2),
		Fields: "number,name", Outcome: "waiting", CreatedAt: int64(n + 1), CountedAt: int64(n + 1), Tag: random(20)}
}

func apiKey(n int) store.APIKey {
	return store.APIKey{ID: "akey_" + id(n), Hash: fill(32, uint64(n)), Merchant: merchantID(0),
		Kind: "secret", Live: true, Label: "shop", Hint: "a1b2", CreatedAt: int64(n + 1), Tag: random(20)}
}

func workingKey(purpose, mode string, version uint32) store.WorkingKey {
	return store.WorkingKey{Purpose: purpose, Mode: mode, Version: version, State: "active",
		KEKVersion: 1, Wrapped: random(64), CreatedAt: int64(version), Tag: random(20)}
}

func keyVersion(key string, version uint32) store.KeyVersion {
	return store.KeyVersion{Key: key, Version: version, State: store.KeyActive, BornAt: int64(version), ActivatedAt: int64(version + 1),
		ChangedBy: "akey_" + id(1), Reason: "cryptoperiod", Canary: random(64), Tag: random(20)}
}

// keyJob is one that has not finished.
func keyJob(n int) store.KeyJob {
	return store.KeyJob{ID: "job_" + id(n), Verb: "rewrap", Key: fmt.Sprintf("key-%d", n), Target: 2,
		StartedAt: int64(n + 1), UpdatedAt: int64(n + 1), StartedBy: "akey_" + id(1), Tag: random(20)}
}

// finished is one that has.
func finished(n int) store.KeyJob {
	j := keyJob(n)
	j.Cursor, j.Moved, j.Skipped, j.Failed, j.UpdatedAt, j.FinishedAt = id(9), 10, 20, 30, int64(n+7), int64(n+7)
	return j
}

func node(n int) store.Node {
	return store.Node{ID: fmt.Sprintf("node-%03d", n), Name: "node", StartedAt: int64(n + 1), SeenAt: int64(n + 1), Epoch: 3, Tag: random(20)}
}

// Event returns the nth of a sequence of audit records in order.
func Event(n int) store.Event {
	return store.Event{ID: "evnt_" + id(n), At: int64(n + 1), Type: "token.create",
		Body: fmt.Appendf(nil, `{"n":%d}`, n), Leaf: fill(32, uint64(n))}
}
