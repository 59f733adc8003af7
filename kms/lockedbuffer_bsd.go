//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package kms

// advise does nothing: these systems share no advice to keep pages out of core
// dumps. Core dumps are switched off for the whole process instead.
func advise([]byte) error { return nil }
