package transit_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/kms/transit"
	"github.com/panvault/panvault/kms/transit/transittest"
)

// BenchmarkRewrap moves full batches of data keys from one version to the next,
// from 1, 2 and 4 callers at a time, against a real Vault with two audit
// devices. An operation is one batch. What bounds it is Vault's own CPU: about
// 90 µs an item, 60 of them for the HMACs of the two audit devices; batches of
// 512 need 84, so that larger ones than kms.MaxBatch would gain little.
//
//	PANVAULT_TEST_VAULT=build/vaultdev go test ./kms/transit -run '^$' -bench Rewrap
func BenchmarkRewrap(b *testing.B) {
	s := transittest.Shared(b)
	prefix := newKeys(b, s)
	path := b.TempDir() + "/token"
	writeFile(b, path, s.RootToken+"\n")
	c, err := transit.New(b.Context(), transit.Config{Address: s.Address, TokenFile: path, Prefix: prefix}, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	items := make([]kms.WrapItem, kms.MaxBatch)
	for i := range items {
		items[i] = kms.WrapItem{Plaintext: random(32), Context: random(40)}
	}
	wrapped, err := c.Wrap(b.Context(), kms.CardLive, items)
	if err != nil {
		b.Fatal(err)
	}
	old := make([]kms.RewrapItem, len(items))
	for i, w := range wrapped {
		old[i] = kms.RewrapItem{Wrapped: w.Wrapped, Context: items[i].Context}
	}
	if _, err := c.Rotate(b.Context(), kms.CardLive, 1); err != nil {
		b.Fatal(err)
	}
	for _, callers := range []int{1, 2, 4} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			work := make(chan struct{})
			var wg sync.WaitGroup
			for range callers {
				wg.Go(func() {
					for range work {
						res, err := c.Rewrap(b.Context(), kms.CardLive, old)
						if err != nil || res[len(res)-1].Err != nil || res[0].Version != 2 {
							b.Errorf("Rewrap: %v", err)
						}
					}
				})
			}
			for b.Loop() {
				work <- struct{}{}
			}
			close(work)
			wg.Wait()
			b.ReportMetric(float64(b.N*len(old))/b.Elapsed().Seconds(), "items/s")
		})
	}
}
