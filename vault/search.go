package vault

import (
	"context"
	"math"
	"slices"
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

// FoundCards is a page of matches in the order of their ids, newest first to a
// few minutes.
type FoundCards struct {
	Cards    []CardRecord
	Searched int    // rows that were looked at
	Next     string // card_ id to give as After for what is left; "" at the end

	Tampered []string // card_ ids of matching rows that were edited; nothing of them is told
}

// reach is how far searches go.
type reach struct {
	window int // rows that one transaction looks at
	most   int // rows that one search looks at
}

func defaultReach() reach { return reach{5_000, 1_000_000} }

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
	for _, id := range found.Tampered {
		if err := s.recordTampering(ctx, c, id, "card"); err != nil {
			return FoundCards{}, err
		}
	}
	return found, nil
}

// searchAll walks the cards downwards, a window and a transaction at a time.
func (s *Service) searchAll(ctx context.Context, q CardQuery, f store.CardFilter, found *FoundCards) error {
	oldest := f.From
	for {
		count := 0
		err := s.store.View(ctx, func(r store.Reader) (err error) {
			if f.From, count, err = r.CardWindow(ctx, f.Below, s.reach.window); err != nil {
				return err
			}
			f.From = max(f.From, oldest)
			rows, err := r.FindCards(ctx, f, s.reach.window)
			if err != nil {
				return err
			}
			s.collect(q, rows, found)
			return nil
		})
		found.Searched += count
		if err != nil || len(found.Cards) == q.limit() {
			return err
		}
		found.Next = ""
		if count < s.reach.window || f.From == oldest {
			return nil
		}
		f.Below = f.From
		if found.Searched >= s.reach.most {
			found.Next = publicID(cardPrefix, true, f.Below)
			return nil
		}
	}
}

// searchCustomer looks through the cards of one customer. They are listed by
// time, which is not quite the order of their ids, where a search goes on.
func (s *Service) searchCustomer(ctx context.Context, q CardQuery, f store.CardFilter, found *FoundCards) error {
	record, live, _ := recordOf(customerPrefix, q.Customer) // as filter has checked
	return s.store.View(ctx, func(r store.Reader) error {
		var matching []store.Card
		for p := (store.Page{To: math.MaxInt64, Limit: maxPage}); ; p.Offset += maxPage {
			rows, err := r.CustomerCards(ctx, record, p)
			if err != nil {
				return err
			}
			found.Searched += len(rows)
			for i := range rows {
				if rows[i].Live == live && matches(f, &rows[i]) {
					matching = append(matching, rows[i])
				}
			}
			if len(rows) < maxPage {
				break
			}
		}
		slices.SortFunc(matching, func(a, b store.Card) int { return strings.Compare(b.ID, a.ID) })
		if s.collect(q, matching, found); len(found.Cards) < q.limit() {
			found.Next = ""
		}
		return nil
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
// is full; found.Next is then the last of them. A row that was edited does not
// stop the search: an incident is when one is needed.
func (s *Service) collect(q CardQuery, rows []store.Card, found *FoundCards) {
	for i := range rows {
		row := &rows[i]
		if len(found.Cards) == q.limit() {
			return
		}
		first, genuine := s.firstDigits(q, row)
		switch {
		case !genuine && len(found.Tampered) < maxPage:
			found.Tampered = append(found.Tampered, plainID(publicID(cardPrefix, row.Live, row.ID)))
		case genuine && q.made(row) && strings.HasPrefix(first, q.BIN):
			found.Cards = append(found.Cards, s.cardRecord(row))
			found.Next = publicID(cardPrefix, row.Live, row.ID)
		}
	}
}

// firstDigits proves a row and, if the query asks for them, opens its first
// digits.
func (s *Service) firstDigits(q CardQuery, row *store.Card) (digits string, genuine bool) {
	if s.keyring.Check(envelope.ModeOf(row.Live), cardRow(row), row.Tag) != nil {
		return "", false
	}
	if q.BIN == "" {
		return "", true
	}
	profile, err := s.openProfile(row)
	return profile.FirstDigits, err == nil
}

// made reports whether a card was made in the time that is asked for.
func (q CardQuery) made(row *store.Card) bool {
	return (q.From.IsZero() || row.CreatedAt >= q.From.UnixMicro()) && (q.To.IsZero() || row.CreatedAt <= q.To.UnixMicro())
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
	if id, ok := strings.CutPrefix(q.Merchant, merchantPrefix); q.Merchant != "" && (!ok || !store.ValidID(id)) {
		return f, badRequest("merchant must be a merchant id")
	}
	if _, _, ok := recordOf(customerPrefix, q.Customer); q.Customer != "" && !ok {
		return f, badRequest("customer must be a customer id")
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
		f.From = store.IDAt(q.From.Add(-keyAge)) // made tells exactly
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
