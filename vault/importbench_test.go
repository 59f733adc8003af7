package vault_test

import (
	"fmt"
	"testing"

	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/vaulttest"
)

// BenchmarkImport seals and commits cards with a local keyring, in batches as
// the command does; sealing and committing take turns, which the command does at
// once.
func BenchmarkImport(b *testing.B) {
	const batch = 256
	numbers := manyNumbers(batch)
	v := vaulttest.New(b, func(o *vault.Options) { o.PoolSize = 4096 })
	im := begin(b, v.Service, v.Operator, source(v.Merchant(b, vault.MerchantSettings{}), true))
	cards := 0
	for b.Loop() {
		var all []vault.ImportCard
		for i, number := range numbers {
			all = append(all, line(number, fmt.Sprint((cards+i)/2)))
		}
		im.take(b, all...)
		cards += batch
	}
	b.ReportMetric(float64(cards)/b.Elapsed().Seconds(), "cards/s")
}
