package storetest

import (
	"math/rand/v2"

	"github.com/panvault/panvault/store"
)

// A crowd is cards of every kind, of merchants 0 to 2 and both modes, whose
// columns have few values, so that any two of them meet in many rows. The same
// seed gives the same crowd.
func crowd(n int, seed uint64) []store.Card {
	r := rand.New(rand.NewPCG(seed, 0))
	all := make([]store.Card, n)
	for i := range all {
		c := Card(i)
		switch r.IntN(3) {
		case 0: // an unused token
			c.ExpiresAt = 1 + r.Int64N(crowdTime)
		case 1: // used once
			c = used(i, 1+r.Int64N(crowdTime))
		case 2: // of a customer, used since or not
			c = stored(i, crowdYear+r.IntN(3), 1+r.IntN(12))
			c.UsedAt = r.Int64N(crowdTime)
		}
		c.Merchant, c.Live = merchantID(r.IntN(3)), r.IntN(2) == 0
		c.Brand, c.LastDigits = crowdBrands[r.IntN(3)], crowdDigits[r.IntN(3)]
		c.Fingerprint = fill(32, r.Uint64N(3))
		if r.IntN(4) == 0 {
			c = destroyed(c)
		}
		all[i] = c
	}
	return all
}

// What a crowd's columns hold: times of 0 to crowdTime, expiry in the three
// years from crowdYear.
const (
	crowdTime = 20
	crowdYear = 2024
)

var (
	crowdBrands = [3]string{"Visa", "MasterCard", "JCB"}
	crowdDigits = [3]string{"0000", "4242", "9999"}
)

// ids of cards, in their order.
func ids(cards []store.Card) []string {
	var out []string
	for _, c := range cards {
		out = append(out, c.ID)
	}
	return out
}

// read runs a query for cards in a View that must work.
func (h *harness) read(query func(store.Reader) ([]store.Card, error)) (got []store.Card) {
	h.Helper()
	h.view(func(r store.Reader) (err error) {
		got, err = query(r)
		return err
	})
	return got
}
