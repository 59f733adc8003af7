package main

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/store/sqlite"
)

// newRegistry returns the process's own metrics registry: nothing registers
// itself by being imported.
func newRegistry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	b := currentBuild()
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "panvault_build_info", Help: "Always 1; the labels describe the binary.",
		ConstLabels: prometheus.Labels{"version": b.Version, "revision": b.Revision, "go": runtime.Version()},
	})
	info.Set(1)
	r.MustRegister(info, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// observeKMS counts and times KMS calls.
func observeKMS(r prometheus.Registerer) func(kms.Call) {
	calls := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "panvault_kms_calls_total", Help: "KMS calls, by operation, key and outcome.",
	}, []string{"op", "key", "outcome"})
	items := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "panvault_kms_items_total", Help: "Keys wrapped or unwrapped, by operation and key.",
	}, []string{"op", "key"})
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "panvault_kms_call_seconds", Help: "Time of a KMS call, retries included.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
	}, []string{"op"})
	r.MustRegister(calls, items, seconds)
	return func(c kms.Call) {
		calls.WithLabelValues(c.Op, string(c.Key), c.Outcome).Inc()
		items.WithLabelValues(c.Op, string(c.Key)).Add(float64(c.Items))
		seconds.WithLabelValues(c.Op).Observe(c.Duration.Seconds())
	}
}

// observeCommits counts and times group commits.
func observeCommits(r prometheus.Registerer) func(sqlite.Commit) {
	seconds := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "panvault_store_commit_seconds", Help: "Time of a commit, for all the updates that share it.",
		Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .5, 1},
	})
	updates := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "panvault_store_updates_total", Help: "Updates that took part in a commit.",
	})
	failures := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "panvault_store_commit_failures_total", Help: "Commits that failed.",
	})
	r.MustRegister(seconds, updates, failures)
	return func(c sqlite.Commit) {
		seconds.Observe(c.Duration.Seconds())
		updates.Add(float64(c.Closures))
		if c.Err != nil {
			failures.Inc()
		}
	}
}
