//go:build !unix

package sqlite

import "os"

// Without flock there are no turns.

func tryLock(*os.File) bool { return true }
func lock(*os.File)         {}
func unlock(*os.File)       {}
