package vault

import (
	"context"
	"errors"
	"math/big"
	"strings"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/envelope"
)

// ImportCard is a card as another vault kept it. Its slices may alias a buffer
// that the caller wipes.
type ImportCard struct {
	Card        card.Input
	Customer    []byte // what the other vault calls its owner: cards of one owner share a customer; empty for one of its own
	Email       []byte // of the owner
	Description []byte
}

// SealedCard is a card on its way into the store.
type SealedCard struct {
	ID         string // card_ id
	Customer   string // cust_ id
	Brand      string
	LastDigits string

	row       *store.Card
	owner     *store.Customer
	shared    bool // other cards may have the same owner
	macs      []envelope.Fingerprint
	candidate []byte
}

// Seal checks a card and seals it under a data key of its own. InvalidCard and
// BadRequest mean that this card cannot be taken, and Message says why without
// repeating it; other errors, Unavailable above all, are of the vault.
func (im *Importer) Seal(ctx context.Context, in ImportCard) (*SealedCard, error) {
	s, c := im.s, im.caller
	in.Card.SecurityCode = nil // must not be kept (PCI DSS 3.3.1)
	now := s.now()
	checked, problems := card.Parse(in.Card, card.Rules{
		Now: now, Brands: s.opts.Brands, Separators: true, AllowNoName: true, AllowExpired: im.source.AllowExpired,
	})
	if len(problems) > 0 {
		return nil, &Error{Code: InvalidCard, Message: problems.Message(), Problems: problems}
	}
	defer checked.Wipe()
	if b := s.bounds(now); checked.Expiry.Year < b.ExpiredYear || checked.Expiry.Year == b.ExpiredYear && checked.Expiry.Month < b.ExpiredMonth {
		return nil, badRequest("expired for longer than retention.after_expiry_days: it would be destroyed at once")
	}
	owner, err := im.owner(in)
	if err != nil {
		return nil, err
	}
	if err := im.hasRoom(ctx, owner, len(in.Customer) > 0); err != nil {
		return nil, err
	}
	pool, ok := s.pools[c.Mode()]
	if !ok {
		return nil, internal(errors.New("this process was not opened for intake"))
	}
	key, err := pool.Take(ctx)
	if err != nil {
		return nil, s.fail(err)
	}
	defer key.Wipe()
	row, _, err := s.seal(c, &checked, key, now)
	if err != nil {
		return nil, s.fail(err)
	}
	row.Customer, row.ExpiresAt, row.UsedAt, row.AttachedAt = owner.ID, 0, row.CreatedAt, row.CreatedAt
	if row.PaymentMethod, err = newPaymentMethod(s.random); err != nil {
		return nil, s.fail(err)
	}
	sealed := &SealedCard{
		ID: publicID(cardPrefix, row.Live, row.ID), Customer: publicID(customerPrefix, row.Live, owner.ID),
		Brand: row.Brand, LastDigits: row.LastDigits, row: row, owner: owner, shared: len(in.Customer) > 0,
	}
	checked.PAN.Use(func(digits []byte) { sealed.macs, err = s.keyring.Fingerprints(c.Mode(), c.Merchant, digits) })
	if err != nil {
		return nil, s.fail(err)
	}
	sealed.candidate, err = s.drawSurrogate()
	return sealed, s.fail(err)
}

// hasRoom refuses a card of a customer who has MaxCards already. Cards that are
// sealed and not yet committed are not counted, so that a few more may pass.
func (im *Importer) hasRoom(ctx context.Context, owner *store.Customer, shared bool) error {
	if !shared {
		return nil
	}
	return im.s.fail(im.s.store.View(ctx, func(r store.Reader) error { return im.s.roomFor(ctx, r, owner) }))
}

// owner makes the row of a card's customer. The id of a shared one is derived
// from what the other vault calls it, so that all of its cards find it, in this
// process and in the one that goes on.
func (im *Importer) owner(in ImportCard) (*store.Customer, error) {
	s, c := im.s, im.caller
	profile, err := customerProfile{}.change(CustomerFields{Email: in.Email, Description: in.Description})
	if err != nil {
		return nil, err
	}
	row := &store.Customer{Merchant: c.Merchant, Live: c.Live, CreatedAt: s.now().UnixMicro()}
	if len(in.Customer) > 0 {
		row.ID, err = im.customerID(in.Customer)
	} else {
		row.ID, err = store.NewID(s.now(), s.random)
	}
	if err != nil {
		return nil, s.fail(err)
	}
	return row, s.fail(s.sealCustomer(row, profile))
}

// customerID derives the random part of a customer's id with a key, so that it
// can be guessed no better than a drawn one.
func (im *Importer) customerID(reference []byte) (string, error) {
	h, err := im.hash(im.key, []byte(im.id))
	if err != nil {
		return "", err
	}
	h.Write(reference)
	const random = 16 // characters of base 36, 82 bits
	text := new(big.Int).SetBytes(h.Sum(nil)).Text(36)
	text = strings.Repeat("0", random) + text
	return store.IDAt(im.began)[:store.IDLength-random] + text[len(text)-random:], nil
}

// insert writes a card, its customer unless it is there, and their records.
func (im *Importer) insert(ctx context.Context, tx store.Tx, in *SealedCard, made map[string]bool) error {
	s, c := im.s, im.caller
	exists, err := im.exists(ctx, tx, in, made)
	if err != nil {
		return err
	}
	if !exists {
		owner := *in.owner
		owner.DefaultCard = in.row.ID
		if err := s.insertCustomer(ctx, tx, c, &owner); err != nil {
			return err
		}
		if in.shared {
			made[owner.ID] = true
		}
	}
	if err := s.fingerprint(ctx, tx, c, in.row, in.macs, in.candidate); err != nil {
		return err
	}
	if in.row.Tag, err = s.keyring.Tag(c.Mode(), cardRow(in.row)); err != nil {
		return err
	}
	if err := tx.InsertCard(ctx, in.row); err != nil {
		return err
	}
	e := c.event(audit.CardImport, audit.OK, in.ID)
	e.Details = map[string]string{"import": im.id, "customer": in.Customer}
	return s.append(ctx, tx, e)
}

// exists reports whether a card's customer is in the store.
func (im *Importer) exists(ctx context.Context, tx store.Tx, in *SealedCard, made map[string]bool) (bool, error) {
	if !in.shared || made[in.owner.ID] {
		return in.shared, nil
	}
	row, err := tx.Customer(ctx, in.owner.ID)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	edited := im.s.keyring.Check(im.caller.Mode(), customerRow(&row), row.Tag) != nil
	if edited || row.Merchant != im.caller.Merchant || row.Live != im.caller.Live {
		return false, &tamperedRow{in.Customer, "customer"}
	}
	if row.DeletedAt != 0 {
		return false, &Error{Code: Conflict, Message: "a customer of this import was deleted meanwhile; remove its cards from the file"}
	}
	return true, nil
}
