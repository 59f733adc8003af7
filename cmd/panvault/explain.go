package main

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/kms/localkek"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/envelope"
)

// explainOpen adds the next thing to try to what can be wrong at a start. A
// hint that is there already is closer to the cause and stays.
func explainOpen(err error) error {
	if errors.As(err, new(hinted)) {
		return err
	}
	for _, e := range []struct {
		is   error
		hint string
	}{
		{store.ErrOldSchema, "panvault init, which also brings an older store up to date"},
		{store.ErrNewerSchema, "the newer release of panvault that has been here before"},
		{store.ErrCorrupt, "restore the database from its backup"},
		{store.ErrUnavailable, "again: another process holds the database"},
		{kms.ErrUnavailable, "is the KMS reachable and unsealed? see deploy/runbooks/kms-down.md"},
		{kms.ErrDenied, "the policies in deploy/vault/policies, and whether the token or secret_id has expired"},
		{kms.ErrKeyMissing, "deploy/vault/bootstrap.sh, which creates the keys"},
		{vault.ErrSubstituted, "deploy/runbooks/key-rotation.md: put the KMS back as it was, or the database that belongs to it"},
		{kms.ErrUnsafeKey, "deploy/vault/README.md, which says how keys must be set"},
		{localkek.ErrPassphrase, "the passphrase that the keyring was made with, in kms.local.passphrase"},
		{localkek.ErrKeyring, "restore the keyring from its backup"},
		{localkek.ErrMode, "chmod 600, so that only its owner reads it"},
		{kms.ErrInvalid, "kms.transit in the configuration; deploy/vault/README.md says what it needs"},
		{kms.ErrTampered, "the KMS keys or the keyring that this database was made with, from a backup"},
		{envelope.ErrNoKey, "panvault init, which makes the working keys"},
		{vault.ErrKeyLost, "do not make a new one: it could not open what the lost one sealed"},
		{envelope.ErrTampered, "deploy/runbooks/tampered.md"},
	} {
		if errors.Is(err, e.is) {
			return hint(err, "%s", e.hint)
		}
	}
	return err
}

// plain turns an error of the service into one for people: what they typed
// wrong is a usage error, and no code goes before the sentence.
func plain(err error) error {
	if errors.Is(err, envelope.ErrTampered) {
		return hint(err, "deploy/runbooks/tampered.md: stored data is not what panvault wrote")
	}
	var e *vault.Error
	if !errors.As(err, &e) || e.Message == "" {
		return err
	}
	switch e.Code {
	case vault.BadRequest:
		return usageError{errors.New(e.Message)}
	case vault.NotFound:
		return hint(fmt.Errorf("%s was not found", named(e)), "%s", listing(e.Object))
	case vault.Conflict:
		return errors.New(e.Message)
	}
	return err
}

// idShape is what an id looks like: anything else that was typed for one may be
// a secret.
var idShape = regexp.MustCompile(`^[a-z]{4}_(test_)?[0-9a-z]{24}$`)

// named is the object that an error is about.
func named(e *vault.Error) string {
	if idShape.MatchString(e.ID) {
		return e.Object + " " + e.ID
	}
	return e.Object
}

// preparation is the command that makes the store of a command's configuration.
func (c *cli) preparation() string {
	if c.dataDir != "" {
		return "panvault dev --data " + c.dataDir
	}
	return "panvault init --config " + c.configFile
}

// listing is the command that lists objects of a kind.
func listing(object string) string {
	switch object {
	case "key":
		return "panvault apikey list --merchant ID"
	case "approval":
		return "panvault approval list"
	case "card":
		return "panvault card find --last4 DIGITS"
	case "customer":
		return "panvault card find --last4 DIGITS, which tells the customers of cards"
	}
	return "panvault merchant list"
}
