package vault

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/store"
)

// ErrSubstituted: a KEK is not the one that the ledger knows: deleted and made
// again under its name, or put back to an older state. What it would wrap now
// could be opened by whoever made it, so that nothing is.
var ErrSubstituted = errors.New("vault: the KMS has another key than the one that was used here")

// bornWithin is how far the KMS's own clock may round a creation time.
const bornWithin = 2 * time.Second

// checkPins compares every KEK with what the ledger has of it: the creation
// times of its versions, and that none is gone that was the newest once.
// Versions that the KMS does not tell the time of any more are not compared.
func (s *Service) checkPins(ctx context.Context) error {
	var lives map[kms.Key]keyLife
	err := s.store.View(ctx, func(r store.Reader) (err error) {
		lives, err = s.keyLives(ctx, r)
		return err
	})
	if err != nil {
		return err
	}
	for _, key := range kms.Keys() {
		if len(lives[key]) == 0 {
			continue
		}
		d, err := s.opts.KMS.Describe(ctx, key)
		if err != nil {
			return err
		}
		if err := checkPin(d, lives[key]); err != nil {
			return err
		}
	}
	return nil
}

func checkPin(d kms.Description, life keyLife) error {
	for _, v := range life {
		if v.Version > d.Latest {
			return fmt.Errorf("%w: key %s has no version %d any more", ErrSubstituted, d.Key, v.Version)
		}
		born, told := d.Created[v.Version]
		if told && timeOf(v.BornAt).Sub(born).Abs() > bornWithin {
			return fmt.Errorf("%w: key %s version %d was made at %s, not at %s", ErrSubstituted, d.Key, v.Version,
				born.UTC().Format(time.RFC3339), timeOf(v.BornAt).Format(time.RFC3339))
		}
	}
	return nil
}
