package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/panvault/panvault/kms"
)

// tier says which side of the vault a process serves.
type tier string

const (
	tierAll      tier = "all"
	tierIntake   tier = "intake"   // tokens in; its KMS identity must not open a card
	tierExchange tier = "exchange" // the private side; its KMS identity need not seal one
)

func (t tier) valid() bool   { return t == tierAll || t == tierIntake || t == tierExchange }
func (t tier) public() bool  { return t != tierExchange }
func (t tier) private() bool { return t != tierIntake }

// refuseOpening refuses a KMS identity that may open cards: who takes over a
// process that faces browsers must not get what it never needs. The KMS is
// asked, since no setting proves it, before any working key is in memory.
func (a *app) refuseOpening(ctx context.Context) error {
	var names []string
	for _, key := range []kms.Key{kms.CardTest, kms.CardLive} {
		can, err := kms.CanUnwrap(ctx, a.kms, key, rand.Reader)
		if err != nil {
			return fmt.Errorf("--tier intake: %w", err)
		}
		if can {
			names = append(names, string(key))
		}
	}
	switch {
	case len(names) == 0:
		a.log.Info("the KMS identity can seal cards and cannot open them")
		return nil
	case a.cfg.KMS.Backend == "local":
		return hint(errors.New("--tier intake: a local keyring opens every card, and the public tier must not be able to"),
			"kms.backend: transit with the role panvault-intake (deploy/vault/README.md), or --tier all")
	}
	return hint(fmt.Errorf("--tier intake: the KMS identity can unwrap under %s, and the public tier must not be able to", strings.Join(names, " and ")),
		"deploy/vault/bootstrap.sh secret-id panvault-intake DIR, and its two files in kms.transit.approle; deploy/vault/policies/intake.hcl says what it may do")
}
