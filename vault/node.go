package vault

import (
	"context"
	"errors"
	"time"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/envelope"
)

// heartbeat is how often a server says that it runs, well below nodeLife.
const heartbeat = 15 * time.Second

// node is this process in the store: what says whether it works by the newest
// change of keys.
type node struct {
	s    *Service
	row  store.Node
	seen bool // written at least once

	guarded      time.Time // when the KEKs were last looked at; zero for not yet
	guardedEpoch int64     // of that look
	uncertain    bool      // it could not look at one of them
	refused      map[kms.Key]string
}

// watchKeys notices, within about a second, that a key was changed: it takes up
// new versions of working keys, drops data keys that were prepared with an older
// one, and then says so. A version that it has not acknowledged cannot be
// retired.
func (s *Service) watchKeys(ctx context.Context) {
	suffix, err := store.NewID(s.now(), s.random)
	if err != nil {
		s.log.Error("this process cannot be named, so that no key can be retired safely", "error", err)
		return
	}
	now := s.now().UnixMicro()
	n := &node{s: s, row: store.Node{ID: s.opts.Node + "-" + suffix, Name: s.opts.Node, StartedAt: now, Epoch: -1}, refused: make(map[kms.Key]string)}
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		if err := n.look(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("the keys could not be looked at; the next attempt goes on", "error", err)
		}
		n.guard(ctx)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			n.leave(context.WithoutCancel(ctx))
			return
		}
	}
}

// look follows a change of keys, and beats.
func (n *node) look(ctx context.Context) error {
	s := n.s
	var epoch int64
	err := s.store.View(ctx, func(r store.Reader) (err error) {
		epoch, err = r.Epoch(ctx)
		return err
	})
	if err != nil {
		return err
	}
	now := s.now()
	if n.seen && epoch == n.row.Epoch && now.Sub(timeOf(n.row.SeenAt)) < heartbeat {
		return nil
	}
	if epoch != n.row.Epoch {
		if err := s.followKeys(ctx); err != nil {
			return err
		}
	}
	next := n.row
	next.Epoch, next.SeenAt = epoch, now.UnixMicro()
	if next.Tag, err = s.keyring.Tag(envelope.ModeAll, nodeRow(&next)); err != nil {
		return err
	}
	err = s.store.Update(ctx, func(tx store.Tx) error {
		if _, err := tx.DeleteNodesBefore(ctx, now.Add(-day).UnixMicro(), 100); err != nil {
			return err
		}
		return tx.UpsertNode(ctx, &next)
	})
	if err == nil {
		n.row, n.seen = next, true
	}
	return err
}

// leave takes this process out of the store: nothing of it needs a key any more.
func (n *node) leave(ctx context.Context) {
	if !n.seen {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	last := n.row
	last.SeenAt = 0
	var err error
	if last.Tag, err = n.s.keyring.Tag(envelope.ModeAll, nodeRow(&last)); err == nil {
		err = n.s.store.Update(ctx, func(tx store.Tx) error { return tx.UpsertNode(ctx, &last) })
	}
	if err != nil {
		n.s.log.Warn("this process counts as running for a minute", "error", err)
	}
}

// kmsLag is how long after a change another process may still be told, and wrap
// with, a key as it was: a local keyring is read again every second.
const kmsLag = 2 * time.Second

// inTime is a check of the KMS's keys, with patience for a version that the KMS
// does not show to this process yet.
func inTime(ctx context.Context, check func(context.Context) error) error {
	for until := time.Now().Add(kmsLag); ; {
		err := check(ctx)
		if !errors.Is(err, ErrSubstituted) || time.Now().After(until) {
			return err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// followKeys works by the keys as they are now.
func (s *Service) followKeys(ctx context.Context) error {
	if err := checkKEKs(ctx, s.opts.KMS); err != nil {
		return err
	}
	if err := inTime(ctx, s.checkPins); err != nil {
		return err
	}
	var rows []store.WorkingKey
	err := s.store.View(ctx, func(r store.Reader) (err error) {
		rows, err = r.WorkingKeys(ctx)
		return err
	})
	if err != nil {
		return err
	}
	if _, err := s.keyring.Extend(ctx, s.opts.KMS, wrappedKeys(rows)); err != nil {
		return err
	}
	for i := range rows {
		if s.keyring.Check(envelope.ModeAll, workingKeyRow(&rows[i]), rows[i].Tag) != nil {
			return wrapf(envelope.ErrTampered, "working key %s (%s)", rows[i].Purpose, rows[i].Mode)
		}
	}
	wait, cancel := context.WithTimeout(ctx, nodeLife/2)
	defer cancel()
	for _, pool := range s.pools {
		if err := pool.Drop(wait); err != nil {
			return wrapf(err, "requests still use data keys that were prepared before the last change")
		}
	}
	return nil
}
