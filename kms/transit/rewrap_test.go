package transit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/kms/transit/transittest"
)

// TestRewrapBody: what goes to Vault is blob and context, and nothing that
// could name a version.
func TestRewrapBody(t *testing.T) {
	var got map[string]any
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(w, `{"data":{"batch_results":[{"ciphertext":"vault:v2:`+encoded(60)+`","key_version":2}]}}`)
	})
	res, err := connect(t, s.URL).Rewrap(t.Context(), kms.CardLive, []kms.RewrapItem{{Wrapped: []byte("vault:v1:" + encoded(60)), Context: []byte("ctx")}})
	if err != nil || res[0].Err != nil || res[0].Version != 2 {
		t.Fatalf("Rewrap = %+v, %v, want version 2", res, err)
	}
	want := map[string]any{"batch_input": []any{map[string]any{"ciphertext": "vault:v1:" + encoded(60), "context": "Y3R4"}}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("sent %v, want %v", got, want)
	}
}

// TestRewrapAnswers: an older version is never taken, and an answer that does
// not fit is the call's error.
func TestRewrapAnswers(t *testing.T) {
	result := func(text string) string { return `{"data":{"batch_results":[` + text + `]}}` }
	good := `{"ciphertext":"vault:v3:` + encoded(60) + `","key_version":3}`
	for _, tt := range []struct {
		name, body      string
		item, call      error
		versionOfSecond uint32
	}{
		{"an older version", result(`{"ciphertext":"vault:v1:` + encoded(60) + `","key_version":1},` + good), kms.ErrDowngrade, nil, 3},
		{"the same version", result(`{"ciphertext":"vault:v2:` + encoded(60) + `","key_version":2},` + good), nil, nil, 3},
		{"a text that is not known", result(`{"error":"words of the future"},` + good), kms.ErrUnavailable, nil, 3},
		{"too old", result(`{"error":"ciphertext or signature version is disallowed by policy (too old)"},` + good), kms.ErrVersionRetired, nil, 3},
		{"one result too few", result(good), nil, kms.ErrUnavailable, 0},
		{"an empty result", result(`{},` + good), nil, kms.ErrUnavailable, 0},
		{"another size", result(`{"ciphertext":"vault:v3:` + encoded(61) + `","key_version":3},` + good), nil, kms.ErrUnavailable, 0},
		{"two versions", result(`{"ciphertext":"vault:v3:` + encoded(60) + `","key_version":4},` + good), nil, kms.ErrUnavailable, 0},
		{"errors besides", `{"errors":["x"],"data":{"batch_results":[` + good + `,` + good + `]}}`, nil, kms.ErrUnavailable, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, tt.body) })
			item := kms.RewrapItem{Wrapped: []byte("vault:v2:" + encoded(60)), Context: random(8)}
			res, err := connect(t, s.URL).Rewrap(t.Context(), kms.CardLive, []kms.RewrapItem{item, item})
			if tt.call != nil {
				wantIs(t, "Rewrap", err, tt.call)
				return
			}
			if err != nil || !errors.Is(res[0].Err, tt.item) || res[1].Err != nil || res[1].Version != tt.versionOfSecond {
				t.Fatalf("Rewrap = %+v, %v, want item error %v and version %d", res, err, tt.item, tt.versionOfSecond)
			}
			if tt.item != nil && (res[0].Wrapped != nil || res[0].Version != 0) {
				t.Errorf("a failed item carries %+v", res[0])
			}
		})
	}
}

// TestRewrapOfARecreatedKey: under a key that was deleted and made again
// nothing moves.
func TestRewrapOfARecreatedKey(t *testing.T) {
	s := transittest.Shared(t)
	c, prefix := ownKeys(t, s)
	path := "transit/keys/" + prefix + "card-live"
	mustRoot(t, s, http.MethodPost, path, `{"derived":true}`)
	_, first := wrapOne(t, c, kms.CardLive)
	if _, err := c.Rotate(t.Context(), kms.CardLive, 1); err != nil {
		t.Fatal(err)
	}
	_, second := wrapOne(t, c, kms.CardLive)
	mustRoot(t, s, http.MethodPost, path+"/config", `{"deletion_allowed":true}`)
	mustRoot(t, s, http.MethodDelete, path, "")
	mustRoot(t, s, http.MethodPost, path, `{"derived":true}`)
	res, err := c.Rewrap(t.Context(), kms.CardLive, []kms.RewrapItem{
		{Wrapped: first.Wrapped, Context: first.Context}, {Wrapped: second.Wrapped, Context: second.Context},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range res {
		wantIs(t, fmt.Sprintf("blob of version %d", i+1), r.Err, kms.ErrTampered)
	}
}

// TestRewrapStaysInVault reads Vault's audit, its answers and ours for the data
// key that was moved: it is in none of them.
func TestRewrapStaysInVault(t *testing.T) {
	s := transittest.Start(t)
	dek, item := wrapOne(t, asRole(t, s, transittest.RoleIntake), kms.CardLive)
	rotator := asRole(t, s, transittest.RoleRotator)
	if _, err := rotator.Rotate(t.Context(), kms.CardLive, 1); err != nil {
		t.Fatal(err)
	}
	res, err := rotator.Rewrap(t.Context(), kms.CardLive, []kms.RewrapItem{{Wrapped: item.Wrapped, Context: item.Context}})
	if err != nil || res[0].Err != nil {
		t.Fatalf("Rewrap: %+v, %v", res, err)
	}
	audit := s.Audit(t)
	for _, path := range []string{"keys/panvault-card-live/rotate", "keys/panvault-card-live/config", "rewrap/panvault-card-live"} {
		if !bytes.Contains(audit, []byte(`"path":"transit/`+path+`"`)) {
			t.Errorf("Vault's audit has no %s", path)
		}
	}
	for _, text := range [][]byte{audit, res[0].Wrapped} {
		if bytes.Contains(text, dek) {
			t.Error("a data key is in clear")
		}
	}
	if bytes.Contains(audit, []byte("transit/decrypt/")) {
		t.Error("the rotator decrypted something")
	}
}
