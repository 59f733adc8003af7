package vault

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/time/rate"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/envelope"
)

const (
	verbRewrap = "rewrap"
	jobPrefix  = "job_"
	// rewrapBatch is how many cards one transaction moves: as many as
	// rewrapCalls calls of the KMS take at once.
	rewrapCalls = 4
	rewrapBatch = rewrapCalls * kms.MaxBatch
)

// RewrapOptions are what an operator chooses for a rewrap.
type RewrapOptions struct {
	Rate     float64 // records a second; 0 for no limit
	Progress func(KeyJob)
}

// KeyJob is how far a run over the records of a key has come.
type KeyJob struct {
	ID      string // job_ + 24
	Verb    string
	Key     kms.Key
	Target  uint32 // the version that they move to
	Total   int    // records that had another version when this process began
	Moved   int64
	Skipped int64 // somebody else moved or changed them meanwhile
	Failed  int64 // edited: recorded, and left as they are
	Done    bool
}

// RewrapKey moves every data key, or working key, that an older version of a KEK
// wraps to the newest. The plaintext stays in the KMS. It is safe beside live
// traffic and beside another run; a run that was killed goes on where it
// stopped; running it again moves what is left. It returns when a whole pass
// found nothing to move. Data keys that servers have prepared with the old
// version are dropped by them within seconds of a rotation.
//
// Errors: Unauthenticated, BadRequest, Conflict (rotated meanwhile, or another
// run goes on), Unavailable, Internal.
func (s *Service) RewrapKey(ctx context.Context, c Caller, key kms.Key, opts RewrapOptions) (KeyJob, error) {
	rotator, err := s.rotator(c, key)
	if err != nil {
		return KeyJob{}, err
	}
	d, err := s.opts.KMS.Describe(ctx, key)
	if err == nil {
		err = s.learnKeys(ctx, c, d)
	}
	if err != nil {
		return KeyJob{}, s.settle(ctx, c, err)
	}
	w := &rewrap{s: s, caller: c, kms: rotator, key: key, target: d.Latest, opts: opts}
	if opts.Rate > 0 {
		w.limit = rate.NewLimiter(rate.Limit(opts.Rate), rewrapBatch)
	}
	if err := w.begin(ctx); err != nil {
		return KeyJob{}, s.settle(ctx, c, err)
	}
	if err := w.run(ctx); err != nil {
		return w.view(), s.settle(ctx, c, err)
	}
	return w.view(), nil
}

// rewrap is one run.
type rewrap struct {
	s      *Service
	caller Caller
	kms    kms.Rotator
	key    kms.Key
	target uint32
	opts   RewrapOptions
	limit  *rate.Limiter
	job    store.KeyJob // as committed last
	total  int
}

// begin takes up the job that a killed process left, or begins one. A job for an
// older version is over: what it left is found by the new one.
func (w *rewrap) begin(ctx context.Context) error {
	s, now := w.s, w.s.now()
	suffix, err := store.NewID(now, s.random)
	if err != nil {
		return err
	}
	return s.store.Update(ctx, func(tx store.Tx) error {
		uses, err := s.keyUses(ctx, tx, w.key)
		if err != nil {
			return err
		}
		w.total = 0
		for version, use := range uses {
			if version < w.target {
				w.total += use.Cards
			}
		}
		open, err := tx.OpenKeyJob(ctx, verbRewrap, string(w.key))
		if err == nil && s.keyring.Check(envelope.ModeAll, keyJobRow(&open), open.Tag) != nil {
			return &tamperedRow{open.ID, "key job"}
		}
		if err == nil && open.Target == w.target {
			w.job = open
			return nil
		}
		if err == nil {
			was := open.Tag
			open.FinishedAt = now.UnixMicro()
			if err := w.replace(ctx, tx, &open, was); err != nil {
				return err
			}
		} else if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		w.job = store.KeyJob{
			ID: jobPrefix + suffix, Verb: verbRewrap, Key: string(w.key), Target: w.target,
			StartedAt: now.UnixMicro(), UpdatedAt: now.UnixMicro(), StartedBy: w.caller.Key,
		}
		if w.job.Tag, err = s.keyring.Tag(envelope.ModeAll, keyJobRow(&w.job)); err != nil {
			return err
		}
		if err := tx.InsertKeyJob(ctx, &w.job); err != nil {
			return err
		}
		return s.append(ctx, tx, w.event(audit.KeyRewrap))
	})
}

func (w *rewrap) event(t audit.Type) audit.Event {
	e := w.caller.event(t, audit.OK, string(w.key))
	e.Details = map[string]string{"job": w.job.ID, "version": version(w.target)}
	return e
}

func (w *rewrap) replace(ctx context.Context, tx store.Tx, job *store.KeyJob, was []byte) (err error) {
	if job.Tag, err = w.s.keyring.Tag(envelope.ModeAll, keyJobRow(job)); err != nil {
		return err
	}
	return tx.UpdateKeyJob(ctx, job, was)
}

// run passes over the records until a whole pass finds none.
func (w *rewrap) run(ctx context.Context) error {
	mode, cards := modeOfKey(w.key)
	if !cards {
		if err := w.workingKeys(ctx); err != nil {
			return err
		}
		return w.finish(ctx)
	}
	for moved := int64(-1); ; {
		n, err := w.batch(ctx, mode)
		if err != nil {
			return err
		}
		w.tell(false)
		switch {
		case n > 0:
		case w.job.Cursor == "" || w.job.Moved == moved: // a pass from the start found none that can be moved
			return w.finish(ctx)
		default:
			moved = w.job.Moved
			if err := w.rewind(ctx); err != nil {
				return err
			}
		}
	}
}

// batch moves the next cards and returns how many it looked at.
func (w *rewrap) batch(ctx context.Context, mode envelope.Mode) (int, error) {
	s := w.s
	var rows []store.Card
	err := s.store.View(ctx, func(r store.Reader) (err error) {
		rows, err = r.CardsOfKEK(ctx, mode == envelope.ModeLive, w.target, w.job.Cursor, rewrapBatch)
		return err
	})
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	if w.limit != nil {
		if err := w.limit.WaitN(ctx, len(rows)); err != nil {
			return 0, err
		}
	}
	genuine, edited := w.prove(rows, mode)
	wrapped, err := w.rewrapped(ctx, genuine, mode)
	if err != nil {
		return 0, err
	}
	for i, r := range wrapped {
		if errors.Is(r.Err, kms.ErrTampered) { // the row is genuine: it is the KMS that does not know its blob
			edited = append(edited, genuine[i])
		} else if r.Err != nil {
			return 0, r.Err
		}
	}
	for _, row := range edited {
		if err := s.recordTampering(ctx, w.caller, publicID(cardPrefix, row.Live, row.ID), "card"); err != nil {
			return 0, err
		}
	}
	return len(rows), w.commit(ctx, genuine, wrapped, rows[len(rows)-1].ID, len(edited))
}

// prove parts the rows that were edited from the others.
func (w *rewrap) prove(rows []store.Card, mode envelope.Mode) (genuine, edited []*store.Card) {
	for i := range rows {
		row := &rows[i]
		if w.s.keyring.Check(mode, cardRow(row), row.Tag) != nil || envelope.ModeOf(row.Live) != mode {
			edited = append(edited, row)
			continue
		}
		genuine = append(genuine, row)
	}
	return genuine, edited
}

// rewrapped asks the KMS, in calls side by side.
func (w *rewrap) rewrapped(ctx context.Context, rows []*store.Card, mode envelope.Mode) ([]kms.WrapResult, error) {
	results := make([]kms.WrapResult, len(rows))
	errs := make([]error, rewrapCalls)
	var calls sync.WaitGroup
	for n := range rewrapCalls {
		from, to := min(n*kms.MaxBatch, len(rows)), min((n+1)*kms.MaxBatch, len(rows))
		if from == to {
			break
		}
		calls.Go(func() {
			items := make([]kms.RewrapItem, to-from)
			for i, row := range rows[from:to] {
				items[i] = kms.RewrapItem{Wrapped: row.WrappedDEK, Context: envelope.DataKeyContext(mode, row.ID)}
			}
			got, err := w.kms.Rewrap(ctx, w.key, items)
			if err == nil && len(got) != len(items) {
				err = errKeyCount
			}
			errs[n] = err
			copy(results[from:to], got)
		})
	}
	calls.Wait()
	return results, errors.Join(errs...)
}

// commit writes the moved keys, the job's progress and its record together. A
// card that somebody changed since it was read is left for the next pass.
func (w *rewrap) commit(ctx context.Context, rows []*store.Card, wrapped []kms.WrapResult, cursor string, failed int) error {
	s := w.s
	var next store.KeyJob
	err := s.store.Update(ctx, func(tx store.Tx) error {
		next = w.job
		next.Cursor, next.UpdatedAt, next.Failed = cursor, s.now().UnixMicro(), next.Failed+int64(failed)
		for i, row := range rows {
			r := wrapped[i]
			if r.Err != nil {
				continue
			}
			if r.Version < w.target {
				return envelope.ErrDowngrade
			}
			moved := *row
			moved.WrappedDEK, moved.KEKVersion = r.Wrapped, r.Version
			var err error
			if moved.Tag, err = s.keyring.Tag(envelope.ModeOf(row.Live), cardRow(&moved)); err != nil {
				return err
			}
			switch err := tx.UpdateCardKeys(ctx, &moved, row.Tag); {
			case errors.Is(err, store.ErrConflict):
				next.Skipped++
			case err != nil:
				return err
			default:
				next.Moved++
			}
		}
		return w.replace(ctx, tx, &next, w.job.Tag)
	})
	if errors.Is(err, store.ErrConflict) {
		return &Error{Code: Conflict, Message: "another process goes on with this job"}
	}
	if err == nil {
		w.job = next
		s.unscrubbed.Store(true) // the old blobs were overwritten
	}
	return err
}

// rewind begins another pass: cards that were being made, or changed, when the
// last one passed them.
func (w *rewrap) rewind(ctx context.Context) error {
	next := w.job
	next.Cursor, next.UpdatedAt = "", w.s.now().UnixMicro()
	err := w.s.store.Update(ctx, func(tx store.Tx) error { return w.replace(ctx, tx, &next, w.job.Tag) })
	if err == nil {
		w.job = next
	}
	return err
}

// finish ends the job, with its record.
func (w *rewrap) finish(ctx context.Context) error {
	s := w.s
	next := w.job
	next.FinishedAt, next.UpdatedAt = s.now().UnixMicro(), s.now().UnixMicro()
	err := s.store.Update(ctx, func(tx store.Tx) error {
		if err := w.replace(ctx, tx, &next, w.job.Tag); err != nil {
			return err
		}
		e := w.event(audit.KeyRewrapped)
		e.Details["moved"], e.Details["skipped"], e.Details["failed"] = count(next.Moved), count(next.Skipped), count(next.Failed)
		return s.append(ctx, tx, e)
	})
	if err == nil {
		w.job = next
		w.tell(true)
	}
	return err
}

func (w *rewrap) tell(bool) {
	if w.opts.Progress != nil {
		w.opts.Progress(w.view())
	}
}

func (w *rewrap) view() KeyJob {
	return KeyJob{
		ID: w.job.ID, Verb: w.job.Verb, Key: w.key, Target: w.target, Total: w.total,
		Moved: w.job.Moved, Skipped: w.job.Skipped, Failed: w.job.Failed, Done: w.job.FinishedAt != 0,
	}
}
