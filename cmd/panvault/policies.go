package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/panvault/panvault/policy"
)

// maxPolicies bounds the file of policies, in bytes.
const maxPolicies = 1 << 20

// policies reads who may do what: the default unless the configuration names a
// file. Servers read it once, before their file access is confined.
func (cfg config) policies() (*policy.Engine, error) {
	if cfg.Policies == "" {
		return policy.Default()
	}
	const try = "policies: a file of Cedar text, starting from policy/default.cedar; deploy/runbooks/reveal.md has an example"
	file, err := os.Open(cfg.Policies)
	if err != nil {
		return nil, hint(fmt.Errorf("policies: %w", err), try)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxPolicies+1))
	if err == nil && len(text) > maxPolicies {
		err = errors.New("the file is too large")
	}
	if err != nil {
		return nil, hint(fmt.Errorf("policies: %w", err), try)
	}
	engine, err := policy.New(cfg.Policies, text)
	if err != nil {
		return nil, hint(fmt.Errorf("policies: %w", err), try)
	}
	return engine, nil
}
