package transit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// TestSecretIsNotPrinted prints a secret, and what holds one, in every way.
func TestSecretIsNotPrinted(t *testing.T) {
	const value = "hvs.thisMustNotShow"
	l := lease{token: newSecret(value), ttl: time.Hour}
	s := newSession(&appRole{unwrapped: newSecret(value)}, nil)
	s.current.Store(&l)
	things := []any{l.token, &l.token, l, &l, []secret{l.token}, map[string]secret{"a": l.token}, *s.current.Load(), s, s.auth}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%t", "%#q"} {
		for _, thing := range things {
			fmt.Fprintf(&out, verb+"\n", thing)
		}
	}
	for _, thing := range things[:6] {
		text, _ := json.Marshal(thing)
		out.Write(text)
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "thing", thing)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "thing", thing)
	}
	for _, form := range []string{value, "thisMustNotShow", fmt.Sprintf("%x", value), fmt.Sprintf("%X", value)} {
		if strings.Contains(out.String(), form) {
			t.Errorf("a secret was printed:\n%s", out.String())
			break
		}
	}
	if !l.token.equal(newSecret(value)) || l.token.equal(secret{}) || !(secret{}).empty() || l.token.reveal() != value {
		t.Error("equal, empty or reveal is wrong")
	}
}
