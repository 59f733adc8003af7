package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// serverClient is one library of merchants' servers. Its raw requests are
// testdata/clients/NAME-ACTION.http, for each of serverActions, and read does
// with an answer what the library does.
type serverClient struct {
	name string
	read func(a answer, object string) error

	// What its list-cards asks for: some of three cards, the oldest is 1, of
	// total after its from and to.
	cards []int
	total int

	customers   int  // how many of the two customers its list-customers asks for
	keepsExpiry bool // its update-card sends zeros for the expiry
}

var serverActions = []string{"create-customer", "list-cards", "update-card", "delete-card", "list-customers"}

var serverClients = []serverClient{
	{name: "curl", read: curlLibrary.read, cards: []int{2, 3}, total: 3, customers: 1},
	{name: "go", read: goObject, cards: []int{3, 2}, total: 2, customers: 1},
	{name: "node", read: nodeLibrary.read, cards: []int{3, 2}, total: 3, customers: 1},
	{name: "python", read: pythonLibrary.read, cards: []int{1, 2, 3}, total: 3, customers: 2},
	{name: "ruby", read: rubyLibrary.read, cards: []int{3}, total: 3, customers: 1},
	{name: "php", read: phpLibrary.read, cards: []int{3, 2}, total: 3, customers: 1},
	{name: "java", read: javaLibrary.read, cards: []int{2}, total: 1, customers: 1, keepsExpiry: true},
	{name: "dotnet", read: dotnetLibrary.read, cards: []int{3, 2}, total: 2, customers: 1},
	{name: "elixir", read: elixirLibrary.read, cards: []int{2}, total: 3, customers: 1},
}

// exampleToken stands for a token in recorded bodies; it is as long as one, so
// that their lengths hold.
const exampleToken = "tokn_test_000000000000000000000000"

// replay sends a client's recorded request and checks what is true of every
// answer.
func (w *wire) replay(t testing.TB, name, token, customer, card string) answer {
	t.Helper()
	raw := w.recorded(t, name, exampleToken, token, "{{customer}}", customer, "{{card}}", card)
	method, _, _ := strings.Cut(string(raw), " ")
	a := exchange(t, dial(t, w.addr), raw, method)
	a.check(t)
	return a
}

// TestServerClients sends every library's recorded bytes and reads the answers
// as that library would: a customer with a card, its cards, a change, a
// deletion.
func TestServerClients(t *testing.T) {
	for _, c := range serverClients {
		t.Run(c.name, func(t *testing.T) {
			w := newWire(t, config{})
			token := w.token(t)
			send := func(action, customer, card, object string, into any) {
				t.Helper()
				a := w.replay(t, c.name+"-"+action, token, customer, card)
				if err := c.read(a, object); err != nil {
					t.Errorf("the client cannot read the answer to %s: %v\n%s", action, err, a.raw)
				}
				a.ok(t, into)
			}

			var made wireCustomer
			send("create-customer", "", "", "customer", &made)
			cards := []string{cardOf(token)}
			if *made.Email != "john.doe@example.com" || *made.Description != "John Doe (id: 30)" || *made.DefaultCard != cards[0] || made.Cards.Total != 1 {
				t.Errorf("customer %+v", made)
			}
			for range 2 {
				w.clock.advance(time.Minute)
				more := w.token(t)
				w.call(t, "PATCH", made.Location, `{"card":"`+more+`"}`).ok(t, &made)
				cards = append(cards, cardOf(more))
			}

			var list wireList[wireCard]
			send("list-cards", made.ID, "", "list", &list)
			var want, got []string
			for _, age := range c.cards {
				want = append(want, cards[age-1])
			}
			for _, card := range list.Data {
				got = append(got, card.ID)
			}
			if strings.Join(got, " ") != strings.Join(want, " ") || list.Total != c.total {
				t.Errorf("listed %v of %d, want %v of %d", got, list.Total, want, c.total)
			}

			var changed wireCard
			send("update-card", made.ID, cards[0], "card", &changed)
			month, year := 3, 2031
			if c.keepsExpiry {
				month, year = 10, 2030
			}
			if changed.ID != cards[0] || changed.Name != "J. DOE" || changed.ExpirationMonth != month || changed.ExpirationYear != year {
				t.Errorf("card %+v, want it changed to %d/%d", changed, month, year)
			}

			var gone wireCard
			send("delete-card", made.ID, cards[0], "card", &gone)
			if gone.ID != cards[0] || !gone.Deleted {
				t.Errorf("card %+v, want it deleted", gone)
			}

			w.call(t, "POST", "/customers", "").ok(t, &wireCustomer{})
			var all wireList[wireCustomer]
			send("list-customers", "", "", "list", &all)
			if len(all.Data) != c.customers || all.Total != 2 || all.Data[0].ID != made.ID || *all.Data[0].DefaultCard != cards[2] || all.Data[0].Cards.Total != 2 {
				t.Errorf("customers %+v", all)
			}
		})
	}
}

func cardOf(token string) string { return "card_" + strings.TrimPrefix(token, "tokn_") }

// TestServerClientsSeeErrors: what the server refuses, every library takes for
// an error.
func TestServerClientsSeeErrors(t *testing.T) {
	w := newWire(t, config{})
	used := w.token(t)
	var owner wireCustomer
	w.call(t, "POST", "/customers", `{"card":"`+used+`"}`).ok(t, &owner)
	for _, c := range serverClients {
		for _, tt := range []struct {
			action, token, customer, card string
			object                        string
			status                        int
			code, message                 string
		}{
			{"create-customer", used, "", "", "customer", http.StatusBadRequest, "used_token", "token was already used"},
			{"create-customer", exampleToken, "", "", "customer", http.StatusNotFound, "not_found", "token " + exampleToken + " was not found"},
			{"list-cards", "", "cust_test_absent", "", "list", http.StatusNotFound, "not_found", "customer cust_test_absent was not found"},
			{"update-card", "", owner.ID, "card_test_absent", "card", http.StatusNotFound, "not_found", "card card_test_absent was not found"},
			{"delete-card", "", owner.ID, "card_test_absent", "card", http.StatusNotFound, "not_found", "card card_test_absent was not found"},
		} {
			a := w.replay(t, c.name+"-"+tt.action, tt.token, tt.customer, tt.card)
			a.want(t, tt.status, tt.code, tt.message)
			if c.read(a, tt.object) == nil {
				t.Errorf("%s takes the error for a %s: %s", c.name, tt.object, a.raw)
			}
		}
	}
}
