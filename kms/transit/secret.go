package transit

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// secret is a token or a secret_id. It cannot be printed: not by itself, and,
// because the value is behind a pointer, not as a field of something printed.
type secret struct{ v *string }

func newSecret(v string) secret { return secret{&v} }

// reveal returns the value, for the one header or body that needs it.
func (s secret) reveal() string {
	if s.v == nil {
		return ""
	}
	return *s.v
}

func (s secret) empty() bool { return s.reveal() == "" }

func (s secret) equal(o secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.reveal()), []byte(o.reveal())) == 1
}

// The printing methods, so that no verb, logger or encoder shows the value.
func (secret) String() string               { return redacted }
func (secret) GoString() string             { return redacted }
func (secret) Format(f fmt.State, _ rune)   { _, _ = io.WriteString(f, redacted) }
func (secret) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
func (secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
