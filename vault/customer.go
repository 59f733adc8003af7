package vault

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/envelope"
)

// MaxMetadata is the largest metadata of a customer, in bytes of JSON.
const MaxMetadata = 15 << 10

// CustomerFields is what a request says of a customer. Nil means not given:
// unchanged, or empty for a new one.
type CustomerFields struct {
	Email       []byte
	Description []byte
	Metadata    []byte // a JSON object; replaces the old one as a whole
	Token       string // tokn_ id to exchange for a card; "" for none
	DefaultCard string // card_ id; "" for unchanged
}

// Customer is a customer as its merchant sees it.
type Customer struct {
	ID          string // cust_[test_] + record id
	Live        bool
	Deleted     bool
	Email       string
	Description string
	Metadata    []byte // a JSON object, "{}" if there is none
	DefaultCard string // card_ id, "" for none
	Cards       List[Card]
	CreatedAt   time.Time
}

// CreateCustomer adds a customer and, in the same transaction, exchanges a
// token for its first card: a token that is refused makes no customer.
// Errors: Unauthenticated, BadRequest, NotFound (token), UsedToken,
// Unavailable, Internal.
func (s *Service) CreateCustomer(ctx context.Context, c Caller, in CustomerFields) (Customer, error) {
	if err := s.authorizeOwn(c, policy.ManageCustomer); err != nil {
		return Customer{}, err
	}
	profile, err := customerProfile{}.change(in)
	if err != nil {
		return Customer{}, err
	}
	now := s.now()
	id, err := store.NewID(now, s.random)
	if err != nil {
		return Customer{}, s.fail(err)
	}
	view, err := change(ctx, s, c, func(tx store.Tx) (view Customer, err error) {
		row := store.Customer{ID: id, Merchant: c.Merchant, Live: c.Live, CreatedAt: now.UnixMicro()}
		if err := s.sealCustomer(&row, profile); err != nil {
			return view, err
		}
		// The row comes before its card, the default card after it.
		if err := s.insertCustomer(ctx, tx, c, &row); err != nil {
			return view, err
		}
		if in.Token != "" {
			if err := s.exchange(ctx, tx, c, &row, in.Token); err != nil {
				return view, err
			}
		}
		return s.customerView(ctx, tx, c, &row, profile)
	})
	return view, s.exchanged(in.Token, err)
}

// Customer returns a customer of the caller's merchant and mode with its first
// 20 cards. Errors: Unauthenticated, NotFound, Unavailable, Internal.
func (s *Service) Customer(ctx context.Context, c Caller, id string) (Customer, error) {
	if err := s.authorizeOwn(c, policy.ManageCustomer); err != nil {
		return Customer{}, err
	}
	var view Customer
	err := s.store.View(ctx, func(r store.Reader) error {
		row, profile, err := s.ownCustomer(ctx, r, c, id)
		if err != nil {
			return err
		}
		view, err = s.customerView(ctx, r, c, row, profile)
		return err
	})
	if err != nil {
		return Customer{}, s.settle(ctx, c, err)
	}
	return view, nil
}

// Customers lists the caller's customers. Errors as for Customer.
func (s *Service) Customers(ctx context.Context, c Caller, p Page) (List[Customer], error) {
	if err := s.authorizeOwn(c, policy.ManageCustomer); err != nil {
		return List[Customer]{}, err
	}
	list := List[Customer]{Page: p.filled(s.now())}
	err := s.store.View(ctx, func(r store.Reader) error {
		rows, err := r.Customers(ctx, c.Merchant, c.Live, list.Page.stored())
		if err != nil {
			return err
		}
		if list.Total, err = r.CountCustomers(ctx, c.Merchant, c.Live, list.Page.stored()); err != nil {
			return err
		}
		for i := range rows {
			profile, err := s.openCustomer(c, &rows[i])
			if err != nil {
				return err
			}
			view, err := s.customerView(ctx, r, c, &rows[i], profile)
			if err != nil {
				return err
			}
			list.Rows = append(list.Rows, view)
		}
		return nil
	})
	if err != nil {
		return List[Customer]{}, s.settle(ctx, c, err)
	}
	return list, nil
}

// UpdateCustomer changes what is given. A token adds a card; the default card
// must be one of the customer's. Errors: as for CreateCustomer, NotFound
// (customer, card).
func (s *Service) UpdateCustomer(ctx context.Context, c Caller, id string, in CustomerFields) (Customer, error) {
	if err := s.authorizeOwn(c, policy.ManageCustomer); err != nil {
		return Customer{}, err
	}
	view, err := change(ctx, s, c, func(tx store.Tx) (view Customer, err error) {
		row, profile, err := s.ownCustomer(ctx, tx, c, id)
		if err != nil {
			return view, err
		}
		if profile, err = profile.change(in); err != nil {
			return view, err
		}
		was := row.Tag
		if err := s.sealCustomer(row, profile); err != nil {
			return view, err
		}
		if in.DefaultCard != "" {
			chosen, err := s.ownCard(ctx, tx, c, row, in.DefaultCard)
			if err != nil {
				return view, err
			}
			row.DefaultCard = chosen.ID
		}
		if err := s.replaceCustomer(ctx, tx, row, was); err != nil {
			return view, err
		}
		if err := s.append(ctx, tx, c.event(audit.CustomerUpdate, audit.OK, id)); err != nil {
			return view, err
		}
		if in.Token != "" {
			if err := s.exchange(ctx, tx, c, row, in.Token); err != nil {
				return view, err
			}
		}
		return s.customerView(ctx, tx, c, row, profile)
	})
	return view, s.exchanged(in.Token, err)
}

// DeleteCustomer destroys a customer and all of its cards: wrapped keys and
// sealed fields are overwritten in the same transaction. It returns the
// customer as it was. Errors as for Customer.
func (s *Service) DeleteCustomer(ctx context.Context, c Caller, id string) (Customer, error) {
	if err := s.authorizeOwn(c, policy.ManageCustomer); err != nil {
		return Customer{}, err
	}
	var cards []string
	view, err := destruction(ctx, s, c, func(tx store.Tx) (view Customer, err error) {
		row, profile, err := s.ownCustomer(ctx, tx, c, id)
		if err != nil {
			return view, err
		}
		if view, err = s.customerView(ctx, tx, c, row, profile); err != nil {
			return view, err
		}
		if cards, err = s.destroyCards(ctx, tx, c, row); err != nil {
			return view, err
		}
		if err := s.dropAnswers(ctx, tx, row.ID); err != nil {
			return view, err
		}
		was := row.Tag
		row.DeletedAt, row.DefaultCard, row.Sealed = s.now().UnixMicro(), "", nil
		if err := s.replaceCustomer(ctx, tx, row, was); err != nil {
			return view, err
		}
		e := c.event(audit.CustomerDelete, audit.OK, id)
		e.Details = map[string]string{"cards": strconv.Itoa(len(cards)), "shred_horizon": s.shredHorizon(row.DeletedAt).Format(time.RFC3339)}
		view.Deleted = true
		return view, s.append(ctx, tx, e)
	})
	if err == nil {
		s.dropCodes(cards, requested)
	}
	return view, err
}

// ownCustomer reads a customer of the caller's and proves that it was not
// edited. NotFound if it is absent, deleted or not the caller's.
func (s *Service) ownCustomer(ctx context.Context, r store.Reader, c Caller, id string) (*store.Customer, customerProfile, error) {
	record, _, ok := recordOf(customerPrefix, id)
	if !ok {
		return nil, customerProfile{}, notFound("customer", id)
	}
	row, err := r.Customer(ctx, record)
	absent := errors.Is(err, store.ErrNotFound)
	if err != nil && !absent {
		return nil, customerProfile{}, err
	}
	// An absent row is checked like a present one; see checkedCard.
	tampered := s.keyring.Check(envelope.ModeOf(row.Live), customerRow(&row), row.Tag) != nil
	if !absent && (tampered || row.ID != record) {
		return nil, customerProfile{}, &tamperedRow{id, "customer"}
	}
	if absent || row.Merchant != c.Merchant || row.DeletedAt != 0 || publicID(customerPrefix, row.Live, row.ID) != id || row.Live != c.Live {
		return nil, customerProfile{}, notFound("customer", id)
	}
	profile, err := s.openCustomer(c, &row)
	return &row, profile, err
}

func (s *Service) insertCustomer(ctx context.Context, tx store.Tx, c Caller, row *store.Customer) (err error) {
	if row.Tag, err = s.keyring.Tag(c.Mode(), customerRow(row)); err != nil {
		return err
	}
	if err := tx.InsertCustomer(ctx, row); err != nil {
		return err
	}
	return s.append(ctx, tx, c.event(audit.CustomerCreate, audit.OK, publicID(customerPrefix, row.Live, row.ID)))
}

// replaceCustomer tags a changed row and writes it over the one whose tag was.
func (s *Service) replaceCustomer(ctx context.Context, tx store.Tx, row *store.Customer, was []byte) (err error) {
	if row.Tag, err = s.keyring.Tag(envelope.ModeOf(row.Live), customerRow(row)); err != nil {
		return err
	}
	return tx.UpdateCustomer(ctx, row, was)
}

func (s *Service) customerView(ctx context.Context, r store.Reader, c Caller, row *store.Customer, profile customerProfile) (Customer, error) {
	cards, err := s.listCards(ctx, r, c, row, Page{})
	if err != nil {
		return Customer{}, err
	}
	view := Customer{
		ID: publicID(customerPrefix, row.Live, row.ID), Live: row.Live,
		Email: profile.Email, Description: profile.Description, Metadata: profile.Metadata,
		Cards: cards, CreatedAt: timeOf(row.CreatedAt),
	}
	if row.DefaultCard != "" {
		view.DefaultCard = publicID(cardPrefix, row.Live, row.DefaultCard)
	}
	return view, nil
}

// customerProfile is what is sealed of a customer.
type customerProfile struct {
	Email       string          `json:"e,omitempty"`
	Description string          `json:"d,omitempty"`
	Metadata    json.RawMessage `json:"m"`
}

// change applies what a request gives. BadRequest if it cannot be kept.
func (p customerProfile) change(in CustomerFields) (customerProfile, error) {
	for _, f := range [...]struct {
		name string
		in   []byte
		out  *string
	}{{"email", in.Email, &p.Email}, {"description", in.Description, &p.Description}} {
		if f.in == nil {
			continue
		}
		text, ok := card.ParseText(f.in)
		if !ok {
			return p, badRequest(f.name + " is invalid")
		}
		*f.out = text
	}
	switch {
	case len(in.Metadata) > MaxMetadata:
		return p, badRequest("metadata is too large")
	case card.ContainsPAN(in.Metadata):
		return p, badRequest("metadata must not contain a card number")
	case in.Metadata != nil:
		p.Metadata = bytes.Clone(in.Metadata)
	case p.Metadata == nil:
		p.Metadata = json.RawMessage("{}")
	}
	return p, nil
}

// sealCustomer seals a customer's profile as sealProfile does a card's.
func (s *Service) sealCustomer(row *store.Customer, profile customerProfile) error {
	version, key, err := s.keyring.Active(envelope.PurposeProfile, envelope.ModeOf(row.Live))
	if err != nil {
		return err
	}
	plain, err := plainJSON(profile)
	if err != nil {
		return badRequest("metadata is invalid")
	}
	for len(plain)%64 != 0 {
		plain = append(plain, ' ')
	}
	defer clear(plain)
	row.Sealed, err = envelope.Seal(s.random, key, customerBinding(row, version), plain)
	return err
}

func (s *Service) openCustomer(c Caller, row *store.Customer) (customerProfile, error) {
	if s.keyring.Check(envelope.ModeOf(row.Live), customerRow(row), row.Tag) != nil || row.Merchant != c.Merchant || row.Live != c.Live {
		return customerProfile{}, &tamperedRow{publicID(customerPrefix, row.Live, row.ID), "customer"}
	}
	plain, err := s.openWithProfileKey(row.Live, row.Sealed, func(version uint32) envelope.Binding {
		return customerBinding(row, version)
	})
	if err != nil {
		return customerProfile{}, &tamperedRow{publicID(customerPrefix, row.Live, row.ID), "customer"}
	}
	defer clear(plain)
	var profile customerProfile
	if err := json.Unmarshal(plain, &profile); err != nil {
		return customerProfile{}, &tamperedRow{publicID(customerPrefix, row.Live, row.ID), "customer"}
	}
	return profile, nil
}

func customerBinding(row *store.Customer, version uint32) envelope.Binding {
	return envelope.Binding{
		Mode: envelope.ModeOf(row.Live), Merchant: row.Merchant, Record: row.ID,
		Field: envelope.FieldCustomer, Generation: version,
	}
}
