package vault

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/card"
)

// Limits of Reveals.
const (
	DefaultRevealsPerHour = 20
	MaxRevealsPerHour     = 10_000
	MinRevealWait         = 10 * time.Second
	MaxRevealWait         = 10 * time.Minute
)

// RevealTime bounds what a reveal does besides waiting for an approval.
const RevealTime = 30 * time.Second

// Reveals bounds what reveal keys may see.
type Reveals struct {
	PerHour  int           // for each key, over the last 60 minutes; default DefaultRevealsPerHour, at most MaxRevealsPerHour
	Approval time.Duration // how long each reveal waits for an operator's consent; 0 if it needs none
}

func (r *Reveals) setDefaults() error {
	if r.PerHour == 0 {
		r.PerHour = DefaultRevealsPerHour
	}
	if r.PerHour < 1 || r.PerHour > MaxRevealsPerHour {
		return fmt.Errorf("reveals per hour must be 1 to %d", MaxRevealsPerHour)
	}
	if r.Approval != 0 && (r.Approval < MinRevealWait || r.Approval > MaxRevealWait) {
		return fmt.Errorf("the approval of reveals must be 0, or wait %v to %v", MinRevealWait, MaxRevealWait)
	}
	return nil
}

// RevealField is something of a card that a reveal may ask for.
type RevealField string

// The fields. The last two are never secret.
const (
	FieldNumber     RevealField = "number"
	FieldExpiration RevealField = "expiration"
	FieldName       RevealField = "name"
	FieldBrand      RevealField = "brand"
	FieldLastDigits RevealField = "last_digits"
)

// RevealRequest asks to see a stored card.
type RevealRequest struct {
	Card   string        // card_ id
	Fields []RevealField // one at least, each once
	Reason string        // 1..255 characters, on record
}

// Revealed is a stored card as its caller may see it. Wipe it.
type Revealed struct {
	ID         string // rvel_ id, as in the audit records
	Card       string // card_ id
	Live       bool
	Fields     []RevealField // what was asked for
	Number     card.PAN      // empty unless it was asked for and may be seen
	Masked     string        // instead of Number, if that was asked for and may not be seen
	Expiry     card.Expiry
	Name       string
	NameShown  bool // the name was asked for and may be seen
	Brand      string
	LastDigits string
	CreatedAt  time.Time // of the reveal
}

// Asked reports whether a field was asked for.
func (r *Revealed) Asked(f RevealField) bool { return slices.Contains(r.Fields, f) }

// Wipe overwrites the number.
func (r *Revealed) Wipe() { r.Number.Wipe() }

// Reveal shows a stored card of the caller's merchant and mode. What the
// policies do not let the caller see is masked or left out. That it was shown is
// on record before its number is opened. With Reveals.Approval it waits for an
// operator; a ctx that ends withdraws the request. Errors: Unauthenticated,
// BadRequest, NotFound (card), RateLimited (the key's budget), NotApproved,
// Unavailable, Internal (tampered).
func (s *Service) Reveal(ctx context.Context, c Caller, in RevealRequest) (Revealed, error) {
	if err := s.authorizeOwn(c, policy.RevealMasked); err != nil {
		return Revealed{}, err
	}
	if err := in.validate(); err != nil {
		return Revealed{}, err
	}
	own := policy.Resource{Merchant: c.Merchant, Live: c.Live}
	r := &reveal{
		s: s, caller: c, in: in,
		whole:  slices.Contains(in.Fields, FieldNumber) && s.policies.Allows(c.principal(), policy.RevealNumber, own),
		holder: slices.Contains(in.Fields, FieldName) && s.policies.Allows(c.principal(), policy.RevealHolder, own),
	}
	if s.opts.Reveals.Approval > 0 {
		if err := r.awaitApproval(ctx); err != nil {
			return Revealed{}, s.settle(ctx, c, err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, RevealTime/2)
	defer cancel()
	if err := r.record(ctx); err != nil {
		return Revealed{}, s.settle(ctx, c, err)
	}
	view, err := r.open(ctx)
	if err != nil {
		r.end(ctx, revealFailed)
		return Revealed{}, s.settle(context.WithoutCancel(ctx), c, err)
	}
	s.metrics.reveals.WithLabelValues(r.row.Outcome).Inc()
	return view, nil
}

func (in *RevealRequest) validate() error {
	known := []RevealField{FieldNumber, FieldExpiration, FieldName, FieldBrand, FieldLastDigits}
	for i, f := range in.Fields {
		if !slices.Contains(known, f) || slices.Contains(in.Fields[:i], f) {
			return badRequest("fields must be of number, expiration, name, brand and last_digits, each once")
		}
	}
	if len(in.Fields) == 0 {
		return badRequest("fields must say what of the card to show")
	}
	return validLabel("reason", in.Reason)
}

// fieldNames is what was asked for, in one text.
func (in *RevealRequest) fieldNames() string {
	names := make([]string, len(in.Fields))
	for i, f := range in.Fields {
		names[i] = string(f)
	}
	return strings.Join(names, ",")
}

// reveal is one request on its way.
type reveal struct {
	s        *Service
	caller   Caller
	in       RevealRequest
	whole    bool // the number is shown in full
	holder   bool // the name is shown
	approval store.Approval
	row      store.Reveal // as it is stored
	card     *store.Card
	event    string // id of the audit record that justifies opening the card
}

// revealOutcome is how a reveal stands, in its row and in the metrics.
type revealOutcome string

const (
	revealWaiting     revealOutcome = "waiting"      // for an operator's consent; not in the metrics
	revealOpened      revealOutcome = "opened"       // with the number in full
	revealMasked      revealOutcome = "masked"       // without
	revealFailed      revealOutcome = "failed"       // allowed, and could not be done
	revealNotApproved revealOutcome = "not_approved" // nobody approved it in time
	revealCancelled   revealOutcome = "cancelled"    // the caller or the server went away while it waited
	revealOverBudget  revealOutcome = "over_budget"  // no row
)

// shown is the outcome of a reveal that works.
func (r *reveal) shown() revealOutcome {
	if r.whole {
		return revealOpened
	}
	return revealMasked
}

// record writes that the card is shown, before it is: with an approval it uses
// that up, else it takes a part of the key's budget.
func (r *reveal) record(ctx context.Context) error {
	if r.approval.ID != "" {
		row := r.row
		err := r.s.store.Update(ctx, func(tx store.Tx) (err error) {
			row, err = r.useApproval(ctx, tx)
			return err
		})
		if err == nil {
			r.row = row
		}
		return r.ended(ctx, err)
	}
	return r.counted(r.s.store.Update(ctx, func(tx store.Tx) error {
		if err := r.enter(ctx, tx, r.shown()); err != nil {
			return err
		}
		return r.append(ctx, tx)
	}))
}

// enter adds the row of a reveal that the budget allows.
func (r *reveal) enter(ctx context.Context, tx store.Tx, outcome revealOutcome) (err error) {
	if err := r.budget(ctx, tx); err != nil {
		return err
	}
	if r.card, err = r.s.revealCard(ctx, tx, r.caller, r.in.Card); err != nil {
		return err
	}
	now := r.s.now()
	suffix, err := store.NewID(now, r.s.random)
	if err != nil {
		return err
	}
	r.row = store.Reveal{
		ID: revealPrefix + suffix, APIKey: r.caller.Key, Merchant: r.caller.Merchant, Live: r.caller.Live, Card: r.card.ID,
		Fields: r.in.fieldNames(), Outcome: string(outcome), CreatedAt: now.UnixMicro(), CountedAt: now.UnixMicro(),
	}
	if r.row.Tag, err = r.s.keyring.Tag(r.caller.Mode(), revealRow(&r.row)); err != nil {
		return err
	}
	return tx.InsertReveal(ctx, &r.row)
}

// append writes the record that the card is shown, and keeps its id.
func (r *reveal) append(ctx context.Context, tx store.Tx) (err error) {
	r.event, err = r.s.audit.Append(ctx, tx, r.auditEvent(audit.OK))
	return err
}

func (r *reveal) auditEvent(outcome audit.Outcome) audit.Event {
	e := r.caller.event(audit.CardReveal, outcome, publicID(cardPrefix, r.row.Live, r.row.Card))
	e.Details = map[string]string{"reveal": r.row.ID, "fields": r.row.Fields, "reason": r.in.Reason}
	if slices.Contains(r.in.Fields, FieldNumber) {
		e.Details["number"] = "masked"
	}
	if r.whole {
		e.Details["number"] = "full"
	}
	if r.approval.ID != "" {
		e.Details["approval"] = r.approval.ID
	}
	return e
}
