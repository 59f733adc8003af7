package httpapi

import (
	"context"
	"encoding/json"

	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/internal/inplace"
)

func (a *API) createCustomer(ctx context.Context, c *call) (any, error) {
	in, err := customerFields(c.params)
	if err != nil {
		return nil, err
	}
	in.DefaultCard = "" // a new customer has no card to choose
	customer, err := a.svc.CreateCustomer(ctx, c.caller, in)
	return customerAnswer(customer, c.version, err)
}

func (a *API) getCustomer(ctx context.Context, c *call) (any, error) {
	customer, err := a.svc.Customer(ctx, c.caller, c.id)
	return customerAnswer(customer, c.version, err)
}

func (a *API) updateCustomer(ctx context.Context, c *call) (any, error) {
	in, err := customerFields(c.params)
	if err != nil {
		return nil, err
	}
	customer, err := a.svc.UpdateCustomer(ctx, c.caller, c.id, in)
	return customerAnswer(customer, c.version, err)
}

func (a *API) deleteCustomer(ctx context.Context, c *call) (any, error) {
	customer, err := a.svc.DeleteCustomer(ctx, c.caller, c.id)
	return customerAnswer(customer, c.version, err)
}

func (a *API) listCustomers(ctx context.Context, c *call) (any, error) {
	p, err := page(c.params)
	if err != nil {
		return nil, err
	}
	customers, err := a.svc.Customers(ctx, c.caller, p)
	if err != nil {
		return nil, err
	}
	return newListBody(customers, "/customers", func(v vault.Customer) customerBody { return newCustomerBody(v, c.version) }), nil
}

// listSchedules answers that a customer has none: there are no schedules here,
// and client libraries ask.
func (a *API) listSchedules(ctx context.Context, c *call) (any, error) {
	p, err := page(c.params)
	if err != nil {
		return nil, err
	}
	customer, err := a.svc.Customer(ctx, c.caller, c.id)
	if err != nil {
		return nil, err
	}
	return emptyList(customer, p, "/schedules"), nil
}

// emptyList is a list of a customer's that is always empty.
func emptyList(c vault.Customer, p vault.Page, path string) listBody[struct{}] {
	l := vault.List[struct{}]{Page: c.Cards.Page}
	l.Page.Newest, l.Page.Offset = p.Newest, p.Offset
	if p.Limit > 0 {
		l.Page.Limit = min(p.Limit, 100)
	}
	return newListBody(l, "/customers/"+c.ID+path, func(struct{}) struct{} { return struct{}{} })
}

// customerFields reads what a request says of a customer. Its slices alias the
// request's buffer.
func customerFields(params value) (vault.CustomerFields, error) {
	var in vault.CustomerFields
	var token, defaultCard []byte
	for _, p := range [...]struct {
		name string
		dst  *[]byte
	}{{"email", &in.Email}, {"description", &in.Description}, {"card", &token}, {"default_card", &defaultCard}} {
		b, ok := params.Get(p.name).Scalar()
		if !ok {
			return in, invalidParameter(p.name)
		}
		if card.ContainsPAN(b) { // before it becomes a string of the heap
			return in, errNumberInText
		}
		*p.dst = b
	}
	in.Token, in.DefaultCard = string(token), string(defaultCard)
	var err error
	in.Metadata, err = metadata(params.Get("metadata"))
	return in, err
}

// metadata re-encodes an object as JSON; nil if none is given.
func metadata(v value) ([]byte, error) {
	switch {
	case v.Kind == inplace.Absent, v.Kind == inplace.Null, v.Kind == inplace.Text && len(v.Bytes) == 0:
		return nil, nil
	case v.Kind != inplace.Object:
		return nil, invalidParameter("metadata")
	case holdsPAN(v), hasCode(v):
		return nil, errNumberInText
	}
	return appendJSON(nil, v), nil
}

// appendJSON writes a value as JSON. Text becomes a string of the heap: only
// for what is not card data.
func appendJSON(dst []byte, v value) []byte {
	switch v.Kind {
	case inplace.Text:
		return appendString(dst, v.Bytes)
	case inplace.Number, inplace.Boolean:
		return append(dst, v.Bytes...)
	case inplace.Object:
		dst = append(dst, '{')
		for i, f := range v.Fields {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendString(dst, f.Name), ':')
			dst = appendJSON(dst, f.Value)
		}
		return append(dst, '}')
	case inplace.Array:
		dst = append(dst, '[')
		for i, item := range v.Items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendJSON(dst, item)
		}
		return append(dst, ']')
	default:
		return append(dst, "null"...)
	}
}

func appendString(dst, s []byte) []byte {
	b, err := json.Marshal(string(s))
	if err != nil { // a string always marshals
		panic("httpapi: a string does not encode")
	}
	return append(dst, b...)
}

// customerBody is contract 5.3.
type customerBody struct {
	Object         string             `json:"object"`
	ID             string             `json:"id"`
	Livemode       bool               `json:"livemode"`
	Location       string             `json:"location"`
	Deleted        bool               `json:"deleted"`
	Metadata       json.RawMessage    `json:"metadata"`
	Cards          listBody[cardBody] `json:"cards"`
	DefaultCard    *string            `json:"default_card"`
	LinkedAccounts listBody[struct{}] `json:"linked_accounts"`
	Description    *string            `json:"description"`
	Email          *string            `json:"email"`
	CreatedAt      string             `json:"created_at"`
	Created        string             `json:"created,omitempty"` // versions before 2019-05-29
}

func newCustomerBody(c vault.Customer, v version) customerBody {
	out := customerBody{
		Object: "customer", ID: c.ID, Livemode: c.Live, Location: "/customers/" + c.ID, Deleted: c.Deleted,
		Metadata:       c.Metadata,
		Cards:          cardList(c.Cards, c.ID, v),
		DefaultCard:    optional(c.DefaultCard),
		LinkedAccounts: emptyList(c, vault.Page{}, "/linked_accounts"),
		Description:    optional(c.Description), Email: optional(c.Email), CreatedAt: timestamp(c.CreatedAt),
	}
	if v.created() {
		out.Created = out.CreatedAt
	}
	return out
}

func customerAnswer(c vault.Customer, v version, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return newCustomerBody(c, v), nil
}
