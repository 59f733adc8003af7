package audit_test

import (
	"context"
	"testing"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/audit"
)

// discard is a writer of events that keeps none: the benchmark is about making
// the record, not about storing it.
type discard struct{}

func (discard) AppendEvent(context.Context, *store.Event) error { return nil }

func BenchmarkAppend(b *testing.B) {
	log := audit.NewLog("node-1", nil, nil)
	e := goodEvent()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := log.Append(b.Context(), discard{}, e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	r := goodRecord()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Encode(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	body, err := goodRecord().Encode()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := audit.Decode(body); err != nil {
			b.Fatal(err)
		}
	}
}
