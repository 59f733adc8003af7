package vault

import (
	"context"
	"time"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
)

// Retention is how long cards are kept (PCI DSS 3.2.1). Unused tokens have a
// life of their own, Options.TokenTTL.
type Retention struct {
	AfterExpiry int // days after a stored card's last month; 0 keeps it
	AfterUse    int // days after a card was last used; 0 keeps it
	Backups     int // days that a backup of the database is kept at most; 0: there are none
}

const day = 24 * time.Hour

// spentLife is how long a used token's number is kept: long enough for the last
// attempt to end and for its answer to be looked up, and nothing can use it
// then. A purpose that is over is no reason to keep a number (PCI DSS 3.2.1).
const spentLife = time.Hour

// grace is how long the sweeper may take for what is due before it counts as
// past retention.
const grace = time.Minute

// RetentionReport says what is kept and whether anything is kept too long.
type RetentionReport struct {
	At        time.Time
	Retention Retention
	TokenTTL  time.Duration // the server's default; merchants can have their own

	Tokens int // unused tokens, lapsed ones included
	Stored int // cards of customers

	Due         int       // to be destroyed by the next sweep
	OldestLapse time.Time // of a token that is due; zero for none

	SpentCards   int // past retention: used cards of no customer
	LapsedTokens int // past retention: each due for longer than a minute
	UnusedCards  int
	ExpiredCards int
}

// Past is how many records are past retention. It must be 0.
func (r RetentionReport) Past() int {
	return r.SpentCards + r.LapsedTokens + r.UnusedCards + r.ExpiredCards
}

// RetentionReport counts what is kept. Errors: Unauthenticated, Unavailable.
func (s *Service) RetentionReport(ctx context.Context, c Caller) (RetentionReport, error) {
	if err := s.authorize(c, policy.ReadOperations, policy.Resource{}); err != nil {
		return RetentionReport{}, err
	}
	report, err := s.retentionReport(ctx)
	return report, s.fail(err)
}

func (s *Service) retentionReport(ctx context.Context) (RetentionReport, error) {
	now := s.now()
	var due, past store.RetentionCount
	err := s.store.View(ctx, func(r store.Reader) (err error) {
		if due, err = r.CountRetention(ctx, s.bounds(now)); err != nil {
			return err
		}
		past, err = r.CountRetention(ctx, s.bounds(now.Add(-grace)))
		return err
	})
	if err != nil {
		return RetentionReport{}, err
	}
	return RetentionReport{
		At: now.UTC(), Retention: s.opts.Retention, TokenTTL: s.opts.TokenTTL,
		Tokens: due.Tokens, Stored: due.Stored,
		Due: due.Lapsed + due.Spent + due.Used + due.Past, OldestLapse: timeOf(due.Oldest),
		SpentCards: past.Spent, LapsedTokens: past.Lapsed, UnusedCards: past.Used, ExpiredCards: past.Past,
	}, nil
}

// bounds are what is due at a time.
func (s *Service) bounds(at time.Time) store.Bounds {
	b := store.Bounds{Lapsed: at.UnixMicro(), Spent: at.Add(-spentLife).UnixMicro()}
	if days := s.opts.Retention.AfterUse; days > 0 {
		b.Used = at.Add(-time.Duration(days) * day).UnixMicro()
	}
	if days := s.opts.Retention.AfterExpiry; days > 0 {
		// A card is good until its last month has ended everywhere (UTC-12).
		month := at.UTC().Add(-12*time.Hour - time.Duration(days)*day)
		b.ExpiredYear, b.ExpiredMonth = month.Year(), int(month.Month())
	}
	return b
}

// shredHorizon is when the last backup that may hold a record, destroyed at a
// time in microseconds, is gone: from then on nothing brings it back.
func (s *Service) shredHorizon(destroyed int64) time.Time {
	return timeOf(destroyed).Add(time.Duration(s.opts.Retention.Backups) * day)
}
