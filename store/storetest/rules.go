package storetest

import (
	"bytes"
	"errors"

	"github.com/panvault/panvault/store"
)

// broken is a row that breaks one rule which readers of it rely on.
type broken[T any] struct {
	rule string
	make func(row *T)
}

// rules checks that good is taken once each of all was refused.
func rules[T any](h *harness, what string, good *T, insert func(store.Tx, *T) error, all []broken[T]) {
	h.Helper()
	for _, b := range all {
		row := *good
		b.make(&row)
		h.rejected(what+" with "+b.rule, h.Update(h.ctx, func(tx store.Tx) error { return insert(tx, &row) }))
	}
	h.update(func(tx store.Tx) error { return insert(tx, good) })
}

// rejected fails unless err is an error that matches no sentinel, because a
// rule was broken by the program, and quotes no value.
func (h *harness) rejected(what string, err error) {
	h.Helper()
	h.mute(what, err)
	for _, sentinel := range []error{store.ErrNotFound, store.ErrConflict, store.ErrUnavailable, store.ErrFull,
		store.ErrReadOnly, store.ErrCorrupt, store.ErrNewerSchema, store.ErrOldSchema} {
		if errors.Is(err, sentinel) {
			h.Errorf("%s: got %v, want an error that is no sentinel", what, err)
		}
	}
}

// marked is n bytes of marker.
func marked(n int) []byte { return bytes.Repeat([]byte(marker), 1+n/len(marker))[:n] }
