package sqlstore

import (
	"context"

	"github.com/panvault/panvault/store"
)

const nodeColumns = `id, name, started_at, seen_at, epoch, tag`

type nodeText struct {
	list, upsert, expire string
}

func newNodeText(d Dialect) nodeText {
	return nodeText{
		list: d.sql(`SELECT ` + nodeColumns + ` FROM nodes ORDER BY id`),
		upsert: d.sql(`INSERT INTO nodes (` + nodeColumns + `) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (id) DO UPDATE SET name = excluded.name, started_at = excluded.started_at,
			seen_at = excluded.seen_at, epoch = excluded.epoch, tag = excluded.tag`),
		expire: d.sql(`DELETE FROM nodes WHERE id IN
			(SELECT id FROM nodes WHERE seen_at < $1 ORDER BY seen_at, id LIMIT $2)`),
	}
}

// Nodes implements store.NodeReader.
func (r *Reader) Nodes(ctx context.Context) ([]store.Node, error) {
	var all []store.Node
	err := r.q.Query(ctx, r.text.nodes.list, func(s Scan) error {
		var n store.Node
		err := s(&n.ID, &n.Name, &n.StartedAt, &n.SeenAt, &n.Epoch, &n.Tag)
		all = append(all, n)
		return err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// UpsertNode implements store.NodeWriter.
func (t *Tx) UpsertNode(ctx context.Context, n *store.Node) error {
	return t.exec(ctx, t.text.nodes.upsert, n.ID, n.Name, n.StartedAt, n.SeenAt, n.Epoch, n.Tag)
}

// DeleteNodesBefore implements store.NodeWriter.
func (t *Tx) DeleteNodesBefore(ctx context.Context, seenAt int64, limit int) (int, error) {
	n, err := t.q.Exec(ctx, t.text.nodes.expire, seenAt, int64(limit))
	return int(n), err
}
