package vault

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/envelope"
)

// CardQuery is what an operator knows of a card. At least one of LastDigits,
// Brand, BIN, Fingerprint and Customer is needed.
type CardQuery struct {
	LastDigits  string // four digits
	Brand       string // as answers spell it, in any case
	BIN         string // the first four to six digits
	Fingerprint []byte // 32 bytes
	Customer    string // cust_ id
	Merchant    string // mrch_ id; "" for all
	Mode        Mode   // "" for both

	From, To time.Time // creation time; zero for open ends
	After    string    // card_ id: go on below it, as FoundCards.Next says
	Limit    int       // 1..100; 0 takes 20
}

// Mode is test or live.
type Mode = envelope.Mode

// FoundCards is a page of matches, newest first.
type FoundCards struct {
	Cards    []CardRecord
	Searched int    // rows that were looked at
	Next     string // card_ id to give as After for what is left; "" at the end
}

const (
	searchWindow = 5_000     // rows that one transaction looks at
	searchMost   = 1_000_000 // rows that one search looks at
)

// FindCards searches cards that are not destroyed, of all merchants, in what is
// kept in clear; the first digits are opened with the profile key. It looks at
// no more than a million rows; Next then tells where to go on. The search is on
// record, with what was asked but for the values. Errors: Unauthenticated,
// BadRequest, Unavailable, Internal (tampered).
func (s *Service) FindCards(ctx context.Context, c Caller, q CardQuery) (FoundCards, error) {
	if err := s.authorize(c, policy.FindCard, policy.Resource{}); err != nil {
		return FoundCards{}, err
	}
	f, err := q.filter()
	if err != nil {
		return FoundCards{}, err
	}
	e := c.event(audit.CardFind, audit.OK, "")
	e.Details = map[string]string{"by": q.criteria()}
	if err := s.record(ctx, e); err != nil { // before anything is read
		return FoundCards{}, s.fail(err)
	}
	found := FoundCards{}
	search := s.searchAll
	if q.Customer != "" {
		search = s.searchCustomer
	}
	if err := search(ctx, q, f, &found); err != nil {
		return FoundCards{}, s.settle(ctx, c, err)
	}
	return found, nil
}

// searchAll walks the cards downwards, a window and a transaction at a time.
func (s *Service) searchAll(ctx context.Context, q CardQuery, f store.CardFilter, found *FoundCards) error {
	oldest := f.From
	for {
		count := 0
		err := s.store.View(ctx, func(r store.Reader) (err error) {
			if f.From, count, err = r.CardWindow(ctx, f.Below, searchWindow); err != nil {
				return err
			}
			f.From = max(f.From, oldest)
			rows, err := r.FindCards(ctx, f, searchWindow)
			if err != nil {
				return err
			}
			return s.collect(q, rows, found)
		})
		found.Searched += count
		if err != nil || len(found.Cards) == q.limit() {
			return err
		}
		found.Next = ""
		if count < searchWindow || f.From == oldest {
			return nil
		}
		f.Below = f.From
		if found.Searched >= searchMost {
			found.Next = publicID(cardPrefix, true, f.Below)
			return nil
		}
	}
}

// searchCustomer looks through the cards of one customer.
func (s *Service) searchCustomer(ctx context.Context, q CardQuery, f store.CardFilter, found *FoundCards) error {
	record, live, ok := recordOf(customerPrefix, q.Customer)
	if !ok {
		return notFound("customer", q.Customer)
	}
	return s.store.View(ctx, func(r store.Reader) error {
		for p := (store.Page{To: math.MaxInt64, Newest: true, Limit: maxPage}); ; p.Offset += maxPage {
			rows, err := r.CustomerCards(ctx, record, p)
			if err != nil {
				return err
			}
			found.Searched += len(rows)
			matching := rows[:0:0]
			for i := range rows {
				if rows[i].Live == live && matches(f, &rows[i]) {
					matching = append(matching, rows[i])
				}
			}
			if err := s.collect(q, matching, found); err != nil {
				return err
			}
			if len(found.Cards) == q.limit() {
				return nil
			}
			found.Next = ""
			if len(rows) < maxPage {
				return nil
			}
		}
	})
}

// matches is the filter of the store in words of ours.
func matches(f store.CardFilter, row *store.Card) bool {
	return row.ID >= f.From && (f.Below == "" || row.ID < f.Below) &&
		(f.Merchant == "" || row.Merchant == f.Merchant) &&
		(f.Mode < 0 || (f.Mode == 1) == row.Live) &&
		(f.LastDigits == "" || row.LastDigits == f.LastDigits) &&
		(f.Brand == "" || row.Brand == f.Brand) &&
		(f.Fingerprint == nil || string(row.Fingerprint) == string(f.Fingerprint))
}

// collect proves rows and keeps those whose first digits match, until the page
// is full; found.Next is then the last of them.
func (s *Service) collect(q CardQuery, rows []store.Card, found *FoundCards) error {
	for i := range rows {
		row := &rows[i]
		if len(found.Cards) == q.limit() {
			return nil
		}
		if s.keyring.Check(envelope.ModeOf(row.Live), cardRow(row), row.Tag) != nil {
			return &tamperedRow{publicID(cardPrefix, row.Live, row.ID), "card"}
		}
		if q.BIN != "" {
			profile, err := s.openProfile(row)
			if err != nil {
				return &tamperedRow{publicID(cardPrefix, row.Live, row.ID), "card"}
			}
			if !strings.HasPrefix(profile.FirstDigits, q.BIN) {
				continue
			}
		}
		found.Cards = append(found.Cards, s.cardRecord(row))
		found.Next = publicID(cardPrefix, row.Live, row.ID)
	}
	return nil
}

// filter checks a query and turns it into what the store can select.
func (q CardQuery) filter() (store.CardFilter, error) {
	f := store.CardFilter{Merchant: q.Merchant, LastDigits: q.LastDigits, Fingerprint: q.Fingerprint}
	if q.criteria() == "" {
		return f, badRequest("give at least one of last digits, brand, bin, fingerprint and customer")
	}
	if q.LastDigits != "" && !digits(q.LastDigits, 4, 4) {
		return f, badRequest("last digits must be four digits")
	}
	if q.BIN != "" && !digits(q.BIN, 4, 6) {
		return f, badRequest("bin must be the first four to six digits")
	}
	if q.Fingerprint != nil && len(q.Fingerprint) != envelope.FingerprintSize {
		return f, badRequest("fingerprint must be the 44 characters of a card's fingerprint")
	}
	if q.Limit < 0 || q.Limit > maxPage {
		return f, badRequest("limit must be 1 to 100")
	}
	if q.Brand != "" {
		brand, ok := card.BrandNamed(q.Brand)
		if !ok {
			return f, badRequest("brand is not known")
		}
		f.Brand = brand.String()
	}
	switch q.Mode {
	case "":
		f.Mode = -1
	case envelope.ModeTest:
	case envelope.ModeLive:
		f.Mode = 1
	default:
		return f, badRequest("mode must be test or live")
	}
	if !q.From.IsZero() {
		f.From = store.IDAt(q.From)
	}
	if !q.To.IsZero() {
		f.Below = store.IDAt(q.To.Add(time.Millisecond))
	}
	if q.After != "" {
		record, _, ok := recordOf(cardPrefix, q.After)
		if !ok {
			return f, badRequest("after must be a card id")
		}
		if f.Below == "" || record < f.Below {
			f.Below = record
		}
	}
	return f, nil
}

// criteria names what a query asks for, for the audit record.
func (q CardQuery) criteria() string {
	var by []string
	for _, c := range []struct {
		name  string
		given bool
	}{
		{"last_digits", q.LastDigits != ""}, {"brand", q.Brand != ""}, {"bin", q.BIN != ""},
		{"fingerprint", q.Fingerprint != nil}, {"customer", q.Customer != ""},
	} {
		if c.given {
			by = append(by, c.name)
		}
	}
	return strings.Join(by, " ")
}

func (q CardQuery) limit() int {
	if q.Limit == 0 {
		return defaultPage
	}
	return q.Limit
}

func digits(s string, least, most int) bool {
	return len(s) >= least && len(s) <= most && strings.Trim(s, "0123456789") == ""
}
