package vault

import (
	"context"
	"errors"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/envelope"
)

// openNumber opens a card whose row was proven, with one call of the KMS: data
// keys are never cached. event is the id of the audit record that justifies it
// and is committed already (PCI DSS 10.2.1.1). The caller wipes the number.
// Errors: those of the KMS, *tamperedRow.
func (s *Service) openNumber(ctx context.Context, row *store.Card, event string) (card.PAN, error) {
	mode := envelope.ModeOf(row.Live)
	keys, err := s.opts.KMS.Unwrap(ctx, envelope.CardKey(mode), []kms.UnwrapItem{unwrapItem(row, event)})
	if err != nil {
		return card.PAN{}, err
	}
	defer wipeKeys(keys)
	if len(keys) != 1 {
		return card.PAN{}, errKeyCount
	}
	return s.openWith(row, keys[0])
}

// errKeyCount is a KMS that answers what was not asked.
var errKeyCount = errors.New("the KMS returned another number of keys than were asked for")

func unwrapItem(row *store.Card, event string) kms.UnwrapItem {
	return kms.UnwrapItem{Wrapped: row.WrappedDEK, Context: envelope.DataKeyContext(envelope.ModeOf(row.Live), row.ID), Event: event}
}

func wipeKeys(keys []kms.UnwrapResult) {
	for _, k := range keys {
		clear(k.Plaintext)
	}
}

// openWith opens a card's number with its data key. The caller wipes both.
func (s *Service) openWith(row *store.Card, key kms.UnwrapResult) (card.PAN, error) {
	if errors.Is(key.Err, kms.ErrTampered) {
		return card.PAN{}, tamperedCard(row)
	}
	if key.Err != nil {
		return card.PAN{}, key.Err
	}
	// The binding names this row's merchant, mode, id, field and generation, so
	// that no other row's ciphertext opens here.
	padded, err := envelope.Open(key.Plaintext, cardBinding(row, envelope.FieldPAN, row.DEKGeneration), row.SealedPAN)
	if err != nil {
		return card.PAN{}, tamperedCard(row)
	}
	defer clear(padded)
	pan, err := card.PANFromPadded(padded)
	if err != nil {
		return card.PAN{}, tamperedCard(row)
	}
	return pan, nil
}

func tamperedCard(row *store.Card) *tamperedRow {
	return &tamperedRow{publicID(cardPrefix, row.Live, row.ID), "card"}
}
