package sqlstore

import (
	"context"

	"github.com/panvault/panvault/store"
)

const forwardColumns = `id, merchant, live, use, destination, card, token, charge, request, state, reason, status, masked,
	created_at, sent_at, ended_at, lease_until, vault_time, answer_time, tag`

type forwardText struct {
	get, ofRequest, last, abandoned, list, listState, listOpen, count, insert, update string
}

func newForwardText(d Dialect) forwardText {
	return forwardText{
		get:       d.sql(`SELECT ` + forwardColumns + ` FROM forwards WHERE id = $1`),
		ofRequest: d.sql(`SELECT ` + forwardColumns + ` FROM forwards WHERE request = $1 AND request IS NOT NULL ORDER BY id DESC LIMIT 1`),
		// The conditions are spelled as the partial indexes are, so that they
		// are used.
		last: d.sql(`SELECT ` + forwardColumns + ` FROM forwards WHERE card = $1 AND card <> '' ORDER BY id DESC LIMIT 1`),
		abandoned: d.sql(`SELECT ` + forwardColumns + ` FROM forwards WHERE lease_until > 0 AND lease_until <= $1
			ORDER BY lease_until LIMIT $2`),
		list:      d.sql(`SELECT ` + forwardColumns + ` FROM forwards ORDER BY id DESC LIMIT $1`),
		listState: d.sql(`SELECT ` + forwardColumns + ` FROM forwards WHERE state = $1 ORDER BY id DESC LIMIT $2`),
		listOpen: d.sql(`SELECT ` + forwardColumns + ` FROM forwards WHERE state = $1 OR (state = $2 AND length(reason) > 0)
			ORDER BY id DESC LIMIT $3`),
		count: d.sql(`SELECT state, count(*) FROM forwards GROUP BY state`),
		insert: d.sql(`INSERT INTO forwards (` + forwardColumns + `)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)`),
		update: d.sql(`UPDATE forwards SET request = $1, state = $2, reason = $3, status = $4, masked = $5,
			sent_at = $6, ended_at = $7, lease_until = $8, vault_time = $9, answer_time = $10, tag = $11
			WHERE id = $12 AND tag = $13`),
	}
}

// Forward implements store.ForwardReader.
func (r *Reader) Forward(ctx context.Context, id string) (store.Forward, error) {
	return r.forward(ctx, r.text.forwards.get, id)
}

// ForwardOfRequest implements store.ForwardReader.
func (r *Reader) ForwardOfRequest(ctx context.Context, request []byte) (store.Forward, error) {
	return r.forward(ctx, r.text.forwards.ofRequest, request)
}

// LastForward implements store.ForwardReader.
func (r *Reader) LastForward(ctx context.Context, card string) (store.Forward, error) {
	return r.forward(ctx, r.text.forwards.last, card)
}

// AbandonedForwards implements store.ForwardReader.
func (r *Reader) AbandonedForwards(ctx context.Context, at int64, limit int) ([]store.Forward, error) {
	return r.forwards(ctx, r.text.forwards.abandoned, at, int64(limit))
}

// Forwards implements store.LedgerReader.
func (r *Reader) Forwards(ctx context.Context, state store.ForwardState, limit int) ([]store.Forward, error) {
	if state == "" {
		return r.forwards(ctx, r.text.forwards.list, int64(limit))
	}
	if state == store.ForwardUnknown {
		return r.forwards(ctx, r.text.forwards.listOpen, string(state), string(store.ForwardAnswered), int64(limit))
	}
	return r.forwards(ctx, r.text.forwards.listState, string(state), int64(limit))
}

// CountForwards implements store.LedgerReader.
func (r *Reader) CountForwards(ctx context.Context) (map[store.ForwardState]int, error) {
	counts := make(map[store.ForwardState]int)
	err := r.q.Query(ctx, r.text.forwards.count, func(s Scan) error {
		var state string
		var n int64
		err := s(&state, &n)
		counts[store.ForwardState(state)] = int(n)
		return err
	})
	if err != nil {
		return nil, err
	}
	return counts, nil
}

func (r *Reader) forward(ctx context.Context, query string, args ...any) (store.Forward, error) {
	var f store.Forward
	if err := r.one(ctx, query, func(s Scan) error { return scanForward(s, &f) }, args...); err != nil {
		return store.Forward{}, err
	}
	return f, nil
}

func (r *Reader) forwards(ctx context.Context, query string, args ...any) ([]store.Forward, error) {
	var all []store.Forward
	err := r.q.Query(ctx, query, func(s Scan) error {
		var f store.Forward
		err := scanForward(s, &f)
		all = append(all, f)
		return err
	}, args...)
	if err != nil {
		return nil, err
	}
	return all, nil
}

func scanForward(scan Scan, f *store.Forward) error {
	var live, token, status int64
	var state string
	err := scan(&f.ID, &f.Merchant, &live, &f.Use, &f.Destination, &f.Card, &token, &f.Charge, &f.Request, &state,
		&f.Reason, &status, &f.Masked, &f.CreatedAt, &f.SentAt, &f.EndedAt, &f.LeaseUntil, &f.VaultTime, &f.AnswerTime, &f.Tag)
	if err != nil {
		return err
	}
	var n narrow
	f.Live, f.Token, f.Status, f.State = n.bool(live), n.bool(token), n.int(status), store.ForwardState(state)
	return n.err()
}

// InsertForward implements store.ForwardWriter.
func (t *Tx) InsertForward(ctx context.Context, f *store.Forward) error {
	return t.exec(ctx, t.text.forwards.insert,
		f.ID, f.Merchant, bit(f.Live), f.Use, f.Destination, f.Card, bit(f.Token), f.Charge, f.Request, string(f.State),
		f.Reason, int64(f.Status), f.Masked, f.CreatedAt, f.SentAt, f.EndedAt, f.LeaseUntil, f.VaultTime, f.AnswerTime, f.Tag)
}

// UpdateForward implements store.ForwardWriter.
func (t *Tx) UpdateForward(ctx context.Context, f *store.Forward, was []byte) error {
	return t.swap(ctx, t.text.forwards.update,
		f.Request, string(f.State), f.Reason, int64(f.Status), f.Masked,
		f.SentAt, f.EndedAt, f.LeaseUntil, f.VaultTime, f.AnswerTime, f.Tag, f.ID, was)
}
