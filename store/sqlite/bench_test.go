package sqlite

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/store/storetest"
)

// BenchmarkInsertCard inserts a card and its audit record in one Update, from
// so many callers at once.
func BenchmarkInsertCard(b *testing.B) {
	for mode, o := range modes {
		for _, callers := range []int{1, 16, 64, 256} {
			b.Run(fmt.Sprintf("%s/callers=%d", mode, callers), func(b *testing.B) { benchmarkInsert(b, o, callers) })
		}
	}
}

func benchmarkInsert(b *testing.B, o Options, callers int) {
	var commits atomic.Int64
	o.Observe = func(Commit) { commits.Add(1) }
	s, _ := fresh(b, o)
	var n atomic.Int64
	b.SetParallelism(max(1, callers/runtime.GOMAXPROCS(0)))
	b.ReportAllocs()
	commits.Store(0)
	b.ResetTimer()
	card, event := storetest.Card(0), storetest.Event(0)
	insertOne := func() {
		i := int(n.Add(1))
		c, e := card, event
		c.ID = fmt.Sprintf("%024d", i)
		c.FingerprintID = c.ID // the first card of its number
		e.ID = "evnt_" + c.ID
		err := s.Update(b.Context(), func(tx store.Tx) error {
			if err := tx.InsertCard(b.Context(), &c); err != nil {
				return err
			}
			return tx.AppendEvent(b.Context(), &e)
		})
		if err != nil {
			b.Error(err)
		}
	}
	if callers == 1 {
		for b.Loop() {
			insertOne()
		}
	} else {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				insertOne()
			}
		})
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(b.N)/float64(commits.Load()), "rows/commit")
}

// BenchmarkReadCard reads one card in a View of its own.
func BenchmarkReadCard(b *testing.B) {
	s, _ := fresh(b, Options{})
	const n = 1000
	for i := range n {
		if err := insert(b, s, i); err != nil {
			b.Fatal(err)
		}
	}
	var next atomic.Int64
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			id := storetest.Card(int(next.Add(1)) % n).ID
			err := s.View(b.Context(), func(r store.Reader) error { _, err := r.Card(b.Context(), id); return err })
			if err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
