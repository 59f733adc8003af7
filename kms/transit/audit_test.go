package transit_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"testing"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/kms/transit/transittest"
)

// TestVaultsAudit reads what Vault's own audit file says about our calls: the
// ids of our audit events in clear, and no key in any form.
func TestVaultsAudit(t *testing.T) {
	s := transittest.Start(t)
	c := asRole(t, s, transittest.RoleExchange)
	dek, item := wrapOne(t, c, kms.CardLive)
	one, two := item, item
	one.Event, two.Event = "evnt_test_0000000000000000000000a1", "evnt_test_0000000000000000000000b2"
	res, err := c.Unwrap(t.Context(), kms.CardLive, []kms.UnwrapItem{one, two, one, item})
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range res {
		if r.Err != nil || !bytes.Equal(r.Plaintext, dek) {
			t.Errorf("item %d: %v", i, r.Err)
		}
	}
	for _, file := range []string{s.AuditFile, s.AuditFile + ".second"} {
		text := readFile(t, file)
		if want := `"x-panvault-event":["` + one.Event + "," + two.Event + `"]`; !bytes.Contains(text, []byte(want)) {
			t.Errorf("%s does not have %s", file, want)
		}
		if !bytes.Contains(text, []byte(`"path":"transit/decrypt/panvault-card-live"`)) {
			t.Errorf("%s does not have the decrypt call", file)
		}
		for _, form := range []string{string(dek), hex.EncodeToString(dek), base64.StdEncoding.EncodeToString(dek), s.RootToken} {
			if bytes.Contains(text, []byte(form)) {
				t.Errorf("%s holds a key or a token", file)
			}
		}
	}
}
