package main

import (
	"errors"
	"strings"
	"syscall"
)

// startDevProcessor starts the sandbox processor of dev, on any free port if the
// usual one is taken. It is in the vault's own process, for one command is easier
// to start than two: the numbers that are sent to it stay in this process's
// memory, where the vault alone would have wiped its own copies. To look at the
// vault's memory, run panvault sandbox-processor as a process of its own.
func (c *cli) startDevProcessor(opts devOptions) (*runningProcessor, error) {
	const flag, free = "--processor-listen", "127.0.0.1:0"
	logger, err := newLogger(logConfig{Level: "info", Format: "text"}, c.stderr)
	if err != nil {
		return nil, err
	}
	switch {
	case opts.processor != "":
		return startProcessor(flag, opts.processor, logger)
	case strings.HasSuffix(opts.listen, ":0"):
		return startProcessor(flag, free, logger)
	}
	p, err := startProcessor(flag, strings.TrimPrefix(sandboxProcessorURL, "http://"), logger)
	if errors.Is(err, syscall.EADDRINUSE) {
		return startProcessor(flag, free, logger)
	}
	return p, err
}
