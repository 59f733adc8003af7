package vault

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/envelope"
)

// metrics counts what operators watch. Labels are fixed words, never ids.
type metrics struct {
	tampered *prometheus.CounterVec
	tokens   *prometheus.CounterVec

	destroyed *prometheus.CounterVec
	past      prometheus.Gauge
	forwards  *prometheus.CounterVec
	reveals   *prometheus.CounterVec

	keyRefused *prometheus.GaugeVec
	keyDue     *prometheus.GaugeVec
	keyRecords *prometheus.GaugeVec
}

func newMetrics(registerer prometheus.Registerer, s *Service) *metrics {
	m := &metrics{
		tampered: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "panvault_tampered_total",
			Help: "Stored records that did not authenticate. Must always be zero: see deploy/runbooks/tampered.md.",
		}, []string{"what"}),
		tokens: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "panvault_tokens_created_total",
			Help: "Cards tokenized, by mode and brand.",
		}, []string{"mode", "brand"}),
		destroyed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "panvault_retention_destroyed_total",
			Help: "Cards that retention destroyed, by reason.",
		}, []string{"reason"}),
		past: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "panvault_retention_past",
			Help: "Records kept longer than they may be. Must always be zero: see 'panvault retention report'.",
		}),
	}
	m.forwards = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "panvault_forwards_total",
		Help: "Requests to processors that have ended, by use and state. For unknown ones see deploy/runbooks/forward.md.",
	}, []string{"use", "state"})
	m.reveals = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "panvault_reveals_total",
		Help: "Requests to see a stored card, by outcome: see deploy/runbooks/reveal.md.",
	}, []string{"outcome"})
	m.keyRefused = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "panvault_key_refused",
		Help: "1 while a KEK protects nothing new, because it is another key than before, unsafe, or too old: see deploy/runbooks/key-refused.md.",
	}, []string{"key"})
	m.keyDue = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "panvault_key_due_seconds",
		Help: "Unix time at which the cryptoperiod of a KEK's active version ends.",
	}, []string{"key"})
	m.keyRecords = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "panvault_key_records",
		Help: "Records that the versions of a KEK protect, by their state, at the last hourly look.",
	}, []string{"key", "state"})
	for _, key := range kms.Keys() {
		m.keyRefused.WithLabelValues(string(key)).Set(0)
	}
	for _, o := range []revealOutcome{revealOpened, revealMasked, revealFailed, revealNotApproved, revealCancelled, revealOverBudget} {
		m.reveals.WithLabelValues(string(o))
	}
	for _, what := range []string{"card", "customer", "fingerprint", "merchant", "api key", "idempotency key", "import", "approval", "forward", "charge", "reveal", "key version", "key job", "node", "working key"} {
		m.tampered.WithLabelValues(what)
	}
	for _, why := range []reason{lapsed, spent, unused, expired} {
		m.destroyed.WithLabelValues(string(why))
	}
	for _, use := range Uses() {
		for _, state := range []store.ForwardState{store.ForwardAnswered, store.ForwardNotSent, store.ForwardUnknown} {
			m.forwards.WithLabelValues(string(use), string(state))
		}
	}
	registerer.MustRegister(m.tampered, m.tokens, m.destroyed, m.past, m.forwards, m.reveals, m.keyRefused, m.keyDue, m.keyRecords, newCodeCollector(s.codes))
	for mode, pool := range s.pools {
		registerer.MustRegister(poolDepth(mode, pool))
	}
	return m
}

func poolDepth(mode envelope.Mode, pool *envelope.Pool) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        "panvault_data_keys_ready",
		Help:        "Prepared data keys. At zero, tokenization waits for the KMS.",
		ConstLabels: prometheus.Labels{"mode": string(mode)},
	}, func() float64 { return float64(pool.Depth()) })
}
