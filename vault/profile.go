package vault

import (
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/envelope"
)

// cardBinding is the place of one of a card's sealed fields.
func cardBinding(row *store.Card, field string, generation uint32) envelope.Binding {
	return envelope.Binding{
		Mode: envelope.ModeOf(row.Live), Merchant: row.Merchant, Record: row.ID,
		Field: field, Generation: generation,
	}
}

// sealProfile seals what is known of the holder under the mode's profile key,
// so that a masked card is read without the KMS, and a PAN never is.
func (s *Service) sealProfile(row *store.Card, profile card.Profile) error {
	version, key, err := s.keyring.Active(envelope.PurposeProfile, envelope.ModeOf(row.Live))
	if err != nil {
		return err
	}
	plain := profile.Encode()
	defer clear(plain)
	row.SealedProfile, err = envelope.Seal(s.random, key, cardBinding(row, envelope.FieldProfile, version), plain)
	return err
}

// openProfile opens what sealProfile sealed. Any failure is
// envelope.ErrTampered, but for a profile key that is not loaded.
func (s *Service) openProfile(row *store.Card) (card.Profile, error) {
	plain, err := s.openWithProfileKey(row.Live, row.SealedProfile, func(version uint32) envelope.Binding {
		return cardBinding(row, envelope.FieldProfile, version)
	})
	if err != nil {
		return card.Profile{}, err
	}
	defer clear(plain)
	profile, err := card.DecodeProfile(plain)
	if err != nil {
		return card.Profile{}, envelope.ErrTampered
	}
	return profile, nil
}

// openWithProfileKey opens a value with the version of the profile key that
// sealed it. The caller wipes the result.
func (s *Service) openWithProfileKey(live bool, value []byte, place func(version uint32) envelope.Binding) ([]byte, error) {
	sealed, err := envelope.Parse(value)
	if err != nil {
		return nil, err
	}
	key, err := s.keyring.Version(envelope.PurposeProfile, envelope.ModeOf(live), sealed.Generation)
	if err != nil {
		return nil, envelope.ErrTampered
	}
	return envelope.Open(key, place(sealed.Generation), value)
}
