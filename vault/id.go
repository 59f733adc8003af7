package vault

import (
	"strings"

	"github.com/panvault/panvault/store"
)

// Prefixes of public ids (contract: prefix, "test_" in test mode, record id).
const (
	tokenPrefix    = "tokn_"
	cardPrefix     = "card_"
	merchantPrefix = "mrch_"
	apiKeyPrefix   = "akey_"
	customerPrefix = "cust_"
	forwardPrefix  = "fwrd_"
	chargePrefix   = "chrg_"
	revealPrefix   = "rvel_" // of both modes alike
)

// publicID writes the id that callers see for a record.
func publicID(prefix string, live bool, record string) string {
	if live {
		return prefix + record
	}
	return prefix + "test_" + record
}

// recordOf reads a public id back. ok is false if it is not of that shape.
func recordOf(prefix, id string) (record string, live, ok bool) {
	rest, ok := strings.CutPrefix(id, prefix)
	if !ok {
		return "", false, false
	}
	record, test := strings.CutPrefix(rest, "test_")
	return record, !test, store.ValidID(record)
}
