package sqlstore

import (
	"context"

	"github.com/panvault/panvault/store"
)

const approvalColumns = `id, action, subject, reason, requested_by, requested_at,
	granted_by, granted_at, expires_at, used_at, tag`

type approvalText struct {
	get, list, insert, update string
}

func newApprovalText(d Dialect) approvalText {
	return approvalText{
		get:  d.sql(`SELECT ` + approvalColumns + ` FROM approvals WHERE id = $1`),
		list: d.sql(`SELECT ` + approvalColumns + ` FROM approvals ORDER BY id DESC LIMIT $1`),
		insert: d.sql(`INSERT INTO approvals (` + approvalColumns + `)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`),
		update: d.sql(`UPDATE approvals SET granted_by = $1, granted_at = $2, expires_at = $3, used_at = $4, tag = $5
			WHERE id = $6 AND tag = $7`),
	}
}

// Approval implements store.ApprovalReader.
func (r *Reader) Approval(ctx context.Context, id string) (store.Approval, error) {
	var a store.Approval
	if err := r.one(ctx, r.text.approvals.get, func(s Scan) error { return scanApproval(s, &a) }, id); err != nil {
		return store.Approval{}, err
	}
	return a, nil
}

// Approvals implements store.ApprovalReader.
func (r *Reader) Approvals(ctx context.Context, limit int) ([]store.Approval, error) {
	var all []store.Approval
	err := r.q.Query(ctx, r.text.approvals.list, func(s Scan) error {
		var a store.Approval
		err := scanApproval(s, &a)
		all = append(all, a)
		return err
	}, int64(limit))
	if err != nil {
		return nil, err
	}
	return all, nil
}

func scanApproval(scan Scan, a *store.Approval) error {
	return scan(&a.ID, &a.Action, &a.Subject, &a.Reason, &a.RequestedBy, &a.RequestedAt,
		&a.GrantedBy, &a.GrantedAt, &a.ExpiresAt, &a.UsedAt, &a.Tag)
}

// InsertApproval implements store.ApprovalWriter.
func (t *Tx) InsertApproval(ctx context.Context, a *store.Approval) error {
	return t.exec(ctx, t.text.approvals.insert, a.ID, a.Action, a.Subject, a.Reason, a.RequestedBy, a.RequestedAt,
		a.GrantedBy, a.GrantedAt, a.ExpiresAt, a.UsedAt, a.Tag)
}

// UpdateApproval implements store.ApprovalWriter.
func (t *Tx) UpdateApproval(ctx context.Context, a *store.Approval, was []byte) error {
	return t.swap(ctx, t.text.approvals.update, a.GrantedBy, a.GrantedAt, a.ExpiresAt, a.UsedAt, a.Tag, a.ID, was)
}
