package storetest

import (
	"strings"

	"github.com/panvault/panvault/store"
)

func (h *harness) upsertNodes(all ...store.Node) {
	h.Helper()
	h.update(func(tx store.Tx) error {
		for i := range all {
			if err := tx.UpsertNode(h.ctx, &all[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (h *harness) nodes() (got []store.Node) {
	h.Helper()
	h.view(func(r store.Reader) (err error) {
		got, err = r.Nodes(h.ctx)
		return err
	})
	return got
}

func nodeRoundTrip(h *harness) {
	if got := h.nodes(); len(got) != 0 {
		h.Errorf("nodes of an empty store: got %d rows", len(got))
	}
	least := store.Node{ID: "a", Name: "b", Tag: make([]byte, 20)}
	extreme := store.Node{ID: strings.Repeat("é", 255), Name: unicode, StartedAt: maxTime, SeenAt: maxTime, Epoch: maxTime, Tag: random(20)}
	want := []store.Node{least, node(1), node(2), extreme}
	h.upsertNodes(want[2], want[3], want[0], want[1])
	h.reopen()
	same(h, "nodes", h.nodes(), want)
}

func nodeReplace(h *harness) {
	kept, was := node(1), node(2)
	h.upsertNodes(kept, was)
	changed := store.Node{ID: was.ID, Name: "other", StartedAt: 70, SeenAt: 80, Epoch: 90, Tag: random(20)}
	h.upsertNodes(changed)
	same(h, "nodes after", h.nodes(), []store.Node{kept, changed})
	h.upsertNodes(changed)
	same(h, "nodes after the same again", h.nodes(), []store.Node{kept, changed})
}

func nodeDelete(h *harness) {
	seen := func(n int, at int64) store.Node { v := node(n); v.SeenAt = at; return v }
	all := []store.Node{seen(1, 30), seen(2, 10), seen(3, 20), seen(4, 40), seen(5, 20)}
	h.upsertNodes(all...)
	for _, test := range []struct {
		before int64
		limit  int
		want   int
		left   []store.Node
	}{
		{10, 9, 0, all},
		{0, 9, 0, all},
		{40, 0, 0, all},
		{21, 2, 2, []store.Node{all[0], all[3], all[4]}}, // those of longest ago
		{31, 9, 2, []store.Node{all[3]}},
		{maxTime, 9, 1, nil},
		{maxTime, 9, 0, nil},
	} {
		var got int
		h.update(func(tx store.Tx) (err error) {
			got, err = tx.DeleteNodesBefore(h.ctx, test.before, test.limit)
			return err
		})
		if got != test.want {
			h.Errorf("before %d, limit %d: got %d deleted, want %d", test.before, test.limit, got, test.want)
		}
		same(h, "nodes left", h.nodes(), test.left)
	}
}

func nodeRules(h *harness) {
	good := node(1)
	all := []broken[store.Node]{
		{"no name", func(n *store.Node) { n.Name = "" }},
		{"a long name", func(n *store.Node) { n.Name = string(marked(256)) }},
		{"a start before 1970", func(n *store.Node) { n.StartedAt = -markerNumber }},
		{"a sign of life before 1970", func(n *store.Node) { n.SeenAt = -markerNumber }},
		{"a negative epoch", func(n *store.Node) { n.Epoch = -markerNumber }},
		{"a short tag", func(n *store.Node) { n.Tag = marked(19) }},
	}
	upsert := func(tx store.Tx, n *store.Node) error { return tx.UpsertNode(h.ctx, n) }
	rules(h, "node", &good, upsert, append(all,
		broken[store.Node]{"no id", func(n *store.Node) { n.ID = "" }},
		broken[store.Node]{"a long id", func(n *store.Node) { n.ID = string(marked(256)) }}))
	for _, b := range all {
		bad := good
		b.make(&bad)
		h.rejected("a replacement with "+b.rule, h.Update(h.ctx, func(tx store.Tx) error { return upsert(tx, &bad) }))
	}
	same(h, "nodes", h.nodes(), []store.Node{good})
}
