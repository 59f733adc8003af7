package policy

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

var (
	kinds   = []Kind{Public, Secret, Reveal, Operator, "unknown", ""}
	actions = []Action{CreateToken, ReadToken, ManageCustomer, ManageMerchant, ManageAPIKey, ReadOperations, FindCard, ImportCard, ExportCard,
		RevealMasked, RevealNumber, RevealHolder, GrantApproval, "token:reveal", ""}
)

func mustEngine(t testing.TB, text string) *Engine {
	t.Helper()
	e, err := New("test.cedar", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestDefaultPolicies goes through every kind of key and every action, on what
// is the key's own and on what is not. Only what the table names is allowed.
func TestDefaultPolicies(t *testing.T) {
	const own, foreign, installation = "mrch_own", "mrch_foreign", ""
	type grant struct {
		kind     Kind
		action   Action
		merchant string // of the resource
		sameMode bool
	}
	allowed := map[grant]bool{
		{Public, CreateToken, own, true}: true,
		{Public, ReadToken, own, true}:   true,

		{Secret, ManageCustomer, own, true}: true,

		{Reveal, RevealMasked, own, true}: true,
		{Reveal, RevealNumber, own, true}: true,
		{Reveal, RevealHolder, own, true}: true,
	}
	for _, action := range []Action{ManageMerchant, ManageAPIKey, ReadOperations, FindCard, ImportCard, ExportCard, GrantApproval} {
		for _, merchant := range []string{own, foreign, installation} {
			allowed[grant{Operator, action, merchant, true}] = true
			allowed[grant{Operator, action, merchant, false}] = true
		}
	}
	engine, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, kind := range kinds {
		for _, action := range actions {
			for _, merchant := range []string{own, foreign, installation} {
				for _, live := range []bool{false, true} {
					for _, sameMode := range []bool{false, true} {
						p := Principal{Key: "akey_1", Kind: kind, Merchant: own, Live: live}
						if kind == Operator {
							p.Merchant = ""
						}
						r := Resource{Merchant: merchant, Live: live == sameMode}
						want := allowed[grant{kind, action, merchant, sameMode}]
						if got := engine.Allows(p, action, r); got != want {
							t.Errorf("Allows(%+v, %q, %+v) = %v, want %v", p, action, r, got, want)
						}
						if want {
							seen++
						}
					}
				}
			}
		}
	}
	if want := 6*2 + 7*3*4; seen != want {
		t.Errorf("%d combinations are allowed, want %d", seen, want)
	}
}

func TestDefaultPoliciesAreACopy(t *testing.T) {
	clear(DefaultPolicies())
	if _, err := Default(); err != nil || !strings.Contains(string(DefaultPolicies()), "permit") {
		t.Errorf("a caller can change the default policies: %v", err)
	}
}

func TestBadPolicies(t *testing.T) {
	for name, text := range map[string]string{
		"no Cedar":       "everything is allowed",
		"unknown effect": "allow (principal, action, resource);",
		"unfinished":     "permit (principal, action, resource)",
		"after a good":   "permit (principal, action, resource);\npermit (principal, action);",
		"no such action": `forbid (principal, action == Action::"reveal:nubmer", resource);`,
		"one of several": `permit (principal, action in [Action::"reveal:number", Action::"reveal:all"], resource);`,
		"in a condition": `permit (principal, action, resource) when { action == Action::"tokens:read" };`,
		"template":       "permit (principal == ?principal, action, resource);",
	} {
		engine, err := New("/etc/site.cedar", []byte(text))
		if !errors.Is(err, ErrPolicies) || engine != nil {
			t.Errorf("%s: %v, want ErrPolicies", name, err)
			continue
		}
		if !strings.Contains(err.Error(), "/etc/site.cedar") {
			t.Errorf("%s: the error does not name the file: %v", name, err)
		}
	}
}

func TestPolicies(t *testing.T) {
	p := Principal{Key: "akey_1", Kind: Secret, Merchant: "mrch_a", Live: true}
	r := Resource{Merchant: "mrch_a", Live: true}
	for _, tt := range []struct {
		name, text string
		want       bool
	}{
		{"none", "", false},
		{"comment", "// nothing", false},
		{"all", "permit (principal, action, resource);", true},
		{"forbid wins", "permit (principal, action, resource); forbid (principal, action, resource);", false},
		{"this key", `permit (principal == Key::"akey_1", action, resource);`, true},
		{"another key", `permit (principal == Key::"akey_2", action, resource);`, false},
		{"this action", `permit (principal, action == Action::"token:read", resource);`, true},
		{"another action", `permit (principal, action == Action::"token:create", resource);`, false},
		{"this merchant", `permit (principal, action, resource == Vault::"mrch_a");`, true},
		{"another merchant", `permit (principal, action, resource == Vault::"mrch_b");`, false},
		{"kind", `permit (principal, action, resource) when { principal.kind == "secret" };`, true},
		{"mode", `permit (principal, action, resource) unless { resource.live };`, false},
		{"error", `permit (principal, action, resource) when { principal.absent == 1 };`, false},
		{"error of another type", `permit (principal, action, resource) when { principal.kind > 1 };`, false},
		{"error beside a permit", `permit (principal, action, resource);
			permit (principal, action, resource) when { principal.absent == 1 };`, false},
		{"error in a forbid beside a permit", `permit (principal, action, resource);
			forbid (principal, action, resource) when { principal.absent == 1 };`, false},
		{"error of the context", `permit (principal, action, resource) when { context.now == 1 };`, false},
	} {
		engine := mustEngine(t, tt.text)
		for range 2 { // asked and remembered
			if got := engine.Allows(p, ReadToken, r); got != tt.want {
				t.Errorf("%s: Allows = %v, want %v", tt.name, got, tt.want)
			}
		}
	}
}

// Text of the kind an id could be forged with must not reach another entity.
func TestIdsAreNotSyntax(t *testing.T) {
	engine := mustEngine(t, `permit (principal == Key::"akey_1", action, resource);`)
	for _, key := range []string{"", `akey_1"`, `akey_1\u0000`, "akey_1\x00", `Key::"akey_1"`, "AKEY_1", " akey_1"} {
		if engine.Allows(Principal{Key: key}, ReadToken, Resource{Merchant: key}) {
			t.Errorf("key %q passes for another", key)
		}
	}
}

func BenchmarkAllows(b *testing.B) {
	engine, err := Default()
	if err != nil {
		b.Fatal(err)
	}
	p := Principal{Key: "akey_0mf3k2a9x7c1v5b8n4q6w2e0r", Kind: Public, Merchant: "mrch_0mf3k2a9x7c1v5b8n4q6w2e0r"}
	r := Resource{Merchant: p.Merchant}
	b.Run("evaluated", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !engine.evaluate(question{p, CreateToken, r}) {
				b.Fatal("denied")
			}
		}
	})
	b.Run("remembered", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !engine.Allows(p, CreateToken, r) {
				b.Fatal("denied")
			}
		}
	})
	b.Run("new keys", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			p.Key = fmt.Sprintf("akey_%d", i)
			if !engine.Allows(p, CreateToken, r) {
				b.Fatal("denied")
			}
		}
	})
}
