package vault

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/audit"
)

// ErrOverdue: the active version of a KEK is older than Options.HardCap. It
// opens what it protects, and protects nothing new until it is rotated (NIST SP
// 800-57 part 1, 5.3; PCI DSS 3.7.4).
var ErrOverdue = errors.New("vault: the key is too old to protect anything new: rotate it")

// guardPeriod is how often a server looks whether its KEKs are still the ones
// that it knows, and young enough.
const guardPeriod = time.Hour

// guard looks at every KEK: at the start, every hour, and after each change of
// keys. One that must not be used stops what it would wrap; a server that has
// refused a key, or could not look, looks again soon.
func (n *node) guard(ctx context.Context) {
	if !n.seen {
		return
	}
	now, period := n.s.now(), guardPeriod
	if len(n.refused) > 0 || n.uncertain {
		period = heartbeat
	}
	if n.guardedEpoch == n.row.Epoch && now.Sub(n.guarded) < period {
		return
	}
	n.guarded, n.guardedEpoch, n.uncertain = now, n.row.Epoch, false
	for _, key := range kms.Keys() {
		var status KeyStatus
		err := inTime(ctx, func(ctx context.Context) (err error) {
			status, err = n.s.inspectKey(ctx, key)
			return err
		})
		if ctx.Err() != nil {
			return
		}
		word := refusal(err)
		if err != nil && word == "" {
			n.s.log.Error("a KEK could not be looked at; the next attempt goes on", "key", key, "error", err)
			n.uncertain = true
			continue
		}
		n.s.metrics.keyStatus(status)
		n.judge(ctx, key, word, err)
	}
}

// inspectKey learns versions that the ledger does not know, and returns what the
// KEK protects. Errors: ErrSubstituted, kms.ErrUnsafeKey, ErrOverdue, and those
// of the store and the KMS.
func (s *Service) inspectKey(ctx context.Context, key kms.Key) (KeyStatus, error) {
	if err := checkKEKs(ctx, s.opts.KMS); err != nil {
		return KeyStatus{Key: key}, err
	}
	d, err := s.opts.KMS.Describe(ctx, key)
	if err == nil {
		err = s.learnKeys(ctx, System("panvault serve"), d)
	}
	if err != nil {
		return KeyStatus{Key: key}, err
	}
	status, err := s.keyStatus(ctx, d)
	if err != nil {
		return status, err
	}
	for i := range status.Versions {
		v := &status.Versions[i]
		if v.State == store.KeyActive && s.now().After(v.ActivatedAt.Add(s.opts.HardCap)) {
			return status, fmt.Errorf("%w: %s version %d", ErrOverdue, key, v.Version)
		}
	}
	return status, nil
}

// refusal is the word of an error that forbids a KEK to protect anything new;
// "" for any other, which says nothing of the key.
func refusal(err error) string {
	switch {
	case errors.Is(err, ErrSubstituted):
		return "substituted"
	case errors.Is(err, kms.ErrUnsafeKey):
		return "unsafe"
	case errors.Is(err, ErrOverdue):
		return "overdue"
	}
	return ""
}

// judge stops what a KEK wraps, or lets it go on, and puts a change on record.
func (n *node) judge(ctx context.Context, key kms.Key, word string, why error) {
	s := n.s
	if mode, ok := modeOfKey(key); ok && s.pools[mode] != nil {
		s.pools[mode].Halt(why)
	}
	if word == n.refused[key] {
		return
	}
	var err error
	if word == "" {
		delete(n.refused, key)
		s.metrics.keyRefused.WithLabelValues(string(key)).Set(0)
		s.log.Info("the key protects new records again", "key", key)
		err = s.record(ctx, System("panvault serve").event(audit.KeyResume, audit.OK, string(key)))
	} else {
		n.refused[key] = word
		s.metrics.keyRefused.WithLabelValues(string(key)).Set(1)
		s.log.Error("the key protects nothing new until this is mended: see deploy/runbooks/key-refused.md", "key", key, "error", why)
		err = s.record(ctx, refuseEvent(string(key), word))
	}
	if err != nil {
		s.log.Error("the change of a key is not on record", "key", key, "error", err)
	}
}

func refuseEvent(subject, word string) audit.Event {
	e := System("panvault serve").event(audit.KeyRefuse, audit.Denied, subject)
	e.Details = map[string]string{"reason": word}
	return e
}

// refuseToStart puts on record that a process did not start because of a KEK.
func (s *Service) refuseToStart(ctx context.Context, why error) {
	word := refusal(why)
	if word == "" {
		return
	}
	if err := s.record(ctx, refuseEvent(s.opts.Node, word)); err != nil {
		s.log.Error("the refusal to start is not on record", "error", err)
	}
}

// keyStatus shows a KEK; one without versions could not be looked at.
func (m *metrics) keyStatus(status KeyStatus) {
	if len(status.Versions) == 0 {
		return
	}
	records := map[store.KeyState]int{store.KeyActive: 0, store.KeyDecryptOnly: 0}
	for i := range status.Versions {
		v := &status.Versions[i]
		records[v.State] += v.Records
		if v.State == store.KeyActive {
			m.keyDue.WithLabelValues(string(status.Key)).Set(float64(v.Due.Unix()))
		}
	}
	for state, n := range records {
		m.keyRecords.WithLabelValues(string(status.Key), string(state)).Set(float64(n))
	}
}
