package vault

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"strconv"

	"filippo.io/age"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/envelope"
)

// ExportResult is what an export wrote.
type ExportResult struct {
	Cards    int
	Tampered int    // cards that do not authenticate and were left out
	SHA256   string // of the file, hex
}

// Export writes the stored cards of an approval's merchant and mode to w: JSON
// lines, encrypted with age to the recipient that was approved, so that the
// numbers never leave the process in clear. Each card's opening is on record
// before it is opened (PCI DSS 10.2.1.1). progress, if not nil, is told how many
// are written. The approval is used up by an export that reached its end: if w
// has a method Sync, as files do, it is called before that.
//
// Errors: Unauthenticated, NotFound (approval), Conflict, Unavailable, Internal,
// those of w.
func (s *Service) Export(ctx context.Context, c Caller, approval string, w io.Writer, progress func(int)) (ExportResult, error) {
	if err := s.authorize(c, policy.ExportCard, policy.Resource{}); err != nil {
		return ExportResult{}, err
	}
	var row store.Approval
	var view Approval
	err := s.store.Update(ctx, func(tx store.Tx) (err error) {
		if row, err = s.usable(ctx, tx, c, approval, approvalExport); err != nil {
			return err
		}
		if view, err = approvalView(&row); err != nil {
			return err
		}
		e := c.of(view.Subject).event(audit.ExportStart, audit.OK, approval)
		e.Details = map[string]string{"recipient": view.Subject.Recipient}
		return s.append(ctx, tx, e)
	})
	if err != nil {
		return ExportResult{}, s.settle(ctx, c, err)
	}
	recipient, err := parseRecipient(view.Subject.Recipient)
	if err != nil {
		return ExportResult{}, err
	}
	x := &export{s: s, caller: c.of(view.Subject), approval: approval, sum: sha256.New(), progress: progress}
	if x.out, err = age.Encrypt(io.MultiWriter(w, x.sum), recipient); err != nil {
		return ExportResult{}, s.fail(err)
	}
	if err := x.all(ctx); err != nil {
		return x.result, s.settle(ctx, c, err)
	}
	if err := x.out.Close(); err != nil {
		return x.result, s.fail(err)
	}
	if file, ok := w.(interface{ Sync() error }); ok { // a full disk must not cost the approval
		if err := file.Sync(); err != nil {
			return x.result, s.fail(err)
		}
	}
	x.result.SHA256 = hex.EncodeToString(x.sum.Sum(nil))
	return x.result, s.settle(ctx, c, x.finish(ctx, &row))
}

// of is the caller acting on what an export gives out.
func (c Caller) of(subject ApprovalSubject) Caller {
	c.Merchant, c.Live = subject.Merchant, subject.Live
	return c
}

// parseRecipient reads an age recipient, of either kind that has a text form.
func parseRecipient(text string) (age.Recipient, error) {
	if r, err := age.ParseX25519Recipient(text); err == nil {
		return r, nil
	}
	if r, err := age.ParseHybridRecipient(text); err == nil {
		return r, nil
	}
	return nil, badRequest("recipient must be the public key of an age identity, age1…")
}

// export is one run.
type export struct {
	s        *Service
	caller   Caller
	approval string
	out      io.WriteCloser
	sum      hash.Hash
	progress func(int)
	result   ExportResult
}

// exportBatch is how many cards are opened by one call of the KMS.
const exportBatch = kms.MaxBatch

// all walks the cards in the order of their ids.
func (x *export) all(ctx context.Context) error {
	after := ""
	for {
		var rows []store.Card
		err := x.s.store.View(ctx, func(r store.Reader) (err error) {
			rows, err = r.MerchantCards(ctx, x.caller.Merchant, x.caller.Live, after, exportBatch)
			return err
		})
		if err != nil || len(rows) == 0 {
			return err
		}
		after = rows[len(rows)-1].ID
		if err := x.batch(ctx, rows); err != nil {
			return err
		}
		if x.progress != nil {
			x.progress(x.result.Cards)
		}
	}
}

// batch records, opens and writes cards.
func (x *export) batch(ctx context.Context, rows []store.Card) error {
	s := x.s
	var genuine []*store.Card
	for i := range rows {
		row := &rows[i]
		if s.keyring.Check(x.caller.Mode(), cardRow(row), row.Tag) != nil || row.Merchant != x.caller.Merchant || row.Live != x.caller.Live {
			if err := x.tampered(ctx, tamperedCard(row)); err != nil {
				return err
			}
			continue
		}
		if row.Customer != "" {
			genuine = append(genuine, row)
		}
	}
	events, err := x.record(ctx, genuine)
	if err != nil || len(genuine) == 0 {
		return err
	}
	items := make([]kms.UnwrapItem, len(genuine))
	for i, row := range genuine {
		items[i] = unwrapItem(row, events[i])
	}
	keys, err := s.opts.KMS.Unwrap(ctx, envelope.CardKey(x.caller.Mode()), items)
	if err != nil {
		return err
	}
	defer wipeKeys(keys)
	if len(keys) != len(genuine) {
		return errKeyCount
	}
	for i, row := range genuine {
		err := x.card(ctx, row, keys[i])
		var t *tamperedRow
		if errors.As(err, &t) {
			err = x.tampered(ctx, t)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// tampered leaves a card out, because of its own row or its customer's.
func (x *export) tampered(ctx context.Context, t *tamperedRow) error {
	x.result.Tampered++
	return x.s.recordTampering(ctx, x.caller, t.object, t.what)
}

// record writes an audit record for each card and returns the records' ids.
func (x *export) record(ctx context.Context, rows []*store.Card) (events []string, err error) {
	err = x.s.store.Update(ctx, func(tx store.Tx) error {
		events = events[:0]
		for _, row := range rows {
			e := x.caller.event(audit.CardExport, audit.OK, publicID(cardPrefix, row.Live, row.ID))
			e.Details = map[string]string{"approval": x.approval}
			id, err := x.s.audit.Append(ctx, tx, e)
			if err != nil {
				return err
			}
			events = append(events, id)
		}
		return nil
	})
	return events, err
}

// card opens one card and writes its line.
func (x *export) card(ctx context.Context, row *store.Card, key kms.UnwrapResult) error {
	s := x.s
	pan, err := s.openWith(row, key)
	if err != nil {
		return err
	}
	defer pan.Wipe()
	profile, err := s.openProfile(row)
	if err != nil {
		return tamperedCard(row)
	}
	owner, holder, err := x.owner(ctx, row)
	if err != nil {
		return err
	}
	line := exportLine{
		Reference: publicID(cardPrefix, row.Live, row.ID),
		Customer:  exportCustomer{owner, holder.Email, holder.Description, holder.Metadata},
		Card: exportCard{
			row.ExpiryMonth, row.ExpiryYear, profile.Holder.Name, profile.Holder.Street1, profile.Holder.Street2, profile.Holder.City,
			profile.Holder.State, profile.Holder.PostalCode, profile.Holder.Country, profile.Holder.PhoneNumber, profile.Holder.Email,
		},
	}
	text, err := plainJSON(line)
	if err != nil {
		return err
	}
	if err := x.write(text, pan); err != nil {
		return err
	}
	x.result.Cards++
	return nil
}

// write puts the number where the line, whose last member is the card, ends. It
// does so in a buffer that is wiped: no other copy of it is made here.
func (x *export) write(text []byte, pan card.PAN) (err error) {
	const begin, end = `,"number":"`, "\"}}\n"
	buf := make([]byte, 0, len(text)+len(begin)+card.PaddedLen+len(end))
	defer func() { clear(buf[:cap(buf)]) }()
	buf = append(buf, text[:len(text)-len("}}")]...)
	buf = append(buf, begin...)
	pan.Use(func(digits []byte) { buf = append(buf, digits...) })
	buf = append(buf, end...)
	_, err = x.out.Write(buf)
	return err
}

// owner reads a card's customer.
func (x *export) owner(ctx context.Context, row *store.Card) (id string, profile customerProfile, err error) {
	err = x.s.store.View(ctx, func(r store.Reader) error {
		owner, err := x.s.ownerOf(ctx, r, row)
		if err != nil {
			return err
		}
		id = publicID(customerPrefix, owner.Live, owner.ID)
		profile, err = x.s.openCustomer(x.caller, owner)
		return err
	})
	return id, profile, err
}

// finish uses the approval up and records the file.
func (x *export) finish(ctx context.Context, row *store.Approval) error {
	e := x.caller.event(audit.ExportFinish, audit.OK, x.approval)
	e.Details = map[string]string{
		"cards": strconv.Itoa(x.result.Cards), "tampered": strconv.Itoa(x.result.Tampered), "digest": x.result.SHA256,
	}
	return x.s.store.Update(ctx, func(tx store.Tx) error {
		used := *row
		used.UsedAt = x.s.now().UnixMicro()
		if err := x.s.replaceApproval(ctx, tx, &used, row.Tag); err != nil {
			return err
		}
		return x.s.append(ctx, tx, e)
	})
}
