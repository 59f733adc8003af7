package vault_test

import (
	"testing"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/vaulttest"
)

// BenchmarkTokenize vaults a durable card a round, with and without a security
// code to hold.
func BenchmarkTokenize(b *testing.B) {
	for name, code := range map[string][]byte{"without code": nil, "with code": []byte("739")} {
		b.Run(name, func(b *testing.B) {
			v := vaulttest.New(b, nil)
			caller := v.Caller(b, v.Merchant(b, vault.MerchantSettings{}), policy.Public, false)
			in := request("4242424242424242", "SOMCHAI PRASERT")
			in.Card.SecurityCode = code
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Tokenize(b.Context(), caller, in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
