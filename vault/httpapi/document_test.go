package httpapi

import (
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/panvault/panvault/policy"
)

// Every route is in the document, with the tag of its tier and the kind of key
// that it takes, and the document has no other.
func TestEveryRouteIsDocumented(t *testing.T) {
	type operation struct {
		Tags     []string
		Security []map[string][]string
	}
	var doc struct {
		Paths map[string]map[string]yaml.Node
	}
	if err := yaml.Unmarshal(OpenAPI(), &doc); err != nil {
		t.Fatal(err)
	}
	probes := []string{"/healthz", "/readyz", "/metrics"}
	got := make(map[string]operation)
	for path, item := range doc.Paths {
		for name, node := range item {
			if name == "parameters" || name == "servers" {
				continue
			}
			var op operation
			if err := node.Decode(&op); err != nil {
				t.Fatalf("%s %s: %v", name, path, err)
			}
			if !slices.Contains(probes, path) { // of the admin listener itself, and take no key
				got[strings.ToUpper(name)+" "+path] = op
			}
		}
	}
	tags := map[Tier][]string{Public: {"tokens"}, Private: {"account", "customers", "cards", "charges", "forwards", "payments", "reveals"}, Operators: {"admin"}}
	keys := map[Tier]string{Public: "publicKey", Private: "secretKey", Operators: "operatorKey"}
	want := map[string]route{documentPattern: {}}
	for _, rt := range routes() {
		want[rt.pattern] = rt
		if rt.cors {
			_, path, _ := strings.Cut(rt.pattern, " ")
			want["OPTIONS "+path] = route{tier: rt.tier}
		}
	}
	for pattern, rt := range want {
		key := keys[rt.tier]
		if rt.action == policy.RevealMasked {
			key = "revealKey"
		}
		op, ok := got[pattern]
		switch {
		case !ok:
			t.Errorf("%s is not documented", pattern)
		case rt.tier != "" && (len(op.Tags) != 1 || !slices.Contains(tags[rt.tier], op.Tags[0])):
			t.Errorf("%s has the tags %v, want one of %v", pattern, op.Tags, tags[rt.tier])
		case rt.serve == nil && op.Security != nil:
			t.Errorf("%s takes %v, want no key", pattern, op.Security)
		case rt.serve != nil && (len(op.Security) != 1 || op.Security[0][key] == nil):
			t.Errorf("%s takes %v, want %s", pattern, op.Security, key)
		}
	}
	for pattern := range got {
		if _, ok := want[pattern]; !ok {
			t.Errorf("%s is documented and does not exist", pattern)
		}
	}
}
