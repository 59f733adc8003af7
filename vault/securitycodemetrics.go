package vault

import (
	"maps"

	"github.com/prometheus/client_golang/prometheus"
)

// codeCounts are the security codes so far, all of one moment: entered is the
// sum of ended and now.
type codeCounts struct {
	entered uint64
	ended   map[codeEnd]uint64
	now     int
}

func (c *codes) counts() codeCounts {
	c.mu.Lock()
	defer c.mu.Unlock()
	return codeCounts{c.entered, maps.Clone(c.ended), len(c.held)}
}

// codeCollector exports the counts of one moment together, so that every scrape
// proves that held is released and expired and what is in memory.
type codeCollector struct {
	codes                   *codes
	held, released, expired *prometheus.Desc
	now                     *prometheus.Desc
}

func newCodeCollector(c *codes) *codeCollector {
	return &codeCollector{
		codes: c,
		held: prometheus.NewDesc("panvault_security_codes_held_total",
			"Security codes that came with a token: released, expired or still in memory.", nil, nil),
		released: prometheus.NewDesc("panvault_security_codes_released_total",
			"Security codes that a payment has used up.", nil, nil),
		expired: prometheus.NewDesc("panvault_security_codes_expired_total",
			"Security codes that were destroyed without a payment that succeeded, by reason.", []string{"reason"}, nil),
		now: prometheus.NewDesc("panvault_security_codes",
			"Security codes in memory.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (m *codeCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- m.held
	ch <- m.released
	ch <- m.expired
	ch <- m.now
}

// Collect implements prometheus.Collector.
func (m *codeCollector) Collect(ch chan<- prometheus.Metric) {
	n := m.codes.counts()
	ch <- prometheus.MustNewConstMetric(m.held, prometheus.CounterValue, float64(n.entered))
	ch <- prometheus.MustNewConstMetric(m.released, prometheus.CounterValue, float64(n.ended[codeReleased]))
	for _, why := range codeExpiries() {
		ch <- prometheus.MustNewConstMetric(m.expired, prometheus.CounterValue, float64(n.ended[why]), string(why))
	}
	ch <- prometheus.MustNewConstMetric(m.now, prometheus.GaugeValue, float64(n.now))
}
