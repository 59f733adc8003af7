package vault_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/audit"
)

// guarded is a vault that serves, whose KMS can be made to show another key.
type guarded struct {
	*till
	registry *prometheus.Registry
	kms      *turncoat
}

// turncoat tells of another test card key while it is told to.
type turncoat struct {
	kms.KMS
	kms.Rotator
	turned atomic.Bool
}

// Describe tells it.
func (k *turncoat) Describe(ctx context.Context, key kms.Key) (kms.Description, error) {
	if k.turned.Load() && key == kms.CardTest {
		return substitute{KMS: k.KMS, born: time.Hour}.Describe(ctx, key)
	}
	return k.KMS.Describe(ctx, key)
}

func newGuarded(t *testing.T) *guarded {
	t.Helper()
	g := &guarded{registry: prometheus.NewRegistry()}
	g.till = newTillWith(t, func(o *vault.Options) {
		g.kms = &turncoat{KMS: o.KMS, Rotator: o.KMS.(kms.Rotator)}
		o.Serve, o.KMS, o.Metrics = true, g.kms, g.registry
		o.HardCap = 600 * 24 * time.Hour
	})
	g.followed(t)
	g.eventually(t, "looked at the keys", func() bool { return g.gauge(t, "panvault_key_due_seconds", string(kms.Work)) > 0 })
	return g
}

func (g *guarded) eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 1000 {
		if done() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("not after 10 s: %s", what)
}

func (g *guarded) gauge(t *testing.T, name string, labels ...string) float64 {
	t.Helper()
	families, err := g.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
	metrics:
		for _, m := range f.GetMetric() {
			for i, l := range m.GetLabel() {
				if l.GetValue() != labels[i] {
					continue metrics
				}
			}
			return m.GetGauge().GetValue()
		}
	}
	return -1
}

// refuses says whether new cards are refused, which must be for a while only.
func (g *guarded) refuses(t *testing.T) bool {
	t.Helper()
	_, err := g.Tokenize(t.Context(), g.public, request("4242424242424242", "JANE DOE"))
	if err != nil && vault.CodeOf(err) != vault.Unavailable {
		t.Fatal(err)
	}
	return err != nil
}

func (g *guarded) onRecord(t *testing.T, refused, resumed int) {
	t.Helper()
	g.eventually(t, "on record", func() bool {
		return len(events(t, g.Store, audit.KeyRefuse)) == refused && len(events(t, g.Store, audit.KeyResume)) == resumed
	})
	for _, e := range events(t, g.Store, audit.KeyRefuse) {
		if e.Outcome != audit.Denied || e.Details["reason"] == "" {
			t.Errorf("%+v", e)
		}
	}
}

// TestGuardSubstituted: a key that is replaced while the vault serves protects
// nothing new from the next hourly look on, and stored cards still open.
func TestGuardSubstituted(t *testing.T) {
	g := newGuarded(t)
	id := g.stored(t)
	g.kms.turned.Store(true)
	if g.refuses(t) {
		t.Error("refused before anybody looked")
	}
	g.clock.Advance(time.Hour)
	g.eventually(t, "refuses new cards", func() bool { return g.refuses(t) })
	if n := g.gauge(t, "panvault_key_refused", string(kms.CardTest)); n != 1 {
		t.Errorf("the metric says %v", n)
	}
	if _, err := g.Forward(t.Context(), g.secret, vault.ForwardRequest{Destination: "sandbox", Card: id}); vault.CodeOf(err) == vault.Unavailable {
		t.Errorf("a stored card does not open: %v", err)
	}
	g.onRecord(t, 1, 0)
	for _, state := range g.Ready(t.Context()) {
		if state.OK == (state.Name == "data_keys_test") || !state.OK && !(state.Soft && strings.Contains(state.Note, "another key")) {
			t.Errorf("a server that can still open cards says %+v", state)
		}
	}

	g.kms.turned.Store(false)
	g.clock.Advance(time.Minute)
	g.eventually(t, "goes on", func() bool { return !g.refuses(t) })
	g.onRecord(t, 1, 1)
	if n := g.gauge(t, "panvault_key_refused", string(kms.CardTest)); n != 0 {
		t.Errorf("the metric says %v", n)
	}
}

// TestGuardOverdue: past the hard cap a key protects nothing new until it is
// rotated.
func TestGuardOverdue(t *testing.T) {
	g := newGuarded(t)
	g.stored(t)
	g.clock.Advance(601 * 24 * time.Hour)
	g.eventually(t, "refuses new cards", func() bool { return g.refuses(t) })
	g.onRecord(t, 3, 0) // each of the keys
	g.rotate(t, kms.CardTest)
	g.eventually(t, "goes on", func() bool { return !g.refuses(t) })
	g.onRecord(t, 3, 1)
	if n := g.gauge(t, "panvault_key_records", string(kms.CardTest), string(store.KeyDecryptOnly)); n < 1 {
		t.Errorf("%v records under older versions", n)
	}
}

// TestRefusedStartIsOnRecord: also a start that does not happen is.
func TestRefusedStartIsOnRecord(t *testing.T) {
	g := newGuarded(t)
	g.kms.turned.Store(true)
	if _, err := vault.New(t.Context(), vault.Options{Store: g.Store, KMS: g.kms, Clock: g.clock.Now}); err == nil {
		t.Fatal("started with another key")
	}
	g.onRecord(t, 1, 0)
}
