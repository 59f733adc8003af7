package vault

import (
	"context"
	"errors"

	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/envelope"
)

// tamperedRow is found inside a transaction: it undoes it, and settle records
// it afterwards.
type tamperedRow struct{ object, what string }

// Error says what kind of row it is.
func (t *tamperedRow) Error() string { return t.what + " was tampered with" }

// settle ends an operation whose transaction failed.
func (s *Service) settle(ctx context.Context, c Caller, err error) error {
	var t *tamperedRow
	if errors.As(err, &t) {
		return s.tampered(ctx, c, t.object, t.what)
	}
	return s.fail(err)
}

// tampered records that stored data does not authenticate and fails the
// operation. The caller learns only that something is wrong.
func (s *Service) tampered(ctx context.Context, c Caller, object, what string) error {
	if err := s.recordTampering(ctx, c, object, what); err != nil {
		return err
	}
	return internal(wrapf(envelope.ErrTampered, "%s", what))
}

// recordTampering says so in a metric, a log line and an audit event.
func (s *Service) recordTampering(ctx context.Context, c Caller, object, what string) error {
	s.metrics.tampered.WithLabelValues(what).Inc()
	object = plainID(object)
	s.log.Error("stored data was tampered with", "object", object, "what", what, "request", c.Origin.Request)
	e := c.event(audit.RecordTampered, audit.Failed, object)
	e.Details = map[string]string{"what": what}
	if err := s.record(ctx, e); err != nil {
		s.log.Error("tampering could not be recorded", "object", object, "error", err)
		return s.fail(wrapf(err, "record tampering"))
	}
	return nil
}

// plainID drops an id that is not one of ours: it may come from the edited row
// and must not spoil the record of its own tampering.
func plainID(id string) string {
	for i := range len(id) {
		if c := id[i]; c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return ""
		}
	}
	if len(id) > maxSecret {
		return ""
	}
	return id
}
