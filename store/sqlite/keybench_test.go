package sqlite

import (
	"errors"
	"fmt"
	"testing"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/store/storetest"
)

// keyBatch is how many cards a change of keys moves in one Update.
const keyBatch = 128

// vaultOf is a store with so many cards of customers, which are in more indexes
// than unused tokens.
func vaultOf(b *testing.B, cards int) *Store {
	b.Helper()
	s, _ := fresh(b, Options{Optimistic: true})
	for n := 0; n < cards; {
		err := s.Update(b.Context(), func(tx store.Tx) error {
			var all []error
			for range min(10_000, cards-n) {
				c := storetest.Card(n)
				c.Customer, c.ExpiresAt, c.UsedAt, c.AttachedAt = storetest.Card(n/4).ID, 0, c.CreatedAt, c.CreatedAt
				c.PaymentMethod = fmt.Sprintf("%08x-0000-4000-8000-%012x", n*2654435761%(1<<32), n)
				all = append(all, tx.InsertCard(b.Context(), &c))
				n++
			}
			return errors.Join(all...)
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return s
}

// BenchmarkMoveCards changes the keys of the cards of a vault, a page and an
// Update at a time; a figure is for one page.
func BenchmarkMoveCards(b *testing.B) {
	for name, update := range map[string]func(tx store.Tx, c *store.Card, was []byte) error{
		"UpdateCard":     func(tx store.Tx, c *store.Card, was []byte) error { return tx.UpdateCard(b.Context(), c, was) },
		"UpdateCardKeys": func(tx store.Tx, c *store.Card, was []byte) error { return tx.UpdateCardKeys(b.Context(), c, was) },
	} {
		b.Run(name, func(b *testing.B) {
			s := vaultOf(b, 50_000)
			target, after := uint32(2), ""
			moved := 0
			for b.Loop() {
				var page []store.Card
				err := s.View(b.Context(), func(r store.Reader) (err error) {
					page, err = r.CardsOfKEK(b.Context(), true, target, after, keyBatch)
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
				if len(page) < keyBatch {
					target, after = target+1, ""
					continue
				}
				err = s.Update(b.Context(), func(tx store.Tx) error {
					var all []error
					for _, c := range page {
						c.KEKVersion = target
						all = append(all, update(tx, &c, c.Tag))
					}
					return errors.Join(all...)
				})
				if err != nil {
					b.Fatal(err)
				}
				after = page[keyBatch-1].ID
				moved += keyBatch
			}
			b.ReportMetric(float64(moved)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// BenchmarkCountCards counts the cards of a vault by their keys.
func BenchmarkCountCards(b *testing.B) {
	for _, cards := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprintf("cards=%d", cards), func(b *testing.B) {
			s := vaultOf(b, cards)
			for b.Loop() {
				err := s.View(b.Context(), func(r store.Reader) error {
					got, err := r.CountCardsByKEK(b.Context(), true)
					if got[1].Cards != cards {
						b.Errorf("got %d cards, want %d", got[1].Cards, cards)
					}
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
