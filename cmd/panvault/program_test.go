package main

import "testing"

func TestProgramOf(t *testing.T) {
	t.Parallel()
	const run, hash = "go run ./cmd/panvault", "b6877ed144a5d2d4ab2a941dfb3e6cc611d356ffa953f3ee8a306e0435ce5eb6"
	for _, tt := range []struct{ executable, called, want string }{
		{"/tmp/go-build3107487656/b001/exe/panvault", "/tmp/go-build3107487656/b001/exe/panvault", run},
		{"/home/a/.cache/go-build/b6/" + hash + "-d/panvault", "x", run}, // its second run
		{"/var/gocache/b6/" + hash + "-d/panvault", "x", run},
		{"/usr/local/bin/panvault", "panvault", "panvault"},
		{"/srv/build/panvault", "build/panvault", "build/panvault"},
		{"/home/a/go-build", "./go-build", "./go-build"},
		{"", "panvault", "panvault"},
	} {
		if got := programOf(tt.executable, tt.called); got != tt.want {
			t.Errorf("%s called as %s: got %q, want %q", tt.executable, tt.called, got, tt.want)
		}
	}
}
