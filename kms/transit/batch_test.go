package transit_test

import (
	"bytes"
	"errors"
	"net/http"
	"testing"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/kms/transit/transittest"
)

// TestMixedBatch has one item of every kind: each gets its own outcome, where
// Vault answers 200 because at least one succeeded.
func TestMixedBatch(t *testing.T) {
	s := transittest.Shared(t)
	c, prefix := ownKeys(t, s)
	path := "transit/keys/" + prefix + "card-live"
	mustRoot(t, s, http.MethodPost, path, `{"derived":true}`)
	_, retired := wrapOne(t, c, kms.CardLive)
	mustRoot(t, s, http.MethodPost, path+"/rotate", "")
	dek, good := wrapOne(t, c, kms.CardLive)
	mustRoot(t, s, http.MethodPost, path+"/config", `{"min_decryption_version":2}`)

	moved := good
	moved.Context = random(40)
	tooNew := good
	tooNew.Wrapped = bytes.Replace(good.Wrapped, []byte(":v2:"), []byte(":v9:"), 1)
	badEvent := good
	badEvent.Event = "Evil\r\nX-Vault-Token: x"
	items := []kms.UnwrapItem{good, moved, retired, tooNew, {Wrapped: []byte("vault:v1:AA=="), Context: good.Context}, {}, badEvent, good}
	want := []error{nil, kms.ErrTampered, kms.ErrVersionRetired, kms.ErrTampered, kms.ErrTampered, kms.ErrInvalid, kms.ErrInvalid, nil}

	res, err := c.Unwrap(t.Context(), kms.CardLive, items)
	if err != nil {
		t.Fatal(err)
	}
	check := func(res []kms.UnwrapResult, want []error) {
		t.Helper()
		for i, r := range res {
			if !errors.Is(r.Err, want[i]) || want[i] == nil && (r.Err != nil || !bytes.Equal(r.Plaintext, dek)) {
				t.Errorf("item %d: error %v, want %v", i, r.Err, want[i])
			}
		}
	}
	check(res, want)

	// Without the good ones Vault answers 400, and the outcomes are the same.
	if res, err = c.Unwrap(t.Context(), kms.CardLive, items[1:7]); err != nil {
		t.Fatal(err)
	}
	check(res, want[1:7])
}

// TestTrimmed: a version that was trimmed away is retired, not tampered with.
func TestTrimmed(t *testing.T) {
	s := transittest.Shared(t)
	c, prefix := ownKeys(t, s)
	path := "transit/keys/" + prefix + "work"
	mustRoot(t, s, http.MethodPost, path, `{"derived":true}`)
	_, item := wrapOne(t, c, kms.Work)
	mustRoot(t, s, http.MethodPost, path+"/rotate", "")
	mustRoot(t, s, http.MethodPost, path+"/config", `{"min_decryption_version":2,"min_encryption_version":2}`)
	mustRoot(t, s, http.MethodPost, path+"/trim", `{"min_available_version":2}`)
	res, err := c.Unwrap(t.Context(), kms.Work, []kms.UnwrapItem{item})
	if err != nil {
		t.Fatal(err)
	}
	wantIs(t, "trimmed version", res[0].Err, kms.ErrVersionRetired)
}

// TestNewVersionIsUsed: what is wrapped after a rotation has the new version.
func TestNewVersionIsUsed(t *testing.T) {
	s := transittest.Shared(t)
	c, prefix := ownKeys(t, s)
	path := "transit/keys/" + prefix + "work"
	mustRoot(t, s, http.MethodPost, path, `{"derived":true}`)
	for version := uint32(1); version < 4; version++ {
		res, err := c.Wrap(t.Context(), kms.Work, []kms.WrapItem{{Plaintext: random(32), Context: random(8)}})
		if err != nil || res[0].Err != nil || res[0].Version != version {
			t.Errorf("Wrap = %+v, %v, want version %d", res, err, version)
		}
		mustRoot(t, s, http.MethodPost, path+"/rotate", "")
	}
}
