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
	sealed, err := envelope.Parse(row.SealedProfile)
	if err != nil {
		return card.Profile{}, err
	}
	key, err := s.keyring.Version(envelope.PurposeProfile, envelope.ModeOf(row.Live), sealed.Generation)
	if err != nil {
		return card.Profile{}, envelope.ErrTampered
	}
	plain, err := envelope.Open(key, cardBinding(row, envelope.FieldProfile, sealed.Generation), row.SealedProfile)
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
