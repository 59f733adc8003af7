package vault

import (
	"context"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/envelope"
)

// workingKeys moves the working keys, all in one transaction.
func (w *rewrap) workingKeys(ctx context.Context) error {
	s := w.s
	var rows []store.WorkingKey
	err := s.store.View(ctx, func(r store.Reader) (err error) {
		rows, err = r.WorkingKeys(ctx)
		return err
	})
	if err != nil {
		return err
	}
	var old []store.WorkingKey
	var items []kms.RewrapItem
	for _, row := range rows {
		if !isUsable(row) || row.KEKVersion >= w.target {
			continue
		}
		if s.keyring.Check(envelope.ModeAll, workingKeyRow(&row), row.Tag) != nil {
			return &tamperedRow{row.Purpose, "working key"}
		}
		name := keyName(row)
		old = append(old, row)
		items = append(items, kms.RewrapItem{Wrapped: row.Wrapped, Context: envelope.WorkingKeyContext(name.Purpose, name.Mode, row.Version)})
	}
	if len(old) == 0 {
		return nil
	}
	wrapped, err := w.kms.Rewrap(ctx, w.key, items)
	if err != nil {
		return err
	}
	if len(wrapped) != len(old) {
		return errKeyCount
	}
	next := w.job
	err = s.store.Update(ctx, func(tx store.Tx) error {
		next = w.job
		for i, row := range old {
			r := wrapped[i]
			if r.Err != nil {
				return r.Err
			}
			if r.Version < w.target {
				return envelope.ErrDowngrade
			}
			was := row.Tag
			row.Wrapped, row.KEKVersion = r.Wrapped, r.Version
			var err error
			if row.Tag, err = s.keyring.Tag(envelope.ModeAll, workingKeyRow(&row)); err != nil {
				return err
			}
			if err := tx.UpdateWorkingKey(ctx, &row, was); err != nil {
				return err
			}
			next.Moved++
		}
		next.UpdatedAt = s.now().UnixMicro()
		return w.replace(ctx, tx, &next, w.job.Tag)
	})
	if err == nil {
		w.job = next
		s.unscrubbed.Store(true)
	}
	return err
}
