package vault

import (
	"context"
	"crypto/rand"
	"errors"
	"math"
	"math/big"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/envelope"
)

// VerifySampleLimit is the largest sample: its ids are kept in memory.
const VerifySampleLimit = 100_000

// verifyIDs is how many ids of a kind a result names; all are counted, and in
// the audit log.
const verifyIDs = 1000

// VerifyOptions are what an operator chooses for a verification.
type VerifyOptions struct {
	Sample   int  // how many cards are opened, chosen at random: 0..VerifySampleLimit
	All      bool // every card is opened
	Progress func(checked int)
}

// Findings are cards of one kind of damage.
type Findings struct {
	Count int
	IDs   []string // card_ ids, the first 1000
}

func (f *Findings) add(id string) {
	f.Count++
	if len(f.IDs) < verifyIDs {
		f.IDs = append(f.IDs, id)
	}
}

// VerifyResult is what a verification found. Each card counts once.
type VerifyResult struct {
	Checked    int      // rows, of both modes
	Opened     int      // of them, whose number is what the row says
	Tampered   Findings // edited, or the number is not what the row says
	Missing    Findings // names a key version that does not exist
	Downgraded Findings // names a key version below the floor: an old row was put back
}

// Damaged is how many cards do not verify. It must be 0.
func (r VerifyResult) Damaged() int { return r.Tampered.Count + r.Missing.Count + r.Downgraded.Count }

// VerifyKeys checks the row of every card and its key version against the
// ledger, and opens a sample, or all. A number that is opened is compared with
// its row and wiped; nobody sees it. Each opening is on record before it is done
// (PCI DSS 10.2.1.1). It changes no card and is safe beside live traffic. The
// KMS must let this process open cards, as it lets an exchange server.
//
// Errors: Unauthenticated, BadRequest, Conflict (the KMS does not let it),
// Unavailable, Internal.
func (s *Service) VerifyKeys(ctx context.Context, c Caller, opts VerifyOptions) (VerifyResult, error) {
	if err := s.authorize(c, policy.ManageKey, policy.Resource{}); err != nil {
		return VerifyResult{}, err
	}
	if opts.Sample < 0 || opts.Sample > VerifySampleLimit {
		return VerifyResult{}, badRequest("sample must be 0 to 100000")
	}
	v := &verification{s: s, caller: c, opts: opts}
	err := v.walk(ctx, kms.CardTest, false)
	if err == nil {
		err = v.walk(ctx, kms.CardLive, true)
	}
	if err == nil {
		err = v.openSample(ctx)
	}
	if errors.Is(err, kms.ErrDenied) {
		return v.result, &Error{Code: Conflict, Message: "the KMS does not let this identity open cards; run it with an exchange server's", Cause: err}
	}
	return v.result, s.settle(ctx, c, err)
}

// verification is one run.
type verification struct {
	s      *Service
	caller Caller
	opts   VerifyOptions
	result VerifyResult
	seen   int64    // cards that the sample was drawn from
	sample []string // record ids
}

// versionBounds are the versions of a key that a card may name.
type versionBounds struct{ floor, newest uint32 }

// walk checks the cards of a mode in the order of their ids.
func (v *verification) walk(ctx context.Context, key kms.Key, live bool) error {
	s, after := v.s, ""
	for {
		var rows []store.Card
		var bounds versionBounds
		err := s.store.View(ctx, func(r store.Reader) (err error) {
			if rows, err = r.CardsOfKEK(ctx, live, math.MaxUint32, after, kms.MaxBatch); err != nil {
				return err
			}
			lives, err := s.keyLives(ctx, r)
			bounds = lives[key].bounds()
			return err
		})
		if err != nil || len(rows) == 0 {
			return err
		}
		after = rows[len(rows)-1].ID
		// Asked after the rows were read: a version that one of them names exists.
		d, err := s.opts.KMS.Describe(ctx, key)
		if err != nil {
			return err
		}
		bounds.newest, bounds.floor = max(bounds.newest, d.Latest), max(bounds.floor, 1)
		var good []string
		for i := range rows {
			ok, err := v.check(ctx, &rows[i], bounds)
			if err != nil {
				return err
			}
			if ok {
				good = append(good, rows[i].ID)
			}
		}
		if v.opts.All {
			err = v.open(ctx, good)
		} else {
			err = v.draw(good)
		}
		if err != nil {
			return err
		}
		if v.opts.Progress != nil {
			v.opts.Progress(v.result.Checked)
		}
	}
}

// bounds are the versions that the ledger knows, and may be used.
func (l keyLife) bounds() (b versionBounds) {
	for _, row := range l {
		b.newest = max(b.newest, row.Version)
		if row.State == store.KeyRetired || row.State == store.KeyDestroyed {
			b.floor = max(b.floor, row.Version+1)
		}
	}
	return b
}

// check compares a row with its tag and the ledger; false if it was found
// damaged, which is on record then.
func (v *verification) check(ctx context.Context, row *store.Card, b versionBounds) (bool, error) {
	v.result.Checked++
	id := publicID(cardPrefix, row.Live, row.ID)
	versions, ok := v.s.opts.KMS.(kms.Versioner)
	wrappedBy := row.KEKVersion
	var err error
	if ok {
		wrappedBy, err = versions.VersionOf(row.WrappedDEK)
	}
	switch {
	case v.s.keyring.Check(envelope.ModeOf(row.Live), cardRow(row), row.Tag) != nil, err != nil, wrappedBy != row.KEKVersion:
		return false, v.damaged(ctx, &v.result.Tampered, id, "card")
	case row.KEKVersion > b.newest:
		return false, v.damaged(ctx, &v.result.Missing, id, "card without its key version")
	case row.KEKVersion < b.floor:
		return false, v.damaged(ctx, &v.result.Downgraded, id, "card of a retired key version")
	}
	return true, nil
}

func (v *verification) damaged(ctx context.Context, f *Findings, id, what string) error {
	f.add(plainID(id))
	return v.s.recordTampering(ctx, v.caller, id, what)
}

// draw keeps a sample in which each card that was seen is equally likely
// (reservoir sampling, Knuth TAOCP 2 §3.4.2 algorithm R).
func (v *verification) draw(ids []string) error {
	for _, id := range ids {
		v.seen++
		if len(v.sample) < v.opts.Sample {
			v.sample = append(v.sample, id)
			continue
		}
		if v.opts.Sample == 0 {
			continue
		}
		n, err := rand.Int(v.s.random, big.NewInt(v.seen))
		if err != nil {
			return err
		}
		if i := n.Int64(); i < int64(len(v.sample)) {
			v.sample[i] = id
		}
	}
	return nil
}
