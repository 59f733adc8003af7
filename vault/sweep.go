package vault

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/envelope"
)

const (
	// sweeper is the actor of what retention destroys.
	sweeper = "panvault retention"
	// sweepBatch is the most cards that one transaction destroys: few enough
	// that requests hardly wait for it.
	sweepBatch = 100
	// sweepEvery is the pause between sweeps.
	sweepEvery = time.Second
	// scrubEvery is the pause between removals of destroyed bytes from the
	// store's files. A removal reads the whole store, so the pause is scrubShare
	// times as long as the last one took, if that is longer. While the files are
	// in use the pause doubles up to scrubLatest.
	scrubEvery  = 10 * time.Second
	scrubShare  = 20
	scrubLatest = 10 * time.Minute
	// countEvery is how often the metric of what is past retention is counted.
	countEvery = time.Minute
)

// Sweep destroys all cards that are due, in batches that leave the store to
// others in between, and returns how many. Servers do it every second; two of
// them do not disturb each other. A row that was edited is left as it is, for
// it is evidence, and stays past retention. Errors: Unavailable, Internal.
func (s *Service) Sweep(ctx context.Context) (int, error) {
	total := 0
	for _, rule := range s.rules() {
		for more := true; more; {
			n, left, err := s.sweepBatch(ctx, rule)
			total, more = total+n, left
			if err != nil {
				return total, s.fail(err)
			}
		}
	}
	return total, nil
}

// rule is one reason to destroy cards, and how they are found.
type rule struct {
	why reason
	due func(ctx context.Context, r store.Reader, b store.Bounds, limit int) ([]store.Card, error)
}

func (s *Service) rules() []rule {
	rules := []rule{{lapsed, func(ctx context.Context, r store.Reader, b store.Bounds, limit int) ([]store.Card, error) {
		return r.LapsedTokens(ctx, b.Lapsed, limit)
	}}, {spent, func(ctx context.Context, r store.Reader, b store.Bounds, limit int) ([]store.Card, error) {
		return r.SpentCards(ctx, b.Spent, limit)
	}}}
	if s.opts.Retention.AfterUse > 0 {
		rules = append(rules, rule{unused, func(ctx context.Context, r store.Reader, b store.Bounds, limit int) ([]store.Card, error) {
			return r.UnusedCards(ctx, b.Used, limit)
		}})
	}
	if s.opts.Retention.AfterExpiry > 0 {
		rules = append(rules, rule{expired, func(ctx context.Context, r store.Reader, b store.Bounds, limit int) ([]store.Card, error) {
			return r.ExpiredCards(ctx, b.ExpiredYear, b.ExpiredMonth, limit)
		}})
	}
	return rules
}

// sweepBatch destroys up to sweepBatch cards in one transaction. more tells
// that there may be others.
func (s *Service) sweepBatch(ctx context.Context, r rule) (n int, more bool, err error) {
	limit := sweepBatch + s.evidence.size()
	var edited string
	var swept []string
	err = s.store.Update(ctx, func(tx store.Tx) error {
		edited, swept = "", nil
		rows, err := r.due(ctx, tx, s.bounds(s.now()), limit)
		if err != nil {
			return err
		}
		more = len(rows) == limit
		for i := range rows {
			if s.evidence.rests(rows[i].ID, s.now()) {
				continue
			}
			if err := s.sweepCard(ctx, tx, &rows[i], r.why); err != nil {
				edited = rows[i].ID
				return err
			}
			swept = append(swept, rows[i].ID)
		}
		return nil
	})
	var t *tamperedRow
	if errors.As(err, &t) {
		fresh, ok := s.evidence.add(edited, s.now())
		if fresh {
			err = s.recordTampering(ctx, System(sweeper), t.object, t.what)
		}
		if ok && (err == nil || !fresh) {
			return 0, true, nil
		}
	}
	if err != nil {
		return 0, false, err
	}
	n = len(swept)
	s.evidence.remove(swept)
	s.dropCodes(swept, r.why)
	if n > 0 {
		s.unscrubbed.Store(true)
	}
	s.metrics.destroyed.WithLabelValues(string(r.why)).Add(float64(n))
	return n, more, nil
}

// sweepCard destroys one card that is due.
func (s *Service) sweepCard(ctx context.Context, tx store.Tx, row *store.Card, why reason) error {
	c := Caller{Key: sweeper, Kind: "system", Merchant: row.Merchant, Live: row.Live}
	if s.keyring.Check(envelope.ModeOf(row.Live), cardRow(row), row.Tag) != nil {
		return &tamperedRow{publicID(cardPrefix, row.Live, row.ID), "card"}
	}
	if row.Customer == "" {
		return s.destroy(ctx, tx, c, row, why)
	}
	owner, err := s.ownerOf(ctx, tx, row)
	if err != nil {
		return err
	}
	if err := s.destroy(ctx, tx, c, row, why); err != nil {
		return err
	}
	if owner.DefaultCard != row.ID {
		return nil
	}
	return s.chooseDefault(ctx, tx, c, owner)
}

// ownerOf reads the customer that a stored card says it belongs to.
func (s *Service) ownerOf(ctx context.Context, r store.Reader, row *store.Card) (*store.Customer, error) {
	owner, err := r.Customer(ctx, row.Customer)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	edited := s.keyring.Check(envelope.ModeOf(owner.Live), customerRow(&owner), owner.Tag) != nil
	if err != nil || edited || owner.ID != row.Customer || owner.Merchant != row.Merchant || owner.Live != row.Live {
		return nil, &tamperedRow{publicID(customerPrefix, row.Live, row.Customer), "customer"}
	}
	return &owner, nil
}

// sweeping is the work of a server's background: sweeps, forgotten requests,
// and the removal of destroyed bytes from the files of the store.
func (s *Service) sweeping(ctx context.Context) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	pause, scrubbed, counted := scrubEvery, s.now(), time.Time{}
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		if _, err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("the sweep failed; the next one goes on", "error", err)
		}
		if _, err := s.RecoverForwards(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("abandoned forwards were not ended; the next attempt goes on", "error", err)
		}
		if err := s.forgetRequests(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("idempotency keys were not forgotten", "error", err)
		}
		if s.now().Sub(scrubbed) >= pause {
			pause, scrubbed = s.scrub(ctx, pause), s.now()
		}
		if s.now().Sub(counted) >= countEvery {
			s.countPast(ctx)
			counted = s.now()
		}
	}
}

// scrub removes destroyed bytes from the store's files, if there are any, and
// returns how long to wait for the next time.
func (s *Service) scrub(ctx context.Context, pause time.Duration) time.Duration {
	if !s.unscrubbed.Swap(false) {
		return scrubEvery
	}
	begun := time.Now()
	if err := s.store.Scrub(ctx); err != nil {
		s.unscrubbed.Store(true)
		s.log.Warn("destroyed bytes are still in the store's files; the next attempt removes them", "error", err)
		return min(2*max(pause, scrubEvery), scrubLatest)
	}
	return max(scrubEvery, scrubShare*time.Since(begun))
}

func (s *Service) countPast(ctx context.Context) {
	report, err := s.retentionReport(ctx)
	if err != nil {
		return // the store's own state says it
	}
	s.metrics.past.Set(float64(report.Past()))
	if report.Past() > 0 {
		s.log.Error("records are past retention", "records", report.Past())
	}
}

// evidence is the set of edited rows that the sweeper passes over, each for a
// while: a row that was restored is swept like any other. It is bounded: beyond,
// sweeps fail.
type evidence struct {
	mu  sync.Mutex
	ids map[string]time.Time // when it is looked at again
}

const (
	maxEvidence  = 10_000
	evidenceRest = time.Minute
)

// add notes a row; fresh tells that it is new. ok is false if there is no room.
func (e *evidence) add(id string, now time.Time) (fresh, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, known := e.ids[id]
	if !known && len(e.ids) >= maxEvidence {
		return false, false
	}
	if e.ids == nil {
		e.ids = make(map[string]time.Time)
	}
	e.ids[id] = now.Add(evidenceRest)
	return !known, true
}

// rests reports whether a row is to be passed over.
func (e *evidence) rests(id string, now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return now.Before(e.ids[id])
}

// remove forgets rows that were swept after all.
func (e *evidence) remove(ids []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, id := range ids {
		delete(e.ids, id)
	}
}

func (e *evidence) size() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.ids)
}
