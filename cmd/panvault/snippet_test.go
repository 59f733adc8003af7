package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/panvault/panvault/cmd/panvault/clienttest"
)

// snippets are the README's code blocks of a language, those that match.
func snippets(t *testing.T, language, pattern string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(moduleRoot(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		if regexp.MustCompile(pattern).MatchString(m[1]) {
			found = append(found, m[1])
		}
	}
	return found
}

// fill puts this server's address and keys into a snippet, and what else is
// given, as pairs.
func (s *server) fill(snippet string, more ...string) string {
	port := s.URL[strings.LastIndex(s.URL, ":")+1:]
	return strings.NewReplacer(append(more, "8440", port, "pkey_test_…", s.PublicKey, "skey_test_…", s.SecretKey)...).Replace(snippet)
}

// TestCurlSnippets runs the README's curl commands as they stand: a token, then
// a customer with its card, a forward and a charge of it.
func TestCurlSnippets(t *testing.T) {
	t.Parallel()
	clienttest.Program(t, "curl")
	commands := snippets(t, "sh", `^curl `)
	if len(commands) != 4 {
		t.Fatalf("the README has %d curl commands, want 4", len(commands))
	}
	s := startDev(t, ":temp:")
	run := func(command string) reply {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), "sh", "-c", command).Output()
		if err != nil {
			t.Fatalf("%s\n%v", command, err)
		}
		return reply{body: string(out)}
	}
	token := run(s.fill(commands[0]))
	wantShape(t, token.id(), `^tokn_test_[0-9a-z]{24}$`)
	var customer struct {
		ID, Object, Email string
		DefaultCard       string `json:"default_card"`
	}
	run(s.fill(commands[1], "tokn_test_…", token.id())).decode(t, &customer)
	if customer.Object != "customer" || customer.Email != "somchai@example.com" || customer.DefaultCard != strings.Replace(token.id(), "tokn", "card", 1) {
		t.Errorf("customer %+v of token %s", customer, token.id())
	}
	var forward struct {
		Object, State string
		Body          struct{ Status string }
	}
	run(s.fill(commands[2], "card_test_…", customer.DefaultCard)).decode(t, &forward)
	if forward.Object != "forward" || forward.State != "answered" || forward.Body.Status != "approved" {
		t.Errorf("forward %+v", forward)
	}
	var charge struct{ Object, Status, Customer string }
	run(s.fill(commands[3], "cust_test_…", customer.ID)).decode(t, &charge)
	if charge.Object != "charge" || charge.Status != "successful" || charge.Customer != customer.ID {
		t.Errorf("charge %+v", charge)
	}
	s.Stop()
}

// testNodeSnippet runs the README's JavaScript as it stands: it prints the card that the customer then has.
func testNodeSnippet(t *testing.T, dir string) {
	scripts := snippets(t, "js", `require\('omise'\)`)
	if len(scripts) != 1 || strings.Count(scripts[0], "\n") >= 20 {
		t.Fatalf("the README has %d scripts for node, want one of less than 20 lines: %q", len(scripts), scripts)
	}
	s := startDev(t, ":temp:")
	saveFile(t, filepath.Join(dir, "readme.js"), s.fill(scripts[0]))
	out, err := s.nodeCommand(dir, "readme.js").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var customers struct {
		Data []struct {
			Email       string
			DefaultCard string `json:"default_card"`
		}
	}
	must(t, http.MethodGet, s.URL+"/customers", s.SecretKey, nil).decode(t, &customers)
	wantShape(t, strings.TrimSpace(string(out)), `^card_test_[0-9a-z]{24}$`)
	if len(customers.Data) != 1 || customers.Data[0].DefaultCard != strings.TrimSpace(string(out)) || customers.Data[0].Email != "somchai@example.com" {
		t.Errorf("the snippet printed %q, and the customers are %+v", out, customers.Data)
	}
	s.Stop()
}
