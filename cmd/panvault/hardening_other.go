//go:build !linux

package main

import "runtime"

// disableDumps does nothing here: the measures are Linux's.
func disableDumps() error { return nil }

func dumpMeasures() []measure {
	return []measure{{name: "core dumps", note: "not supported on " + runtime.GOOS}}
}

func landlock(config) measure {
	return measure{name: "landlock", note: "not supported on " + runtime.GOOS}
}
