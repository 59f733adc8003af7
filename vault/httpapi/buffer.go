package httpapi

import (
	"sync"

	"github.com/panvault/panvault/vault/internal/inplace"
)

// buffer holds what a request sent, until the request ends.
type buffer struct {
	body  []byte
	query []byte
	asked []byte // what an idempotency key stands for

	json inplace.Parser
}

// bufferPool reuses buffers. Each is wiped over its whole capacity before it
// goes back, so no card data waits in it for the next request.
type bufferPool struct{ pool sync.Pool }

func (p *bufferPool) get() *buffer {
	if b, ok := p.pool.Get().(*buffer); ok {
		return b
	}
	return &buffer{body: make([]byte, 0, 4<<10), json: inplace.Parser{Depth: maxDepth, Values: maxValues}}
}

func (p *bufferPool) put(b *buffer) {
	b.wipe()
	p.pool.Put(b)
}

func (b *buffer) wipe() {
	clear(b.body[:cap(b.body)])
	clear(b.query[:cap(b.query)])
	clear(b.asked[:cap(b.asked)])
	b.body, b.query, b.asked = b.body[:0], b.query[:0], b.asked[:0]
}
