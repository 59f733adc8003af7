package vault

import (
	"context"
	"time"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/envelope"
)

// budgetWindow is the time over which the reveals of a key are counted.
const budgetWindow = time.Hour

// budget refuses a reveal too many. It counts in the transaction that adds the
// row, so that neither a restart nor another node gives more, and proves every
// row it counts: one that was moved out of the window is missing, but one of
// another key or time that was put in its place is found. RateLimited.
func (r *reveal) budget(ctx context.Context, tx store.Tx) error {
	s, since := r.s, r.s.now().UnixMicro()-budgetWindow.Microseconds()
	rows, err := tx.Reveals(ctx, r.caller.Key, since, s.opts.Reveals.PerHour)
	if err != nil {
		return err
	}
	for i := range rows {
		if rows[i].APIKey != r.caller.Key || s.keyring.Check(envelope.ModeOf(rows[i].Live), revealRow(&rows[i]), rows[i].Tag) != nil {
			return &tamperedRow{rows[i].ID, "reveal"}
		}
	}
	if len(rows) < s.opts.Reveals.PerHour {
		return nil
	}
	leaves := time.Duration(rows[len(rows)-1].CountedAt-since) * time.Microsecond
	return &Error{Code: RateLimited, Message: "the key has used its reveals of this hour", RetryAfter: leaves}
}

// counted notes a refusal for the audit log and the metrics.
func (r *reveal) counted(err error) error {
	if CodeOf(err) != RateLimited {
		return err
	}
	e := r.caller.event(audit.ActionDenied, audit.Denied, "")
	e.Details = map[string]string{"action": approvalReveal, "reason": "budget"}
	r.s.denials.add(e)
	r.s.metrics.reveals.WithLabelValues(string(revealOverBudget)).Inc()
	return err
}
