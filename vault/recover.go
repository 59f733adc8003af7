package vault

import (
	"context"
	"errors"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/envelope"
)

// recoverer is the actor of what ends an abandoned attempt.
const recoverer = "panvault recovery"

// Why an attempt was ended by another process than its own.
const (
	reasonNotBegun = "the process ended before it was sent"
	reasonNoAnswer = "the process ended before an answer came"
)

// recoverAtOnce is the most rows that one look at the ledger ends.
const recoverAtOnce = 100

// RecoverForwards ends the attempts whose process is gone: those that wrote
// nothing are not_sent, and their token can be used again; the others are
// unknown, and are not repeated. Servers do it every second. It returns how
// many. A row that was edited is left as it is, for it is evidence, and does not
// hold up the others. Errors: Unavailable, Internal.
func (s *Service) RecoverForwards(ctx context.Context) (int, error) {
	var rows []store.Forward
	err := s.store.View(ctx, func(r store.Reader) (err error) {
		rows, err = r.AbandonedForwards(ctx, s.now().UnixMicro(), recoverAtOnce+s.evidence.size())
		return err
	})
	if err != nil {
		return 0, s.fail(err)
	}
	n := 0
	for i := range rows {
		if s.evidence.rests(rows[i].ID, s.now()) {
			continue
		}
		err := s.recoverForward(ctx, rows[i].ID)
		var edited *tamperedRow
		switch {
		case errors.Is(err, store.ErrConflict): // somebody else did
		case errors.As(err, &edited):
			fresh, ok := s.evidence.add(rows[i].ID, s.now())
			if fresh || !ok {
				err = s.recordTampering(ctx, System(recoverer), edited.object, edited.what)
			}
			if !ok || fresh && err != nil {
				return n, s.fail(err)
			}
		case err != nil:
			return n, s.fail(err)
		default:
			s.evidence.remove([]string{rows[i].ID})
			n++
		}
	}
	return n, nil
}

func (s *Service) recoverForward(ctx context.Context, id string) error {
	var last store.Forward
	err := s.store.Update(ctx, func(tx store.Tx) error {
		row, err := s.openForward(ctx, tx, id)
		if err != nil {
			return err
		}
		if row.LeaseUntil == 0 || row.LeaseUntil > s.now().UnixMicro() {
			return store.ErrConflict
		}
		was := row.Tag
		c := Caller{Key: recoverer, Kind: "system", Merchant: row.Merchant, Live: row.Live}
		row.EndedAt, row.LeaseUntil = s.now().UnixMicro(), 0
		row.State, row.Reason = store.ForwardUnknown, reasonNoAnswer
		if row.SentAt == 0 {
			row.State, row.Reason = store.ForwardNotSent, reasonNotBegun
			if err := s.release(ctx, tx, c, row); err != nil {
				return err
			}
		}
		if err := s.recoverCharge(ctx, tx, c, row); err != nil {
			return err
		}
		last = *row
		return s.endForward(ctx, tx, c, row, was)
	})
	if err == nil {
		s.metrics.forwards.WithLabelValues(last.Use, string(last.State)).Inc()
		s.log.Warn("an abandoned forward was ended", "forward", publicID(forwardPrefix, last.Live, last.ID), "state", last.State)
	}
	return err
}

// proveForward refuses a row that was edited or stands in another's place.
func (s *Service) proveForward(row *store.Forward, id string) error {
	if row.ID != id || s.keyring.Check(envelope.ModeOf(row.Live), forwardRow(row), row.Tag) != nil {
		return &tamperedRow{publicID(forwardPrefix, row.Live, id), "forward"}
	}
	return nil
}

// provenOrAbsent is a row that was read and proven, nil if there is none.
func provenOrAbsent[R any](row *R, err error, prove func() error) (*R, error) {
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err == nil {
		err = prove()
	}
	if err != nil {
		return nil, err
	}
	return row, nil
}
