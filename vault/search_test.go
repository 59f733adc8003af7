package vault_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/audit"
)

// library is a vault of some cards that differ in one thing or another.
type library struct {
	*shop
	ids   []string // card ids, oldest first, a minute apart
	print []byte   // of the number of cards 0, 3 and 5
	other string   // a second merchant
	owner string   // customer of cards 1 and 3
	began time.Time
}

func newLibrary(t *testing.T) *library {
	t.Helper()
	l := &library{shop: newShopWith(t, func(o *vault.Options) { o.Retention.Backups = 7 })}
	l.other = l.Merchant(t, vault.MerchantSettings{})
	live := l.Caller(t, l.public.Merchant, policy.Public, true)
	foreign := l.Caller(t, l.other, policy.Public, false)
	l.setClock(l.clock.Now().Truncate(time.Minute))
	l.began = l.clock.Now()
	for i, c := range []struct {
		caller vault.Caller
		number string
	}{
		{l.public, "4242424242424242"}, {l.public, "5555555555554444"}, {live, "4242424242424242"}, {l.public, "4242424242424242"},
		{foreign, "4000056655665556"}, {l.public, "4242424242424242"}, {l.public, "378282246310005"},
	} {
		l.setClock(l.began.Add(time.Duration(i) * time.Minute))
		token := tokenize(t, l.Vault, c.caller, c.number, "ONE")
		l.ids = append(l.ids, cardOf(token.ID))
		if i == 0 {
			l.print = token.Card.Fingerprint
		}
	}
	c := l.customer(t, vault.CustomerFields{Token: tokenOf(l.ids[1])})
	l.attach(t, c.ID, tokenOf(l.ids[3]))
	l.owner = c.ID
	return l
}

// TestFindCardsOutOfOrder: the id of a card is as old as the data key it was
// given, so that a card made later can have the lower id. It is found by the time
// it was made, and no page passes it over.
func TestFindCardsOutOfOrder(t *testing.T) {
	l := newLibrary(t)
	slices.Sort(l.ids)
	var want []string
	c := l.customer(t, vault.CustomerFields{})
	for range 12 {
		l.clock.Advance(30 * time.Second)
		want = append(want, l.attach(t, c.ID, tokenize(t, l.Vault, l.public, "5105105105105100", "ONE").ID))
	}
	if slices.IsSorted(want) {
		t.Fatal("ids are in the order of time; the test is too weak")
	}
	began := l.clock.Now().Add(-11 * 30 * time.Second)
	for _, customer := range []string{"", c.ID} {
		for i := range want {
			at := began.Add(time.Duration(i) * 30 * time.Second)
			q := vault.CardQuery{LastDigits: "5100", Customer: customer, From: at, To: at}
			if _, found := l.find(t, q); len(found.Cards) != 1 || found.Cards[0].ID != want[i] {
				t.Errorf("at %s: %d found, want the card of then", at, len(found.Cards))
			}
		}
		var got []string
		for q := (vault.CardQuery{LastDigits: "5100", Customer: customer, Limit: 5}); ; {
			_, found := l.find(t, q)
			for _, c := range found.Cards {
				got = append(got, c.ID)
			}
			if q.After = found.Next; q.After == "" {
				break
			}
		}
		all := slices.Clone(want)
		slices.Sort(all)
		slices.Reverse(all)
		if !slices.Equal(got, all) {
			t.Errorf("customer %q: paged through %d cards, want these %d", customer, len(got), len(all))
		}
	}
}

// record is the record id in a public one.
func record(id string) string { return id[len(id)-store.IDLength:] }

func tokenOf(card string) string { return "tokn_" + strings.TrimPrefix(card, "card_") }

// find returns which cards are found.
func (l *library) find(t *testing.T, q vault.CardQuery) ([]int, vault.FoundCards) {
	t.Helper()
	found, err := l.FindCards(t.Context(), l.Operator, q)
	if err != nil {
		t.Fatalf("%+v: %v", q, err)
	}
	var out []int
	for _, c := range found.Cards {
		out = append(out, slices.Index(l.ids, c.ID))
	}
	return out, found
}

func TestFindCards(t *testing.T) {
	l := newLibrary(t)
	minute := func(n int) time.Time { return l.began.Add(time.Duration(n) * time.Minute) }
	visa := func(edit func(q *vault.CardQuery)) vault.CardQuery {
		q := vault.CardQuery{Brand: "visa"}
		edit(&q)
		return q
	}
	for name, tt := range map[string]struct {
		q    vault.CardQuery
		want []int
	}{
		"last digits":            {vault.CardQuery{LastDigits: "4242"}, []int{5, 3, 2, 0}},
		"last digits, none":      {vault.CardQuery{LastDigits: "0000"}, nil},
		"brand":                  {vault.CardQuery{Brand: "Visa"}, []int{5, 4, 3, 2, 0}},
		"brand, spelled freely":  {vault.CardQuery{Brand: "MASTERCARD"}, []int{1}},
		"bin of four":            {vault.CardQuery{BIN: "4242"}, []int{5, 3, 2, 0}},
		"bin of six":             {vault.CardQuery{BIN: "400005"}, []int{4}},
		"bin, none":              {vault.CardQuery{BIN: "424243"}, nil},
		"fingerprint":            {vault.CardQuery{Fingerprint: l.print}, []int{5, 3, 0}},
		"fingerprint, none":      {vault.CardQuery{Fingerprint: make([]byte, 32)}, nil},
		"customer":               {vault.CardQuery{Customer: l.owner}, []int{3, 1}},
		"customer, none":         {vault.CardQuery{Customer: "cust_test_000000000000000000000000"}, nil},
		"customer, live":         {vault.CardQuery{Customer: strings.Replace(l.owner, "test_", "", 1)}, nil},
		"customer and brand":     {vault.CardQuery{Customer: l.owner, Brand: "visa"}, []int{3}},
		"customer and bin":       {vault.CardQuery{Customer: l.owner, BIN: "555555"}, []int{1}},
		"customer and print":     {vault.CardQuery{Customer: l.owner, Fingerprint: l.print}, []int{3}},
		"customer and digits":    {vault.CardQuery{Customer: l.owner, LastDigits: "4444"}, []int{1}},
		"customer, other mode":   {vault.CardQuery{Customer: l.owner, Mode: "live"}, nil},
		"customer, merchant":     {vault.CardQuery{Customer: l.owner, Merchant: l.other}, nil},
		"customer, from":         {vault.CardQuery{Customer: l.owner, From: minute(2)}, []int{3}},
		"customer, to":           {vault.CardQuery{Customer: l.owner, To: minute(2)}, []int{1}},
		"customer, after":        {vault.CardQuery{Customer: l.owner, After: l.ids[3]}, []int{3, 1}},
		"digits and bin":         {vault.CardQuery{LastDigits: "5556", BIN: "4000"}, []int{4}},
		"digits and other brand": {vault.CardQuery{LastDigits: "4242", Brand: "jcb"}, nil},
		"live":                   {visa(func(q *vault.CardQuery) { q.Mode = "live" }), []int{2}},
		"test":                   {visa(func(q *vault.CardQuery) { q.Mode = "test" }), []int{5, 4, 3, 0}},
		"merchant":               {visa(func(q *vault.CardQuery) { q.Merchant = l.other }), []int{4}},
		"merchant, unknown":      {visa(func(q *vault.CardQuery) { q.Merchant = "mrch_000000000000000000000000" }), nil},
		"from, included":         {visa(func(q *vault.CardQuery) { q.From = minute(3) }), []int{5, 4, 3}},
		"to, included":           {visa(func(q *vault.CardQuery) { q.To = minute(3) }), []int{3, 2, 0}},
		"from and to":            {visa(func(q *vault.CardQuery) { q.From, q.To = minute(2), minute(3) }), []int{3, 2}},
		"just after":             {visa(func(q *vault.CardQuery) { q.From, q.To = minute(2).Add(time.Millisecond), minute(2).Add(time.Second) }), nil},
		"the wrong way round":    {visa(func(q *vault.CardQuery) { q.From, q.To = minute(5), minute(2) }), nil},
		"before everything":      {visa(func(q *vault.CardQuery) { q.To = l.began.Add(-time.Second) }), nil},
		"before 1970":            {visa(func(q *vault.CardQuery) { q.To = time.Unix(-5, 0) }), nil},
		"after":                  {visa(func(q *vault.CardQuery) { q.After = l.ids[3] }), []int{5, 4, 3, 2, 0}},
		"after and to":           {visa(func(q *vault.CardQuery) { q.After, q.To = l.ids[5], minute(2) }), []int{2, 0}},
		"all at once": {vault.CardQuery{LastDigits: "4242", Brand: "visa", BIN: "42424", Fingerprint: l.print, Customer: l.owner,
			Merchant: l.public.Merchant, Mode: "test", From: minute(0), To: minute(9), After: "card_zzzzzzzzzzzzzzzzzzzzzzzz", Limit: 100}, []int{3}},
	} {
		got, found := l.find(t, tt.q)
		tt.want = slices.DeleteFunc(tt.want, func(i int) bool { return tt.q.After != "" && record(l.ids[i]) >= record(tt.q.After) })
		slices.SortFunc(tt.want, func(a, b int) int { return strings.Compare(record(l.ids[b]), record(l.ids[a])) })
		if !slices.Equal(got, tt.want) || found.Next != "" {
			t.Errorf("%s: found %v, next %q; want %v and no next", name, got, found.Next, tt.want)
		}
	}
	_, found := l.find(t, vault.CardQuery{LastDigits: "4444"})
	c := found.Cards[0]
	if c.ID != l.ids[1] || c.Token != tokenOf(l.ids[1]) || c.Customer != l.owner || c.State != vault.StateStored || c.Brand != "MasterCard" ||
		c.LastDigits != "4444" || c.Merchant != l.public.Merchant || c.Live || !c.CreatedAt.Equal(l.began.Add(time.Minute)) || c.AttachedAt.IsZero() {
		t.Errorf("found %+v", c)
	}
}

// TestFindCardsInWindows: pages follow each other without a gap or a repetition,
// whatever a page or a transaction holds, also where a search stops early.
func TestFindCardsInWindows(t *testing.T) {
	l := newLibrary(t)
	for _, q := range []vault.CardQuery{{Brand: "visa"}, {BIN: "4242"}, {LastDigits: "4444"}, {Customer: l.owner}, {Brand: "visa", From: l.began.Add(time.Minute)}} {
		want, _ := l.find(t, q)
		for _, window := range []int{1, 2, 3, 7} {
			for _, most := range []int{1, 3, 9} {
				for _, limit := range []int{1, 2} {
					l.SetReach(window, most)
					q.Limit, q.After = limit, ""
					var got []int
					for range 20 {
						page, found := l.find(t, q)
						if len(page) > limit {
							t.Fatalf("%d on a page of %d", len(page), limit)
						}
						got = append(got, page...)
						if q.After = found.Next; q.After == "" {
							break
						}
					}
					if !slices.Equal(got, want) || q.After != "" {
						t.Errorf("%+v in windows of %d and searches of %d: %v, want %v", q, window, most, got, want)
					}
				}
			}
		}
		l.SetReach(5000, 1_000_000)
		q.After = ""
	}
}

func TestFindCardsRefuses(t *testing.T) {
	l := newLibrary(t)
	for name, q := range map[string]vault.CardQuery{
		"nothing":           {},
		"mode alone":        {Mode: "live"},
		"merchant and time": {Merchant: l.other, From: l.began},
		"three digits":      {LastDigits: "424"},
		"five digits":       {LastDigits: "42424"},
		"letters":           {LastDigits: "424a"},
		"merchant":          {Brand: "visa", Merchant: "mrch_x"},
		"customer":          {Customer: "cust_x"},
		"short bin":         {BIN: "424"},
		"long bin":          {BIN: "4242424"},
		"brand":             {Brand: "visaa"},
		"mode":              {Brand: "visa", Mode: "LIVE"},
		"limit 101":         {Brand: "visa", Limit: 101},
		"limit -1":          {Brand: "visa", Limit: -1},
		"fingerprint":       {Fingerprint: make([]byte, 31)},
		"empty fingerprint": {Fingerprint: []byte{}},
		"after":             {Brand: "visa", After: "tokn_test_000000000000000000000000"},
	} {
		if _, err := l.FindCards(t.Context(), l.Operator, q); vault.CodeOf(err) != vault.BadRequest {
			t.Errorf("%s: %v, want bad request", name, err)
		}
	}
	if got := events(t, l.Store, audit.CardFind); len(got) != 0 {
		t.Errorf("audit has %d searches that were refused", len(got))
	}
	for name, caller := range map[string]vault.Caller{"public key": l.public, "secret key": l.secret, "nobody": {}} {
		for what, err := range map[string]error{
			"find":      second(l.FindCards(t.Context(), caller, vault.CardQuery{Brand: "visa"})),
			"card":      second(l.CardRecord(t.Context(), caller, l.ids[0])),
			"customer":  second(l.CustomerRecord(t.Context(), caller, l.owner)),
			"retention": second(l.RetentionReport(t.Context(), caller)),
		} {
			if vault.CodeOf(err) != vault.Unauthenticated {
				t.Errorf("%s, %s: %v, want unauthenticated", name, what, err)
			}
		}
	}
	for _, limit := range []int{1, 100} {
		if got, _ := l.find(t, vault.CardQuery{Brand: "visa", Limit: limit}); len(got) != min(limit, 5) {
			t.Errorf("limit %d: %d found", limit, len(got))
		}
	}
}

// unreadable is a store whose cards cannot be read.
type unreadable struct{ store.Store }

var errUnreadable = errors.New("unreadable")

func (unreadable) View(context.Context, func(store.Reader) error) error { return errUnreadable }

// TestSearchesAreOnRecord: before anything is read, with the names of what was
// asked and none of the values; what cannot be recorded is not read.
func TestSearchesAreOnRecord(t *testing.T) {
	l := newLibrary(t)
	l.find(t, vault.CardQuery{Fingerprint: l.print, LastDigits: "4242", BIN: "424242", Brand: "visa", Customer: l.owner, Merchant: l.other, Limit: 7})
	l.find(t, vault.CardQuery{BIN: "424242", After: l.ids[2]})
	var by []string
	for _, e := range events(t, l.Store, audit.CardFind) {
		by = append(by, e.Details["by"])
		if len(e.Details) != 1 || e.Actor.ID != l.Operator.Key || e.Object != "" {
			t.Errorf("record %+v", e)
		}
		for _, value := range []string{"424242", "4242", "visa", l.owner} {
			if strings.Contains(fmt.Sprint(e.Details), value) {
				t.Errorf("the record %v tells %s", e.Details, value)
			}
		}
	}
	slices.Sort(by) // records of one millisecond have no order
	if want := []string{"bin", "last_digits brand bin fingerprint customer"}; !slices.Equal(by, want) {
		t.Errorf("searched by %q, want %q", by, want)
	}
	for name, db := range map[string]store.Store{"reads": &switched{Store: l.Store, view: unreadable{l.Store}}, "writes": &switched{Store: l.Store, update: failingLog{l.Store, store.ErrFull}}} {
		svc, err := vault.New(t.Context(), vault.Options{Store: db, KMS: l.KMS, Clock: l.clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		db.(*switched).on = true
		before := len(events(t, l.Store, audit.CardFind))
		_, err = svc.FindCards(t.Context(), l.Operator, vault.CardQuery{Brand: "visa"})
		want := 1
		if name == "writes" {
			want = 0
		}
		if got := len(events(t, l.Store, audit.CardFind)) - before; err == nil || got != want {
			t.Errorf("without %s: %v and %d records, want an error and %d", name, err, got, want)
		}
		db.(*switched).on = false
		svc.Close(context.Background())
	}
}

// switched is a store that is another one while it is on.
type switched struct {
	store.Store
	view, update store.Store
	on           bool
}

func (s *switched) View(ctx context.Context, fn func(store.Reader) error) error {
	if s.on && s.view != nil {
		return s.view.View(ctx, fn)
	}
	return s.Store.View(ctx, fn)
}

func (s *switched) Update(ctx context.Context, fn func(store.Tx) error) error {
	if s.on && s.update != nil {
		return s.update.Update(ctx, fn)
	}
	return s.Store.Update(ctx, fn)
}

// TestFindTamperedCards: an edited row is not shown as if it were true, and does
// not hide the others.
func TestFindTamperedCards(t *testing.T) {
	for _, edit := range []string{"charge_status = 'paid'", "sealed_profile = zeroblob(200)", "merchant = 'mrch_000000000000000000000000'"} {
		l := newLibrary(t)
		db := rawDB(t, l.Vault)
		if _, err := db.Exec("UPDATE cards SET " + edit + " WHERE id = '" + l.ids[3][len("card_test_"):] + "'"); err != nil {
			t.Fatal(err)
		}
		for _, q := range []vault.CardQuery{{Brand: "visa"}, {BIN: "4242"}, {Customer: l.owner, LastDigits: "4242"}} {
			found, err := l.FindCards(t.Context(), l.Operator, q)
			hides := slices.ContainsFunc(found.Cards, func(r vault.CardRecord) bool { return r.ID == l.ids[3] })
			if err != nil || hides || !slices.Equal(found.Tampered, []string{l.ids[3]}) {
				t.Errorf("%s, %+v: %d found, %v tampered (%v), want %s tampered", edit, q, len(found.Cards), found.Tampered, err, l.ids[3])
			}
		}
		got := events(t, l.Store, audit.RecordTampered)
		if len(got) != 3 || got[0].Object != l.ids[3] {
			t.Errorf("%s: audit has %+v, want three of %s", edit, got, l.ids[3])
		}
	}
}

// TestDestroyedCardsAreNotFound: by no criterion, while their record stays.
func TestDestroyedCardsAreNotFound(t *testing.T) {
	l := newLibrary(t)
	if _, err := l.DeleteCard(t.Context(), l.secret, l.owner, l.ids[3]); err != nil {
		t.Fatal(err)
	}
	for _, q := range []vault.CardQuery{{LastDigits: "4242"}, {LastDigits: "0000"}, {Brand: "visa"}, {BIN: "4242"}, {Fingerprint: l.print}, {Customer: l.owner}, {Fingerprint: make([]byte, 32)}} {
		if got, _ := l.find(t, q); slices.Contains(got, 3) {
			t.Errorf("%+v finds a destroyed card", q)
		}
	}
}
