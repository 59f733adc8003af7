package vault_test

import (
	"context"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/envelope"
)

// openPAN opens a stored number with nothing but the row and the KMS, by
// envelope/FORMAT.md.
func openPAN(ctx context.Context, backend kms.KMS, row store.Card) (string, error) {
	mode := envelope.ModeOf(row.Live)
	keys, err := backend.Unwrap(ctx, envelope.CardKey(mode), []kms.UnwrapItem{{
		Wrapped: row.WrappedDEK, Context: envelope.DataKeyContext(mode, row.ID), Event: "test",
	}})
	if err != nil {
		return "", err
	}
	if keys[0].Err != nil {
		return "", keys[0].Err
	}
	plain, err := envelope.Open(keys[0].Plaintext, envelope.Binding{
		Mode: mode, Merchant: row.Merchant, Record: row.ID, Field: envelope.FieldPAN, Generation: 1,
	}, row.SealedPAN)
	if err != nil {
		return "", err
	}
	pan, err := card.PANFromPadded(plain)
	if err != nil {
		return "", err
	}
	var number string
	pan.Use(func(digits []byte) { number = string(digits) })
	return number, nil
}
