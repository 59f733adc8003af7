package store

import "context"

// Node is a running process that uses keys.
type Node struct {
	ID        string // name and random characters, one for each start; 1..255 runes
	Name      string // 1..255 runes
	StartedAt int64
	SeenAt    int64  // when it last said that it runs
	Epoch     int64  // the newest change of keys that it works by
	Tag       []byte // 20 bytes over all other columns
}

// NodeReader reads nodes.
type NodeReader interface {
	// Nodes lists all rows by id.
	Nodes(ctx context.Context) ([]Node, error)
}

// NodeWriter writes nodes.
type NodeWriter interface {
	// UpsertNode adds a row, or replaces the one with the same id.
	UpsertNode(ctx context.Context, n *Node) error
	// DeleteNodesBefore removes the nodes that were last seen before a time,
	// longest ago first, at most limit, and returns how many.
	DeleteNodesBefore(ctx context.Context, seenAt int64, limit int) (int, error)
}
