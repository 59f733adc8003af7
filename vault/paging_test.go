package vault_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/vaulttest"
)

// crowd is a vault with so many customers of three cards each.
type crowd struct {
	*vaulttest.Vault
	caller    vault.Caller
	customers []string
}

func newCrowd(t testing.TB, customers int) *crowd {
	t.Helper()
	v := vaulttest.New(t, func(o *vault.Options) { o.PoolSize = 2048 })
	merchant := v.Merchant(t, vault.MerchantSettings{})
	c := &crowd{Vault: v, caller: v.Caller(t, merchant, policy.Secret, false)}
	im, err := v.StartImport(t.Context(), v.Operator, vault.ImportSource{Merchant: merchant, Head: []byte("crowd")})
	if err != nil {
		t.Fatal(err)
	}
	var batch []*vault.SealedCard
	mark := vault.ImportMark{}
	for i := range customers * 3 {
		sealed, err := im.Seal(t.Context(), importCard(i, fmt.Appendf(nil, "customer %d", i%customers)))
		if err != nil {
			t.Fatal(err)
		}
		if batch = append(batch, sealed); i < customers {
			c.customers = append(c.customers, sealed.Customer)
		}
		if len(batch) == 500 || i == customers*3-1 {
			mark.Records, mark.Cards = mark.Records+int64(len(batch)), mark.Cards+int64(len(batch))
			if err := im.Commit(t.Context(), batch, mark, im.Prefix()); err != nil {
				t.Fatal(err)
			}
			batch = nil
		}
	}
	return c
}

// importCard is the nth of a sequence of cards, all of different numbers.
func importCard(n int, customer []byte) vault.ImportCard {
	return vault.ImportCard{Customer: customer, Card: card.Input{
		Name: fmt.Appendf(nil, "HOLDER %d", n), Number: []byte(number(n)),
		ExpirationMonth: []byte("12"), ExpirationYear: []byte("2040"),
	}}
}

// number is the nth of a sequence of Visa numbers.
func number(n int) string {
	digits := fmt.Sprintf("4%014d", n)
	sum := 0
	for i := range digits {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return digits + string(rune('0'+(10-sum%10)%10))
}

// TestPagesOfACrowd: every page of a customer among many shows its own cards.
func TestPagesOfACrowd(t *testing.T) {
	c := newCrowd(t, 40)
	for _, id := range c.customers {
		seen := make(map[string]bool)
		for offset := range 3 {
			page, err := c.Cards(t.Context(), c.caller, id, vault.Page{Limit: 1, Offset: offset})
			if err != nil || page.Total != 3 || len(page.Rows) != 1 || page.Rows[0].Customer != id || seen[page.Rows[0].ID] {
				t.Fatalf("page %d of %s: %+v, %v", offset, id, page, err)
			}
			seen[page.Rows[0].ID] = true
		}
	}
}

// BenchmarkPage lists pages of random customers among 10 and among 10,000, in
// turn, and gives the ratio of the times.
func BenchmarkPage(b *testing.B) {
	few, many := newCrowd(b, 10), newCrowd(b, 10_000)
	r := rand.New(rand.NewPCG(1, 2))
	list := func(c *crowd) time.Duration {
		id := c.customers[r.IntN(len(c.customers))]
		begun := time.Now()
		page, err := c.Cards(context.Background(), c.caller, id, vault.Page{Limit: 2, Offset: r.IntN(2), Newest: r.IntN(2) == 0})
		took := time.Since(begun)
		if err != nil || page.Total != 3 {
			b.Fatalf("%d cards, %v", page.Total, err)
		}
		return took
	}
	for range 2000 { // the caches of both
		list(few)
		list(many)
	}
	var ofFew, ofMany time.Duration
	for b.Loop() {
		ofFew += list(few)
		ofMany += list(many)
	}
	b.ReportMetric(float64(ofFew.Microseconds())/float64(b.N), "µs-of-10")
	b.ReportMetric(float64(ofMany.Microseconds())/float64(b.N), "µs-of-10000")
	b.ReportMetric(float64(ofMany)/float64(ofFew), "ratio")
}
