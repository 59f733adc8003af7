package vault

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/store"
)

// destroyable refuses, with what is in the way, to destroy the versions of a key
// up to one: all must be retired, for as long as a backup is kept, and nothing
// may need them. BadRequest for a version that the ledger does not have.
func (s *Service) destroyable(ctx context.Context, r store.Reader, key kms.Key, upTo uint32) error {
	lives, err := s.keyLives(ctx, r)
	if err != nil {
		return err
	}
	switch row := lives[key].of(upTo); {
	case row == nil:
		return badRequest("this key has no such version; look at 'panvault keys status'")
	case row.State == store.KeyDestroyed:
		return &Error{Code: Conflict, Message: "this version is destroyed already"}
	}
	var inTheWay []string
	for _, row := range lives[key] {
		if row.Version > upTo || row.State == store.KeyDestroyed {
			continue
		}
		if row.State != store.KeyRetired {
			inTheWay = append(inTheWay, fmt.Sprintf("version %d is %s, not retired", row.Version, row.State))
			continue
		}
		if until := s.destroyableFrom(timeOf(row.RetiredAt)); s.now().Before(until) {
			inTheWay = append(inTheWay, fmt.Sprintf("version %d was retired on %s, and a backup from before is kept until %s (retention.backup_days)",
				row.Version, timeOf(row.RetiredAt).Format(time.DateOnly), until.Format(time.DateOnly)))
		}
	}
	more, err := s.needs(ctx, r, key, upTo)
	if err != nil {
		return err
	}
	if inTheWay = append(inTheWay, more...); len(inTheWay) > 0 {
		return &Error{Code: Conflict, Message: "not yet: " + strings.Join(inTheWay, "; ")}
	}
	return nil
}

// destroyableFrom is when no backup from before a retirement is left.
func (s *Service) destroyableFrom(retired time.Time) time.Time {
	return retired.Add(time.Duration(s.opts.Retention.Backups) * day)
}
