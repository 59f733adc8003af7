package main

import (
	"net/http"
	"testing"
)

// TestCommandsBesideAServer: what the command line changes holds for the next
// request to a server that runs on the same store.
func TestCommandsBesideAServer(t *testing.T) {
	t.Parallel()
	in := install(t)
	s := in.serve(in.config)
	status := func(key string) int {
		return must(t, http.MethodPost, s.URL+"/tokens", key, drawCard().form()).status
	}
	id, key := in.newKey("public")
	_, other := in.newKey("public")
	for _, step := range []struct {
		name       string
		args       []string // a command that ends well; none at the start
		key, other int      // statuses after it
	}{
		{"new keys", nil, 200, 200},
		{"revoke", []string{"apikey", "revoke", id}, 401, 200},
		{"revoke again", []string{"apikey", "revoke", id}, 401, 200},
		{"disable the merchant", []string{"merchant", "disable", in.merchant}, 401, 401},
		{"enable it", []string{"merchant", "enable", in.merchant}, 401, 200},
	} {
		if step.args != nil {
			command(t, 0, append(step.args, "--config", in.config)...)
		}
		if got := status(key); got != step.key {
			t.Errorf("%s: the key gets %d, want %d", step.name, got, step.key)
		}
		if got := status(other); got != step.other {
			t.Errorf("%s: the other key gets %d, want %d", step.name, got, step.other)
		}
	}
	_, secret := in.newKey("secret")
	if got := status(secret); got != http.StatusUnauthorized {
		t.Errorf("a secret key makes a token: %d, want 401", got)
	}
	s.Stop()
}
