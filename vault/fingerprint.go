package vault

import (
	"context"
	"errors"
	"io"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/envelope"
)

// fingerprint gives a new card the public fingerprint of its number, whose
// keyed hashes are macs, newest first. The first time a merchant's mode sees
// the number a random surrogate is made; candidate provides it. Each card is
// counted, so that the hash goes with the last of them. A match under an older
// key is moved to the newest. A tamperedRow if the stored row was edited.
func (s *Service) fingerprint(ctx context.Context, tx store.Tx, c Caller, card *store.Card, macs []envelope.Fingerprint, candidate []byte) error {
	for _, f := range macs {
		row, err := tx.Fingerprint(ctx, f.MAC)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if err := s.checkFingerprint(c, &row); err != nil {
			return err
		}
		mac, was := row.MAC, row.Tag
		row.MAC, row.KeyVersion = macs[0].MAC, macs[0].Version
		row.Cards++
		card.Fingerprint, card.FingerprintID = row.Surrogate, row.ID
		return s.replaceFingerprint(ctx, tx, &row, mac, was)
	}
	row := store.Fingerprint{
		MAC: macs[0].MAC, KeyVersion: macs[0].Version, Merchant: c.Merchant, Live: c.Live,
		Surrogate: candidate, CreatedAt: s.now().UnixMicro(), ID: card.ID, Cards: 1,
	}
	card.Fingerprint, card.FingerprintID = row.Surrogate, row.ID
	var err error
	if row.Tag, err = s.keyring.Tag(c.Mode(), fingerprintRow(&row)); err != nil {
		return err
	}
	return tx.InsertFingerprint(ctx, &row)
}

// dropFingerprint takes a destroyed card off its fingerprint. With the last
// card the row goes: a keyed hash of a number is account data too (PCI DSS
// 3.5.1.1), and is not kept longer than the number.
func (s *Service) dropFingerprint(ctx context.Context, tx store.Tx, c Caller, id string) error {
	if id == "" {
		return nil // a card of before migration 2, whose fingerprint counts none
	}
	row, err := tx.FingerprintByID(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.checkFingerprint(c, &row); err != nil {
		return err
	}
	was := row.Tag
	if row.Cards--; row.Cards <= 0 {
		return tx.DeleteFingerprint(ctx, row.MAC, was)
	}
	return s.replaceFingerprint(ctx, tx, &row, row.MAC, was)
}

func (s *Service) replaceFingerprint(ctx context.Context, tx store.Tx, row *store.Fingerprint, mac, was []byte) (err error) {
	if row.Tag, err = s.keyring.Tag(envelope.ModeOf(row.Live), fingerprintRow(row)); err != nil {
		return err
	}
	return tx.UpdateFingerprint(ctx, row, mac, was)
}

func (s *Service) checkFingerprint(c Caller, row *store.Fingerprint) error {
	edited := s.keyring.Check(c.Mode(), fingerprintRow(row), row.Tag) != nil
	if edited || row.Merchant != c.Merchant || row.Live != c.Live {
		return &tamperedRow{"", "fingerprint"} // it has no name that may be told
	}
	return nil
}

func (s *Service) drawSurrogate() ([]byte, error) {
	surrogate := make([]byte, envelope.FingerprintSize)
	_, err := io.ReadFull(s.random, surrogate)
	return surrogate, err
}
