package sqlstore

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestText holds every statement to what the package promises.
func TestText(t *testing.T) {
	var all []string
	Compile(Dialect{Rewrite: func(query string) string {
		all = append(all, query)
		return query
	}})
	if len(all) != 103 {
		t.Errorf("got %d statements, want 103: correct this number when a role changes", len(all))
	}
	placeholder := regexp.MustCompile(`\$(\d+)`)
	// What is no value: a count of rows, and the conditions of partial indexes,
	// which a backend only recognises as they are written.
	harmless := strings.NewReplacer("count(*)", "count", "customer <> ''", "customer", "customer = ''", "customer", "card <> ''", "card", "payment_method <> ''", "payment_method", "id <> ''", "id",
		"fingerprint_id <> ''", "fingerprint_id")
	for _, query := range all {
		if strings.ContainsAny(harmless.Replace(query), "*?'\"`;") {
			t.Errorf("a star, a literal or a foreign placeholder: %s", query)
		}
		if regexp.MustCompile(`(?i)\b(for update|begin|commit|pragma|or replace)\b`).MatchString(query) {
			t.Errorf("not portable, or not the text's business: %s", query)
		}
		last := 0
		for _, m := range placeholder.FindAllStringSubmatch(query, -1) {
			n, err := strconv.Atoi(m[1])
			if err != nil || n > last+1 {
				t.Errorf("placeholders are not in the order of first use: %s", query)
			}
			last = max(last, n)
		}
	}
}

func TestCompileWithoutRewrite(t *testing.T) {
	if got := Compile(Dialect{}).events.page; !strings.Contains(got, "$2") {
		t.Errorf("got %s, want the text as it is", got)
	}
}
