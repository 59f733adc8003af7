package vault

import (
	"context"
	"errors"
	"io"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/envelope"
)

// surrogate returns the public fingerprint of a PAN, whose keyed hashes are
// macs, newest first. The first time a merchant's mode sees the PAN a random
// one is made; candidate provides it. A match under an older key is moved to
// the newest. envelope.ErrTampered if the stored row was edited.
func (s *Service) surrogate(ctx context.Context, tx store.Tx, c Caller, macs []envelope.Fingerprint, candidate []byte) ([]byte, error) {
	for i, f := range macs {
		row, err := tx.Fingerprint(ctx, f.MAC)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := s.checkFingerprint(c, &row); err != nil {
			return nil, err
		}
		if i == 0 {
			return row.Surrogate, nil
		}
		old := row.MAC
		if err := s.tagFingerprint(c, &row, macs[0]); err != nil {
			return nil, err
		}
		return row.Surrogate, tx.ReplaceFingerprint(ctx, old, &row)
	}
	row := store.Fingerprint{Merchant: c.Merchant, Live: c.Live, Surrogate: candidate, CreatedAt: s.now().UnixMicro()}
	if err := s.tagFingerprint(c, &row, macs[0]); err != nil {
		return nil, err
	}
	return row.Surrogate, tx.InsertFingerprint(ctx, &row)
}

func (s *Service) checkFingerprint(c Caller, row *store.Fingerprint) error {
	edited := s.keyring.Check(c.Mode(), fingerprintRow(row), row.Tag) != nil
	if edited || row.Merchant != c.Merchant || row.Live != c.Live {
		return &tamperedRow{"", "fingerprint"} // it has no name that may be told
	}
	return nil
}

func (s *Service) tagFingerprint(c Caller, row *store.Fingerprint, f envelope.Fingerprint) (err error) {
	row.MAC, row.KeyVersion = f.MAC, f.Version
	row.Tag, err = s.keyring.Tag(c.Mode(), fingerprintRow(row))
	return err
}

func (s *Service) drawSurrogate() ([]byte, error) {
	surrogate := make([]byte, envelope.FingerprintSize)
	_, err := io.ReadFull(s.random, surrogate)
	return surrogate, err
}
