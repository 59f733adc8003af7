package vault

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/envelope"
)

// nodeLife is how long a process that says nothing counts as running.
const nodeLife = time.Minute

// RetireKey ends what versions of a KEK up to and including one can open, in the
// KMS. It is refused while anything could still need them, and the refusal says
// what: records, a server that does not know of the rotation yet, a backup from
// the time before the last record was moved. It can be undone in the KMS; a
// destruction cannot.
//
// Errors: Unauthenticated, BadRequest, Conflict (with what is in the way),
// Unavailable, Internal.
func (s *Service) RetireKey(ctx context.Context, c Caller, key kms.Key, upTo uint32, reason string) (KeyVersion, error) {
	rotator, err := s.rotator(c, key)
	if err != nil {
		return KeyVersion{}, err
	}
	if err := validLabel("reason", reason); err != nil {
		return KeyVersion{}, err
	}
	d, err := s.opts.KMS.Describe(ctx, key)
	if err == nil {
		err = s.learnKeys(ctx, c, d)
	}
	if err != nil {
		return KeyVersion{}, s.settle(ctx, c, err)
	}
	if upTo < 1 || upTo >= d.Latest {
		return KeyVersion{}, badRequest("only versions before the newest, which is " + version(d.Latest) + ", can be retired")
	}
	var inTheWay []string
	err = s.store.Update(ctx, func(tx store.Tx) (err error) {
		if inTheWay, err = s.needs(ctx, tx, key, upTo); err != nil || len(inTheWay) > 0 {
			return err
		}
		e := c.event(audit.KeyRetire, audit.OK, string(key))
		e.Details = map[string]string{"up_to": version(upTo), "reason": reason}
		return s.append(ctx, tx, e)
	})
	if err != nil {
		return KeyVersion{}, s.settle(ctx, c, err)
	}
	if len(inTheWay) > 0 {
		return KeyVersion{}, &Error{Code: Conflict, Message: "not yet: " + strings.Join(inTheWay, "; ")}
	}
	if _, err := rotator.Retire(ctx, key, upTo+1); err != nil {
		return KeyVersion{}, s.fail(err)
	}
	var last store.KeyVersion
	err = s.store.Update(ctx, func(tx store.Tx) error {
		lives, err := s.keyLives(ctx, tx)
		if err != nil {
			return err
		}
		for i := range lives[key] {
			row := &lives[key][i]
			if row.Version > upTo {
				continue
			}
			last = *row
			if row.State == store.KeyRetired || row.State == store.KeyDestroyed {
				continue
			}
			was := row.Tag
			row.State, row.RetiredAt, row.Reason = store.KeyRetired, s.now().UnixMicro(), reason
			if err := s.changeKeyVersion(ctx, tx, c, row, was); err != nil {
				return err
			}
			last = *row
		}
		_, err = tx.BumpEpoch(ctx)
		return err
	})
	if err != nil {
		return KeyVersion{}, s.settle(ctx, c, err)
	}
	return keyVersionView(&last), nil
}

// needs lists what could still need a version up to one.
func (s *Service) needs(ctx context.Context, r store.Reader, key kms.Key, upTo uint32) ([]string, error) {
	var out []string
	uses, err := s.keyUses(ctx, r, key)
	if err != nil {
		return nil, err
	}
	records := 0
	for v, use := range uses {
		if v <= upTo {
			records += use.Cards
		}
	}
	if records > 0 {
		out = append(out, fmt.Sprintf("%d records are wrapped by it: keys rewrap %s", records, key))
	}
	epoch, err := r.Epoch(ctx)
	if err != nil {
		return nil, err
	}
	nodes, err := s.nodes(ctx, r)
	if err != nil {
		return nil, err
	}
	for _, n := range nodes {
		if n.Epoch < epoch {
			out = append(out, fmt.Sprintf("the server %s does not know of the last change yet: wait some seconds, or see why it does not answer", n.Name))
		}
	}
	if keep := s.opts.Retention.Backups; keep > 0 {
		moved, err := s.lastMoved(ctx, r, key)
		if err != nil {
			return nil, err
		}
		if until := moved.Add(time.Duration(keep) * day); s.now().Before(until) {
			out = append(out, "backups from before the last record was moved are kept until "+until.Format(time.DateOnly)+" (retention.backup_days)")
		}
	}
	return out, nil
}

// keysServe refuses to write cards whose data keys were wrapped by a version
// that was retired since: an import seals cards some time before it commits them.
func (s *Service) keysServe(ctx context.Context, r store.Reader, cards []*SealedCard) error {
	lives, err := s.keyLives(ctx, r)
	if err != nil {
		return err
	}
	for _, c := range cards {
		v := lives[envelope.CardKey(envelope.ModeOf(c.row.Live))].of(c.row.KEKVersion)
		if v != nil && (v.State == store.KeyRetired || v.State == store.KeyDestroyed) {
			return &Error{Code: Conflict, Message: "the key was rotated and retired while these cards were on their way; run the import again, which goes on with them"}
		}
	}
	return nil
}

// lastMoved is when the last rewrap of a key ended.
func (s *Service) lastMoved(ctx context.Context, r store.Reader, key kms.Key) (time.Time, error) {
	jobs, err := r.KeyJobs(ctx, 1000)
	if err != nil {
		return time.Time{}, err
	}
	for _, job := range jobs {
		if job.Verb == verbRewrap && job.Key == string(key) && job.Moved > 0 {
			return timeOf(job.UpdatedAt), nil
		}
	}
	return time.Time{}, nil
}

// nodes lists the processes that run, each row proven.
func (s *Service) nodes(ctx context.Context, r store.Reader) ([]store.Node, error) {
	rows, err := r.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	var out []store.Node
	for i := range rows {
		if s.keyring.Check(envelope.ModeAll, nodeRow(&rows[i]), rows[i].Tag) != nil {
			return nil, &tamperedRow{"", "node"}
		}
		if s.now().Sub(timeOf(rows[i].SeenAt)) < nodeLife {
			out = append(out, rows[i])
		}
	}
	return out, nil
}

func count(n int64) string { return strconv.FormatInt(n, 10) }

// Nodes lists the processes that run. Errors: Unauthenticated, Unavailable,
// Internal.
func (s *Service) Nodes(ctx context.Context, c Caller) ([]Node, error) {
	if err := s.authorize(c, policy.ReadOperations, policy.Resource{}); err != nil {
		return nil, err
	}
	var out []Node
	err := s.store.View(ctx, func(r store.Reader) error {
		epoch, err := r.Epoch(ctx)
		if err != nil {
			return err
		}
		rows, err := s.nodes(ctx, r)
		out = nil
		for _, n := range rows {
			out = append(out, Node{Name: n.Name, StartedAt: timeOf(n.StartedAt), SeenAt: timeOf(n.SeenAt), Current: n.Epoch >= epoch})
		}
		return err
	})
	if err != nil {
		return nil, s.settle(ctx, c, err)
	}
	return out, nil
}

// Node is a process that runs.
type Node struct {
	Name      string
	StartedAt time.Time
	SeenAt    time.Time
	Current   bool // it knows of the last change of keys
}
