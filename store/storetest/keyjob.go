package storetest

import (
	"math"
	"strings"

	"github.com/panvault/panvault/store"
)

func (h *harness) addKeyJobs(all ...store.KeyJob) {
	h.Helper()
	h.update(func(tx store.Tx) error {
		for i := range all {
			if err := tx.InsertKeyJob(h.ctx, &all[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (h *harness) keyJob(id string) (got store.KeyJob) {
	h.Helper()
	h.view(func(r store.Reader) (err error) {
		got, err = r.KeyJob(h.ctx, id)
		return err
	})
	return got
}

func (h *harness) openKeyJob(verb, key string) (got store.KeyJob) {
	h.Helper()
	h.view(func(r store.Reader) (err error) {
		got, err = r.OpenKeyJob(h.ctx, verb, key)
		return err
	})
	return got
}

func (h *harness) keyJobs(limit int) (got []store.KeyJob) {
	h.Helper()
	h.view(func(r store.Reader) (err error) {
		got, err = r.KeyJobs(h.ctx, limit)
		return err
	})
	return got
}

func (h *harness) updateKeyJob(j store.KeyJob, was []byte) func(store.Tx) error {
	return func(tx store.Tx) error { return tx.UpdateKeyJob(h.ctx, &j, was) }
}

func keyJobRoundTrip(h *harness) {
	least := store.KeyJob{ID: "job_" + id(3), Verb: "x", Key: "y", StartedBy: "z", Tag: make([]byte, 20)}
	extreme := store.KeyJob{ID: "job_" + id(4), Verb: strings.Repeat("é", 32), Key: strings.Repeat("é", 64), Target: math.MaxUint32,
		Cursor: strings.Repeat("é", 64), Moved: maxTime, Skipped: maxTime, Failed: maxTime, StartedAt: maxTime, UpdatedAt: maxTime,
		FinishedAt: maxTime, StartedBy: strings.Repeat("é", 255), Tag: random(20)}
	odd := keyJob(5)
	odd.Verb, odd.Key, odd.Cursor, odd.StartedBy = "'\"\\ $1", "fingerprint/live", "' ?", unicode
	for _, want := range []store.KeyJob{keyJob(1), finished(2), least, extreme, odd} {
		h.addKeyJobs(want)
		h.reopen()
		same(h, "job", h.keyJob(want.ID), want)
		if want.FinishedAt == 0 {
			same(h, "unfinished job", h.openKeyJob(want.Verb, want.Key), want)
		}
	}
}

func keyJobList(h *harness) {
	if got := h.keyJobs(10); len(got) != 0 {
		h.Errorf("jobs of an empty store: got %d rows", len(got))
	}
	all := []store.KeyJob{finished(5), keyJob(4), finished(3), keyJob(2), keyJob(1)}
	h.addKeyJobs(all[2], all[4], all[0], all[3], all[1])
	for _, test := range []struct{ limit, want int }{{0, 0}, {1, 1}, {4, 4}, {5, 5}, {6, 5}} {
		got := h.keyJobs(test.limit)
		if len(got) != test.want {
			h.Errorf("limit %d: got %d rows, want %d", test.limit, len(got), test.want)
		}
		for i := range got {
			same(h, "jobs, newest first", got[i], all[i])
		}
	}
}

// keyJobOpen: there is one unfinished job of a verb and key, and any number of
// finished ones.
func keyJobOpen(h *harness) {
	was, now := finished(1), keyJob(2)
	was.Key = now.Key
	h.addKeyJobs(was)
	h.miss(func(r store.Reader) error { _, err := r.OpenKeyJob(h.ctx, was.Verb, was.Key); return err })
	h.addKeyJobs(now)
	second, verb, key, past := keyJob(3), keyJob(4), keyJob(5), finished(6)
	second.Key, verb.Key, verb.Verb, past.Key = now.Key, now.Key, "rekey", now.Key
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.InsertKeyJob(h.ctx, &second) })
	h.addKeyJobs(verb, key, past)
	same(h, "unfinished job", h.openKeyJob(now.Verb, now.Key), now)
	same(h, "of another verb", h.openKeyJob(verb.Verb, now.Key), verb)
	same(h, "of another key", h.openKeyJob(now.Verb, key.Key), key)
	h.miss(func(r store.Reader) error { _, err := r.OpenKeyJob(h.ctx, "rekey", key.Key); return err })

	done := now
	done.FinishedAt, done.Tag = 9, random(20)
	h.update(h.updateKeyJob(done, now.Tag))
	h.miss(func(r store.Reader) error { _, err := r.OpenKeyJob(h.ctx, now.Verb, now.Key); return err })
	h.addKeyJobs(second)
	again := done
	again.FinishedAt, again.Tag = 0, random(20)
	h.refuse(store.ErrConflict, h.updateKeyJob(again, done.Tag))
	same(h, "unfinished job", h.openKeyJob(now.Verb, now.Key), second)
}

func keyJobErrors(h *harness) {
	j := keyJob(1)
	h.miss(func(r store.Reader) error { _, err := r.KeyJob(h.ctx, j.ID); return err })
	h.miss(func(r store.Reader) error { _, err := r.OpenKeyJob(h.ctx, j.Verb, j.Key); return err })
	h.addKeyJobs(j)
	other := finished(2)
	other.ID = j.ID
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.InsertKeyJob(h.ctx, &other) })
	same(h, "jobs", h.keyJobs(9), []store.KeyJob{j})
}

func keyJobUpdate(h *harness) {
	kept, was := keyJob(1), keyJob(2)
	h.addKeyJobs(kept, was)
	changed := was
	changed.Cursor, changed.Moved, changed.Skipped, changed.Failed = id(5), 10, 20, 30
	changed.UpdatedAt, changed.FinishedAt, changed.Tag = 40, 50, random(20)
	for _, tag := range [][]byte{kept.Tag, changed.Tag, random(20), nil} {
		h.refuse(store.ErrConflict, h.updateKeyJob(changed, tag))
	}
	absent := changed
	absent.ID = "job_" + id(98)
	h.refuse(store.ErrConflict, h.updateKeyJob(absent, was.Tag))
	same(h, "jobs before", h.keyJobs(9), []store.KeyJob{was, kept})

	submitted := changed // what was asked for is kept, whatever the caller passes
	submitted.Verb, submitted.Key, submitted.Target = "other", "other", 99
	submitted.StartedAt, submitted.StartedBy = 999, "other"
	h.update(h.updateKeyJob(submitted, was.Tag))
	same(h, "jobs after", h.keyJobs(9), []store.KeyJob{changed, kept})
	h.refuse(store.ErrConflict, h.updateKeyJob(was, was.Tag))
}

// keyJobRace: of those who go on with one job, one does.
func keyJobRace(h *harness) {
	was := keyJob(1)
	h.addKeyJobs(was)
	for round := range 10 {
		var next [4]store.KeyJob
		for i := range next {
			next[i] = was
			next[i].Moved, next[i].Failed, next[i].Tag = int64(round+1), int64(i), random(20)
		}
		winner := h.race("update", len(next), func(tx store.Tx, i int) error { return tx.UpdateKeyJob(h.ctx, &next[i], was.Tag) })
		was = next[winner]
		same(h, "jobs", h.keyJobs(9), []store.KeyJob{was})
	}
	first := keyJob(20)
	winner := h.race("start", 4, func(tx store.Tx, i int) error {
		j := first
		j.ID, j.Target = "job_"+id(20+i), uint32(i)
		return tx.InsertKeyJob(h.ctx, &j)
	})
	if got := h.openKeyJob(first.Verb, first.Key); got.Target != uint32(winner) {
		h.Errorf("job %d is open, want that of the winner, %d", got.Target, winner)
	}
}

func keyJobRules(h *harness) {
	good := keyJob(1)
	progress := []broken[store.KeyJob]{
		{"a long cursor", func(j *store.KeyJob) { j.Cursor = string(marked(65)) }},
		{"fewer than none moved", func(j *store.KeyJob) { j.Moved = -markerNumber }},
		{"fewer than none skipped", func(j *store.KeyJob) { j.Skipped = -markerNumber }},
		{"fewer than none failed", func(j *store.KeyJob) { j.Failed = -markerNumber }},
		{"an update before 1970", func(j *store.KeyJob) { j.UpdatedAt = -markerNumber }},
		{"an end before 1970", func(j *store.KeyJob) { j.FinishedAt = -markerNumber }},
		{"a short tag", func(j *store.KeyJob) { j.Tag = marked(19) }},
	}
	rules(h, "job", &good,
		func(tx store.Tx, j *store.KeyJob) error { return tx.InsertKeyJob(h.ctx, j) },
		append(progress, []broken[store.KeyJob]{
			{"a short id", func(j *store.KeyJob) { j.ID = marker }},
			{"no verb", func(j *store.KeyJob) { j.Verb = "" }},
			{"a long verb", func(j *store.KeyJob) { j.Verb = string(marked(33)) }},
			{"no key", func(j *store.KeyJob) { j.Key = "" }},
			{"a long key", func(j *store.KeyJob) { j.Key = string(marked(65)) }},
			{"a start before 1970", func(j *store.KeyJob) { j.StartedAt = -markerNumber }},
			{"nobody who started it", func(j *store.KeyJob) { j.StartedBy = "" }},
			{"a long name who started it", func(j *store.KeyJob) { j.StartedBy = string(marked(256)) }},
		}...))
	for _, b := range progress {
		bad := good
		b.make(&bad)
		h.rejected("an update to "+b.rule, h.Update(h.ctx, h.updateKeyJob(bad, good.Tag)))
	}
	same(h, "jobs", h.keyJobs(9), []store.KeyJob{good})
}
