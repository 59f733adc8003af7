package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// cachedBuild is a program in go's build cache, wherever that is.
var cachedBuild = regexp.MustCompile(`^[0-9a-f]{2}/[0-9a-f]{64}-d/[^/]+$`)

// programName is how this program was started, for commands that people copy.
func programName() string {
	executable, err := os.Executable()
	if err != nil {
		executable = ""
	}
	return programOf(executable, os.Args[0])
}

// programOf tells a binary that 'go run' made, which nobody can call again,
// from one that was called by a name.
func programOf(executable, called string) string {
	elements := strings.Split(filepath.ToSlash(executable), "/")
	for _, e := range elements[:max(0, len(elements)-1)] {
		if strings.HasPrefix(e, "go-build") {
			return "go run ./cmd/panvault"
		}
	}
	if n := len(elements); n >= 3 && cachedBuild.MatchString(strings.Join(elements[n-3:], "/")) {
		return "go run ./cmd/panvault"
	}
	return called
}
