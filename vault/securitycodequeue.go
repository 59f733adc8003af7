package vault

import (
	"time"

	"github.com/panvault/panvault/vault/envelope"
)

// heldCode is one sealed code.
type heldCode struct {
	record, merchant string
	live             bool
	sealed           []byte
	until            time.Time // when its time is over
	why              codeEnd   // what ends it then
	attempts         int       // how often it was borrowed
	place            int       // in the queue
}

func (h *heldCode) binding() envelope.Binding {
	return envelope.Binding{Mode: envelope.ModeOf(h.live), Merchant: h.merchant, Record: h.record, Field: envelope.FieldCode}
}

// codeQueue is a heap of codes, the one whose time is over first in front.
type codeQueue []*heldCode

// Len implements heap.Interface.
func (q codeQueue) Len() int { return len(q) }

// Less implements heap.Interface.
func (q codeQueue) Less(i, j int) bool { return q[i].until.Before(q[j].until) }

// Swap implements heap.Interface.
func (q codeQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = i, j
}

// Push implements heap.Interface.
func (q *codeQueue) Push(x any) {
	h := x.(*heldCode)
	h.place = len(*q)
	*q = append(*q, h)
}

// Pop implements heap.Interface.
func (q *codeQueue) Pop() any {
	last := len(*q) - 1
	h := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return h
}
