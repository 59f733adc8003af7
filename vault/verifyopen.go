package vault

import (
	"context"
	"errors"
	"slices"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/envelope"
)

// openSample opens what was drawn.
func (v *verification) openSample(ctx context.Context) error {
	slices.Sort(v.sample)
	for ids := range slices.Chunk(v.sample, kms.MaxBatch) {
		if err := v.open(ctx, ids); err != nil {
			return err
		}
	}
	return nil
}

// open opens cards whose rows were checked. They are read again with the record
// of their opening: traffic and a rewrap go on meanwhile.
func (v *verification) open(ctx context.Context, ids []string) error {
	s := v.s
	var rows []store.Card
	var events, edited []string
	err := s.store.Update(ctx, func(tx store.Tx) error {
		rows, events, edited = nil, nil, nil
		for _, id := range ids {
			row, err := tx.Card(ctx, id)
			if errors.Is(err, store.ErrNotFound) || err == nil && row.DeletedAt != 0 {
				continue // destroyed meanwhile
			}
			if err != nil {
				return err
			}
			if row.ID != id || s.keyring.Check(envelope.ModeOf(row.Live), cardRow(&row), row.Tag) != nil {
				edited = append(edited, publicID(cardPrefix, row.Live, id))
				continue
			}
			event, err := s.audit.Append(ctx, tx, v.caller.event(audit.CardVerify, audit.OK, publicID(cardPrefix, row.Live, row.ID)))
			if err != nil {
				return err
			}
			rows, events = append(rows, row), append(events, event)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, id := range edited {
		if err := v.damaged(ctx, &v.result.Tampered, id, "card"); err != nil {
			return err
		}
	}
	for _, live := range []bool{false, true} {
		var some []*store.Card
		var items []kms.UnwrapItem
		for i := range rows {
			if rows[i].Live == live {
				some, items = append(some, &rows[i]), append(items, unwrapItem(&rows[i], events[i]))
			}
		}
		if err := v.unwrap(ctx, envelope.CardKey(envelope.ModeOf(live)), some, items); err != nil {
			return err
		}
	}
	return nil
}

func (v *verification) unwrap(ctx context.Context, key kms.Key, rows []*store.Card, items []kms.UnwrapItem) error {
	if len(items) == 0 {
		return nil
	}
	keys, err := v.s.opts.KMS.Unwrap(ctx, key, items)
	if err != nil {
		return err
	}
	defer wipeKeys(keys)
	if len(keys) != len(rows) {
		return errKeyCount
	}
	for i, row := range rows {
		if err := v.number(ctx, row, keys[i]); err != nil {
			return err
		}
	}
	return nil
}

// number opens a card's number and compares it with its row.
func (v *verification) number(ctx context.Context, row *store.Card, key kms.UnwrapResult) error {
	id := publicID(cardPrefix, row.Live, row.ID)
	if errors.Is(key.Err, kms.ErrVersionRetired) {
		return v.damaged(ctx, &v.result.Downgraded, id, "card of a retired key version")
	}
	pan, err := v.s.openWith(row, key)
	if err == nil {
		defer pan.Wipe()
		if pan.Last4() != row.LastDigits { // its check digit was looked at when it was opened
			err = tamperedCard(row)
		}
	}
	var t *tamperedRow
	switch {
	case errors.As(err, &t):
		return v.damaged(ctx, &v.result.Tampered, id, "card")
	case err != nil:
		return err
	}
	v.result.Opened++
	return nil
}
