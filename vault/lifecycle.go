package vault

import (
	"context"

	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/envelope"
)

// RecordStart writes that a server begins to serve. A server that cannot write
// it must not serve (PCI DSS 10.2.1.6).
func (s *Service) RecordStart(ctx context.Context, details map[string]string) error {
	e := System("panvault serve").event(audit.SystemStart, audit.OK, s.opts.Node)
	e.Details = details
	return s.fail(s.record(ctx, e))
}

// RecordStop writes that a server has stopped serving.
func (s *Service) RecordStop(ctx context.Context) error {
	return s.fail(s.record(ctx, System("panvault serve").event(audit.SystemStop, audit.OK, s.opts.Node)))
}

// State is the condition of one part the service depends on.
type State struct {
	Name string // store, kms, data_keys_test, data_keys_live
	OK   bool
	Soft bool   // the service does without for a while
	Note string // what is wrong, safe to show to operators
}

// Ready reports every dependency. The service can do its work if all are OK but
// soft ones: prepared data keys carry it through a short outage of the KMS, and
// masked reads need none.
func (s *Service) Ready(ctx context.Context) []State {
	backend := stateOf("kms", s.opts.KMS.Check(ctx))
	backend.Soft = true
	states := []State{stateOf("store", s.store.Check(ctx)), backend}
	for _, mode := range []envelope.Mode{envelope.ModeTest, envelope.ModeLive} {
		pool, ok := s.pools[mode]
		if !ok {
			continue
		}
		state := State{Name: "data_keys_" + string(mode), OK: pool.Depth() > 0}
		if halted := pool.Halted(); halted != nil { // stored cards open all the same
			state.OK, state.Soft, state.Note = false, true, halted.Error()
		} else if !state.OK {
			state.Note = "no prepared data key; the KMS does not wrap"
		}
		states = append(states, state)
	}
	return states
}

func stateOf(name string, err error) State {
	if err != nil {
		return State{Name: name, Note: err.Error()}
	}
	return State{Name: name, OK: true}
}

// LockedMemory reports whether every key of the process is on pages that
// cannot be swapped out.
func (s *Service) LockedMemory() bool {
	locked := s.keyring.Locked() && s.codes.locked()
	for _, pool := range s.pools {
		locked = locked && pool.Locked()
	}
	return locked
}
