package vault

import (
	"context"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/http"
	"time"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/envelope"
)

const (
	// MaxIdempotencyKey is the longest idempotency key, in bytes.
	MaxIdempotencyKey = 255
	// idempotencyLife is how long a repetition gets the first answer.
	idempotencyLife = 24 * time.Hour
	// idempotencyLease is when a request in flight counts as abandoned: longer
	// than any may take, but those that wait for a processor, whose claim is
	// held for longer.
	idempotencyLease = time.Minute
)

// Repeatable is a request that its client may repeat without repeating its
// effect.
type Repeatable struct {
	Key      string // the client's, 1..255 printable ASCII characters
	Endpoint string // method and path: a key is good for one of them
	Request  []byte // everything else that was asked; hashed, never kept

	// Encode makes the answer of what the operation returned. It is called in
	// the operation's transaction and must have no other effect.
	Encode func(result any) (Answer, error)
}

// Answer is what a request was answered.
type Answer struct {
	Status int
	Body   []byte
}

// claim is a request in flight. Its fields are changed between transactions
// only: one may run twice.
type claim struct {
	row    store.Idempotency
	encode func(result any) (Answer, error)
	kept   bool // the answer is stored, or it is not known yet and must not be given up
}

// Begin claims an idempotency key for a request. If the request was answered
// before, within a day, answer is that answer, and nothing must be done.
// Otherwise the returned caller makes the change: its answer is stored in the
// change's own transaction. End must be called when it is over.
//
// Errors: BadRequest for a malformed key, IdempotencyConflict if the key came
// with another request, InProgress while the first is being answered,
// Unavailable, Internal.
func (s *Service) Begin(ctx context.Context, c Caller, r Repeatable) (_ Caller, answer *Answer, err error) {
	if !validIdempotencyKey(r.Key) {
		return c, nil, badRequest("idempotency key must be 1 to 255 printable characters and no card number")
	}
	hashes, err := s.keyring.RequestHashes(c.Mode(), idempotencyScope(c.Merchant, r), r.Request)
	if err != nil {
		return c, nil, s.fail(err)
	}
	var claimed store.Idempotency
	err = s.store.Update(ctx, func(tx store.Tx) error {
		claimed, answer, err = s.claim(ctx, tx, c, hashes, r.Encode)
		return err
	})
	if err != nil {
		return c, nil, s.settle(ctx, c, err)
	}
	if answer == nil {
		c.claim = &claim{row: claimed, encode: r.Encode}
	}
	return c, answer, nil
}

// End gives a claim up if its request was refused or failed, so that it can be
// made again: nothing happened. If the store is down the claim ends by itself
// in a minute.
func (s *Service) End(ctx context.Context, c Caller) {
	if c.claim == nil || c.claim.kept {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	err := s.store.Update(ctx, func(tx store.Tx) error {
		return tx.DeleteIdempotency(ctx, c.claim.row.ID, c.claim.row.Tag)
	})
	if err != nil {
		s.log.Warn("an idempotency key is blocked for up to a minute", "request", c.Origin.Request, "error", err)
	}
}

// claim finds what is known of a request, or notes that it is in flight.
func (s *Service) claim(ctx context.Context, tx store.Tx, c Caller, hashes []envelope.RequestHash, encode func(any) (Answer, error)) (store.Idempotency, *Answer, error) {
	now := s.now()
	fresh := store.Idempotency{
		ID: hashes[0].ID, Request: hashes[0].Request, Merchant: c.Merchant, Live: c.Live,
		CreatedAt: now.UnixMicro(), ExpiresAt: now.Add(idempotencyLease).UnixMicro(),
	}
	for _, h := range hashes {
		row, err := tx.Idempotency(ctx, h.ID)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return fresh, nil, err
		}
		if s.keyring.Check(c.Mode(), idempotencyRow(&row), row.Tag) != nil || row.Merchant != c.Merchant || row.Live != c.Live {
			return fresh, nil, &tamperedRow{"", "idempotency key"}
		}
		if row.ExpiresAt <= now.UnixMicro() { // forgotten, or its process is gone
			was := row.Tag
			fresh.ID, fresh.Request = h.ID, h.Request
			if err := s.tagIdempotency(&fresh); err != nil {
				return fresh, nil, err
			}
			return fresh, nil, tx.UpdateIdempotency(ctx, &fresh, was)
		}
		answer, err := s.repeated(ctx, tx, c, &row, h, encode)
		return fresh, answer, err
	}
	if err := s.tagIdempotency(&fresh); err != nil {
		return fresh, nil, err
	}
	return fresh, nil, tx.InsertIdempotency(ctx, &fresh)
}

// repeated is the answer to a request whose key is known.
func (s *Service) repeated(ctx context.Context, r store.Reader, c Caller, row *store.Idempotency, h envelope.RequestHash, encode func(any) (Answer, error)) (*Answer, error) {
	switch {
	case subtle.ConstantTimeCompare(row.Request, h.Request) != 1:
		return nil, &Error{Code: IdempotencyConflict, Message: "idempotency key was used for another request"}
	case row.Status == http.StatusNotFound:
		return nil, &Error{Code: NotFound, Object: "what this request made", Message: "what this request made was deleted"}
	case row.Status == 0:
		return s.unanswered(ctx, r, c, row, encode)
	}
	body, err := s.openWithProfileKey(row.Live, row.Answer, func(version uint32) envelope.Binding {
		return answerBinding(row, version)
	})
	if err != nil {
		return nil, &tamperedRow{"", "idempotency key"}
	}
	return &Answer{row.Status, body}, nil
}

// unanswered is the answer to a request that has none: it is in flight, or what
// it sent to a processor has an unknown fate.
func (s *Service) unanswered(ctx context.Context, r store.Reader, c Caller, row *store.Idempotency, encode func(any) (Answer, error)) (*Answer, error) {
	inProgress := &Error{Code: InProgress, Message: "a request with this idempotency key is in progress", RetryAfter: time.Second}
	f, err := r.ForwardOfRequest(ctx, row.ID)
	if errors.Is(err, store.ErrNotFound) || err == nil && f.CreatedAt < row.CreatedAt { // of an earlier use of the key
		return nil, inProgress
	}
	if err == nil {
		err = s.proveForward(&f, f.ID)
	}
	switch {
	case err != nil:
		return nil, err
	case f.State != store.ForwardUnknown:
		return nil, inProgress
	case Use(f.Use) != UseCharge:
		return nil, outcomeUnknown(&f)
	}
	charge, err := s.chargeOf(ctx, r, c, f.Charge)
	if err != nil {
		return nil, err
	}
	answer, err := encode(charge)
	return &answer, err
}

// hold keeps a claim for as long as an answer would be kept, in the transaction
// that makes a request to a processor possible: it must not be made twice.
func (s *Service) hold(ctx context.Context, tx store.Tx, row store.Idempotency) (store.Idempotency, error) {
	was := row.Tag
	row.ExpiresAt = s.now().Add(idempotencyLife).UnixMicro()
	if err := s.tagIdempotency(&row); err != nil {
		return row, err
	}
	return row, tx.UpdateIdempotency(ctx, &row, was)
}

// remember stores the answer to a claimed request in the transaction of its
// change. If the claim was lost meanwhile the change fails with it.
func (s *Service) remember(ctx context.Context, tx store.Tx, cl *claim, result any) error {
	if cl == nil {
		return nil
	}
	answer, err := cl.encode(result)
	if f, ok := result.(Forward); ok && err == nil && len(answer.Body) > envelope.MaxPlaintext {
		f.Body, f.Header, f.Reason = nil, nil, "the answer was too long to be kept for a repetition"
		answer, err = cl.encode(f)
	}
	if err != nil {
		return err
	}
	row := cl.row
	version, key, err := s.keyring.Active(envelope.PurposeProfile, envelope.ModeOf(row.Live))
	if err != nil {
		return err
	}
	// Names and addresses are in an answer, so it is sealed as they are.
	if row.Answer, err = envelope.Seal(s.random, key, answerBinding(&row, version), answer.Body); err != nil {
		return err
	}
	row.Customer = customerOf(result)
	row.Status, row.ExpiresAt = answer.Status, s.now().Add(idempotencyLife).UnixMicro()
	gone, err := customerLeft(ctx, tx, result, row.Customer)
	if err != nil {
		return err
	}
	if gone { // as dropAnswers leaves it
		row.Status, row.Customer, row.Answer = http.StatusNotFound, "", nil
	}
	if err := s.tagIdempotency(&row); err != nil {
		return err
	}
	return tx.UpdateIdempotency(ctx, &row, cl.row.Tag)
}

// customerLeft reports whether the customer of a use was deleted while it was in
// flight: his answers were dropped then, and none may come after.
func customerLeft(ctx context.Context, r store.Reader, result any, customer string) (bool, error) {
	switch result.(type) {
	case Forward, Charge:
	default:
		return false, nil
	}
	if customer == "" {
		return false, nil
	}
	owner, err := r.Customer(ctx, customer)
	if errors.Is(err, store.ErrNotFound) {
		return true, nil
	}
	return owner.DeletedAt != 0, err
}

// customerOf is the record id of the customer that a result is about.
func customerOf(result any) string {
	id := ""
	switch result := result.(type) {
	case Customer:
		id = result.ID
	case Card:
		id = result.Customer
	case Charge:
		id = result.Customer
	case Forward:
		id = result.Customer
	case Payment:
		id = result.Card.Customer
	}
	record, _, _ := recordOf(customerPrefix, id)
	return record
}

// dropAnswers destroys the stored answers about a customer, in the transaction
// that destroys what they tell. Their keys stay claimed: a repetition is told
// that what it made is gone.
func (s *Service) dropAnswers(ctx context.Context, tx store.Tx, customer string) error {
	rows, err := tx.CustomerAnswers(ctx, customer)
	if err != nil {
		return err
	}
	for i := range rows {
		row := &rows[i]
		if s.keyring.Check(envelope.ModeOf(row.Live), idempotencyRow(row), row.Tag) != nil || row.Customer != customer {
			return &tamperedRow{"", "idempotency key"}
		}
		was := row.Tag
		row.Status, row.Customer, row.Answer = http.StatusNotFound, "", nil
		if err := s.tagIdempotency(row); err != nil {
			return err
		}
		if err := tx.UpdateIdempotency(ctx, row, was); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) tagIdempotency(row *store.Idempotency) (err error) {
	row.Tag, err = s.keyring.Tag(envelope.ModeOf(row.Live), idempotencyRow(row))
	return err
}

func answerBinding(row *store.Idempotency, version uint32) envelope.Binding {
	return envelope.Binding{
		Mode: envelope.ModeOf(row.Live), Merchant: row.Merchant, Record: hex.EncodeToString(row.ID),
		Field: envelope.FieldAnswer, Generation: version,
	}
}

// idempotencyScope is what a key is unique in, with every part's length before
// it.
func idempotencyScope(merchant string, r Repeatable) []byte {
	var out []byte
	for _, part := range []string{merchant, r.Endpoint, r.Key} {
		out = binary.BigEndian.AppendUint32(out, uint32(len(part)))
		out = append(out, part...)
	}
	return out
}

func validIdempotencyKey(key string) bool {
	if key == "" || len(key) > MaxIdempotencyKey || card.ContainsPAN([]byte(key)) {
		return false
	}
	for i := range len(key) {
		if key[i] < ' ' || key[i] > '~' {
			return false
		}
	}
	return true
}

// forgetRequests removes idempotency keys whose time is over.
func (s *Service) forgetRequests(ctx context.Context) error {
	const batch = 500
	for {
		n := 0
		err := s.store.Update(ctx, func(tx store.Tx) (err error) {
			n, err = tx.DeleteIdempotencyBefore(ctx, s.now().UnixMicro(), batch)
			return err
		})
		if n > 0 {
			s.unscrubbed.Store(true) // answers hold names and addresses
		}
		if err != nil || n < batch {
			return err
		}
	}
}
