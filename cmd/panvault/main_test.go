package main

import (
	"fmt"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// raceOptions keep the race detector from holding up every process for a
// second at its end; these tests start hundreds.
const raceOptions = "atexit_sleep_ms=10"

// TestMain lets the test binary stand in for panvault: stories and tests start
// it as a process of its own under that name, with the race detector if the
// tests have it.
func TestMain(m *testing.M) {
	if os.Getenv("GORACE") == "" {
		_ = os.Setenv("GORACE", raceOptions)
	}
	testscript.Main(m, map[string]func(){
		"panvault": main,
		"confined": func() { fmt.Print(confined(os.Args[1], os.Args[2])) },
	})
}
