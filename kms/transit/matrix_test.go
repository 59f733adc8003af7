package transit_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/kms/transit/transittest"
)

// right is one thing that may be asked of Vault, and the roles that may.
type right struct {
	method, path, body string
	roles              string // space-separated, without "panvault-"; "" for none
}

func (r right) allows(role string) bool {
	return slices.Contains(strings.Fields(r.roles), strings.TrimPrefix(role, "panvault-"))
}

// rights is the whole of what the policies give and refuse, for every key. The
// order is one in which all of it works: versions come before floors.
func rights(blobs map[kms.Key]kms.UnwrapItem) (all []right) {
	add := func(roles, method, path, body string) { all = append(all, right{method, path, body, roles}) }
	for _, key := range kms.Keys() {
		name := "panvault-" + string(key)
		path := "transit/keys/" + name
		label := base64.StdEncoding.EncodeToString(blobs[key].Context)
		plain := fmt.Sprintf(`{"plaintext":"aGVsbG8=","context":%q}`, label)
		blob := fmt.Sprintf(`{"ciphertext":%q,"context":%q}`, blobs[key].Wrapped, label)
		batch := func(item string) string { return `{"batch_input":[` + item + `]}` }
		versioned := func(item string) string { return strings.TrimSuffix(item, "}") + `,"key_version":1}` }

		wrap, unwrap := "intake exchange init", "exchange"
		if key == kms.Work {
			wrap, unwrap = "init rotator", "intake exchange init rotator destroyer"
		}
		add(wrap, "POST", "transit/encrypt/"+name, batch(plain))
		add(unwrap, "POST", "transit/decrypt/"+name, batch(blob))
		add("rotator", "POST", "transit/rewrap/"+name, batch(blob))
		// Outside batch_input a request could name a key_version.
		for _, item := range []string{"encrypt/" + name + " " + plain, "decrypt/" + name + " " + blob, "rewrap/" + name + " " + blob} {
			op, body, _ := strings.Cut(item, " ")
			add("", "POST", "transit/"+op, body)
			add("", "POST", "transit/"+op, versioned(body))
			add("", "POST", "transit/"+op, strings.TrimSuffix(batch(body), "}")+`,"key_version":1}`)
		}
		add("intake exchange init rotator destroyer auditor", "GET", path, "")
		add("rotator", "POST", path+"/rotate", "")
		add("", "POST", path+"/rotate", `{"managed_key_name":"x"}`)
		add("rotator", "POST", path+"/config", `{"min_encryption_version":2}`)
		add("destroyer", "POST", path+"/config", `{"min_decryption_version":2}`)
		add("destroyer", "POST", path+"/trim", `{"min_available_version":2}`)
		add("", "POST", path+"/config", ``)
		add("", "POST", path+"/config", `{"min_encryption_version":2,"min_decryption_version":2}`)
		for _, setting := range []string{`"exportable":true`, `"allow_plaintext_backup":true`, `"deletion_allowed":true`, `"auto_rotate_period":"1h"`} {
			add("", "POST", path+"/config", "{"+setting+"}")
			add("", "POST", path+"/config", `{"min_encryption_version":2,`+setting+"}")
			add("", "POST", path+"/config", `{"min_decryption_version":2,`+setting+"}")
		}
		for _, kind := range []string{"encryption-key", "signing-key", "hmac-key", "public-key"} {
			add("", "GET", "transit/export/"+kind+"/"+name, "")
			add("", "GET", "transit/export/"+kind+"/"+name+"/1", "")
		}
		add("", "GET", "transit/backup/"+name, "")
		add("", "GET", "transit/byok-export/panvault-work/"+name, "")
		add("", "POST", "transit/restore/"+name, `{"backup":"x","force":true}`)
		add("", "DELETE", path, "")
		add("", "POST", path, `{"derived":true}`)
		add("", "POST", path+"/import_version", `{"ciphertext":"x"}`)
		add("", "POST", path+"/soft-delete", "")
		add("", "POST", "transit/datakey/plaintext/"+name, `{"context":"Y3R4"}`)
		add("", "POST", "transit/datakey/wrapped/"+name, `{"context":"Y3R4"}`)
		add("", "POST", "transit/hmac/"+name, `{"input":"aGVsbG8="}`)
	}
	add("", "POST", "transit/keys/panvault-new", `{"derived":true}`)
	add("", "POST", "transit/keys/panvault-new/import", `{"ciphertext":"x"}`)
	add("", "POST", "transit/encrypt/panvault-new", `{"batch_input":[{"plaintext":"aGVsbG8=","context":"Y3R4"}]}`)
	add("", "POST", "transit/restore", `{"backup":"x"}`)
	add("", "POST", "transit/config/keys", `{"disable_upsert":false}`)
	add("", "POST", "transit/cache-config", `{"size":10}`)
	add("", "POST", "transit/random/32", "")
	add("auditor", "LIST", "transit/keys", "")
	add("auditor", "GET", "transit/config/keys", "")

	add("auditor", "GET", "sys/audit", "")
	add("", "PUT", "sys/audit/third", `{"type":"file","options":{"file_path":"discard"}}`)
	add("", "DELETE", "sys/audit/first", "")
	add("auditor", "GET", "sys/config/auditing/request-headers", "")
	add("auditor", "GET", "sys/config/auditing/request-headers/X-Panvault-Event", "")
	add("", "POST", "sys/config/auditing/request-headers/X-Panvault-Event", `{"hmac":true}`)
	add("", "DELETE", "sys/config/auditing/request-headers/X-Panvault-Event", "")
	add("auditor", "GET", "sys/auth", "")
	add("auditor", "GET", "sys/mounts", "")
	add("", "POST", "sys/auth/other", `{"type":"approle"}`)
	add("", "POST", "sys/mounts/other", `{"type":"transit"}`)
	add("", "DELETE", "sys/mounts/transit", "")
	add("", "POST", "sys/remount", `{"from":"transit","to":"gone"}`)
	add("", "POST", "sys/quotas/rate-limit/none", `{"rate":1}`)
	add("", "PUT", "sys/seal", "")
	add("", "GET", "sys/raw/core/keyring", "")

	add("auditor", "LIST", "sys/policies/acl", "")
	add("auditor", "LIST", "auth/approle/role", "")
	for _, role := range transittest.Roles() {
		add("auditor", "GET", "sys/policies/acl/"+role, "")
		add("", "PUT", "sys/policies/acl/"+role, `{"policy":"path \"*\" { capabilities = [\"sudo\"] }"}`)
		add("", "DELETE", "sys/policies/acl/"+role, "")
		add("auditor", "GET", "auth/approle/role/"+role, "")
		add("", "POST", "auth/approle/role/"+role, `{"token_policies":"root"}`)
		add("", "POST", "auth/approle/role/"+role+"/policies", `{"token_policies":"root"}`)
		add("", "DELETE", "auth/approle/role/"+role, "")
		add("", "GET", "auth/approle/role/"+role+"/role-id", "")
		add("", "POST", "auth/approle/role/"+role+"/secret-id", `{}`)
		add("", "LIST", "auth/approle/role/"+role+"/secret-id", "")
	}
	add("", "PUT", "sys/policies/acl/panvault-new", `{"policy":"path \"*\" { capabilities = [\"sudo\"] }"}`)
	add("", "POST", "auth/approle/role/new", `{"token_policies":"root"}`)
	add("", "POST", "auth/token/create", `{}`)
	add("", "POST", "auth/token/create-orphan", `{}`)
	everyone := "intake exchange init rotator destroyer auditor"
	add(everyone, "GET", "auth/token/lookup-self", "")
	add(everyone, "POST", "auth/token/renew-self", `{}`)
	return all
}

// TestEveryRoleAndNoMore tries all of it with each role's own token and nothing
// of ours in between: first what the role must not do, then what it must.
func TestEveryRoleAndNoMore(t *testing.T) {
	s := transittest.Start(t)
	root := withToken(t, s, s.RootToken)
	blobs := map[kms.Key]kms.UnwrapItem{}
	for _, key := range kms.Keys() {
		_, blobs[key] = wrapOne(t, root, key)
	}
	tokens := map[string]string{}
	all := rights(blobs)
	for _, role := range transittest.Roles() {
		tokens[role] = s.Login(t, role)
		for _, r := range all {
			if r.allows(role) {
				continue
			}
			if status, got := s.Request(t, tokens[role], r.method, r.path, r.body); status != http.StatusForbidden {
				t.Errorf("%s: %s %s %s: HTTP %d %s, want 403", role, r.method, r.path, r.body, status, got)
			}
		}
	}
	for _, key := range kms.Keys() {
		d, err := root.Describe(t.Context(), key)
		if err != nil || d.Latest != 1 || d.MinEncrypt != 0 || len(d.Unsafe) != 0 {
			t.Errorf("%s after all that was refused: %+v, %v, want it as it was made", key, d, err)
		}
	}
	for _, r := range all {
		for _, role := range transittest.Roles() {
			if !r.allows(role) {
				continue
			}
			if status, got := s.Request(t, tokens[role], r.method, r.path, r.body); status != http.StatusOK && status != http.StatusNoContent {
				t.Errorf("%s: %s %s %s: HTTP %d %s, want 200", role, r.method, r.path, r.body, status, got)
			}
		}
	}
}

// TestRotationOfAllRoles takes a card's key through its life as the people do
// who run it: who rotates cannot retire, who destroys cannot rotate, and neither
// can open a card.
func TestRotationOfAllRoles(t *testing.T) {
	s := transittest.Start(t)
	ctx := t.Context()
	intake, exchange := asRole(t, s, transittest.RoleIntake), asRole(t, s, transittest.RoleExchange)
	rotator, destroyer := asRole(t, s, transittest.RoleRotator), asRole(t, s, transittest.RoleDestroyer)
	auditor := asRole(t, s, transittest.RoleAuditor)
	dek, old := wrapOne(t, intake, kms.CardLive)

	for role, k := range map[string]kms.Rotator{"intake": intake, "exchange": exchange, "destroyer": destroyer, "auditor": auditor} {
		_, err := k.Rotate(ctx, kms.CardLive, 1)
		wantIs(t, "Rotate by "+role, err, kms.ErrDenied)
		_, err = k.Rewrap(ctx, kms.CardLive, []kms.RewrapItem{{Wrapped: old.Wrapped, Context: old.Context}})
		wantIs(t, "Rewrap by "+role, err, kms.ErrDenied)
	}
	if d, err := rotator.Rotate(ctx, kms.CardLive, 1); err != nil || d.Latest != 2 || d.MinEncrypt != 2 {
		t.Fatalf("Rotate by rotator: %+v, %v", d, err)
	}
	res, err := rotator.Rewrap(ctx, kms.CardLive, []kms.RewrapItem{{Wrapped: old.Wrapped, Context: old.Context}})
	if err != nil || res[0].Err != nil || res[0].Version != 2 {
		t.Fatalf("Rewrap by rotator: %+v, %v", res, err)
	}
	moved := kms.UnwrapItem{Wrapped: res[0].Wrapped, Context: old.Context}
	for role, k := range map[string]kms.KMS{"rotator": rotator, "destroyer": destroyer, "auditor": auditor} {
		_, err := k.Unwrap(ctx, kms.CardLive, []kms.UnwrapItem{moved})
		wantIs(t, "Unwrap of a card by "+role, err, kms.ErrDenied)
		_, err = k.Wrap(ctx, kms.CardLive, []kms.WrapItem{{Plaintext: random(32), Context: random(8)}})
		wantIs(t, "Wrap for a card by "+role, err, kms.ErrDenied)
		if d, err := k.Describe(ctx, kms.CardLive); err != nil || d.Latest != 2 || len(d.Unsafe) != 0 {
			t.Errorf("Describe by %s: %+v, %v", role, d, err)
		}
		if err := k.Check(ctx); err != nil {
			t.Errorf("Check by %s: %v", role, err)
		}
	}
	workKey, work := wrapOne(t, rotator, kms.Work)
	wantOpens(t, rotator, kms.Work, work, workKey)

	for role, k := range map[string]kms.Rotator{"exchange": exchange, "rotator": rotator, "auditor": auditor} {
		_, err := k.Retire(ctx, kms.CardLive, 2)
		wantIs(t, "Retire by "+role, err, kms.ErrDenied)
	}
	if d, err := destroyer.Retire(ctx, kms.CardLive, 2); err != nil || d.MinDecrypt != 2 {
		t.Fatalf("Retire by destroyer: %+v, %v", d, err)
	}
	for role, k := range map[string]kms.Rotator{"exchange": exchange, "rotator": rotator, "auditor": auditor} {
		_, err := k.Trim(ctx, kms.CardLive, 2)
		wantIs(t, "Trim by "+role, err, kms.ErrDenied)
	}
	if d, err := destroyer.Trim(ctx, kms.CardLive, 2); err != nil || d.MinAvailable != 2 {
		t.Fatalf("Trim by destroyer: %+v, %v", d, err)
	}
	wantOpens(t, exchange, kms.CardLive, moved, dek)
	gone, err := exchange.Unwrap(ctx, kms.CardLive, []kms.UnwrapItem{old})
	if err != nil {
		t.Fatal(err)
	}
	wantIs(t, "a destroyed version", gone[0].Err, kms.ErrVersionRetired)
}
