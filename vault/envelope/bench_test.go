package envelope

import (
	"crypto/rand"
	"testing"

	"github.com/panvault/panvault/kms"
)

var benchPlace = Binding{
	Mode: ModeLive, Merchant: "mrch_0mf3k2a9x7c1v5b8n4q6w2e0r", Record: "0mf3k2a9h4j7l1p5s8d2g6y0",
	Field: FieldPAN, Generation: 1,
}

func BenchmarkSeal(b *testing.B) {
	key, plain := pattern(KeySize, 1), pattern(20, 2)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Seal(rand.Reader, key, benchPlace, plain); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	key := pattern(KeySize, 1)
	sealed := mustSeal(b, key, benchPlace, pattern(20, 2))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Open(key, benchPlace, sealed); err != nil {
			b.Fatal(err)
		}
	}
}

// benchRow is a card's row.
func benchRow() *Row {
	return NewRow("cards").
		Text(benchPlace.Record).Text(benchPlace.Merchant).Bool(true).
		Int(1767225600000000).Int(1767227400000000).Int(0).Int(0).
		Text("MasterCard").Text("4242").Int(12).Int(2031).
		Blob(make([]byte, 32)).Text("unknown").Int(7).Int(1).
		Blob(make([]byte, 110)).Blob(make([]byte, 88)).Blob(make([]byte, 196))
}

func BenchmarkTag(b *testing.B) {
	ring := ringOf(b, backend(b), pattern(KeySize, 1), 1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ring.Tag(ModeLive, benchRow()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	ring := ringOf(b, backend(b), pattern(KeySize, 1), 1)
	tag, err := ring.Tag(ModeLive, benchRow())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := ring.Check(ModeLive, benchRow(), tag); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFingerprints(b *testing.B) {
	ring := ringOf(b, backend(b), pattern(KeySize, 1), 1)
	digits := []byte("4242424242424242")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ring.Fingerprints(ModeLive, benchPlace.Merchant, digits); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAPIKeyHashes(b *testing.B) {
	ring := ringOf(b, backend(b), pattern(KeySize, 1), 1)
	secret := []byte("skey_5ykx7qz0m3w8a1c6v9b2")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ring.APIKeyHashes(secret); err != nil {
			b.Fatal(err)
		}
	}
}

// Take and Wipe with a KMS that answers at once: the pool's own cost.
func BenchmarkTake(b *testing.B) {
	var backend kms.KMS = instant{}
	p := openPool(b, PoolOptions{KMS: backend})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			key, err := p.Take(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			key.Wipe()
		}
	})
}
