package vault

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/panvault/panvault/store"
)

// usage remembers when keys were last used, to the minute, and writes it down
// now and then: access reviews need it (PCI DSS 7.2.5.1), requests must not
// wait for it.
type usage struct {
	store store.Store
	log   *slog.Logger

	mu      sync.Mutex
	written map[string]int64 // key id to the last minute known
	pending map[string]int64
}

func newUsage(s store.Store, log *slog.Logger) *usage {
	return &usage{store: s, log: log, written: make(map[string]int64), pending: make(map[string]int64)}
}

func (u *usage) touch(key string, now time.Time) {
	minute := now.Truncate(time.Minute).UnixMicro()
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.written[key] >= minute {
		return
	}
	u.written[key] = minute
	u.pending[key] = minute
}

func (u *usage) flush(ctx context.Context) {
	u.mu.Lock()
	batch := u.pending
	u.pending = make(map[string]int64)
	u.mu.Unlock()
	if len(batch) == 0 {
		return
	}
	err := u.store.Update(ctx, func(tx store.Tx) error {
		for key, at := range batch {
			if err := tx.TouchAPIKey(ctx, key, at); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		u.log.Warn("last use of API keys could not be written", "error", err)
		u.restore(batch)
	}
}

// restore keeps what could not be written for the next flush.
func (u *usage) restore(batch map[string]int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for key, at := range batch {
		u.pending[key] = max(u.pending[key], at)
	}
}
