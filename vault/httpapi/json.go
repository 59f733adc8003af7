package httpapi

import (
	"errors"

	"github.com/panvault/panvault/vault/internal/inplace"
)

// Limits of what is parsed, in both encodings.
const (
	maxDepth  = 8
	maxValues = 1000
)

// parseJSON parses a request body in place: the values alias body, and
// unescaping overwrites it, so that a card number has one copy that the
// buffer's owner can wipe.
func parseJSON(p *inplace.Parser, body []byte) (value, error) {
	v, err := p.Parse(body)
	switch {
	case err == nil:
		return v, nil
	case errors.Is(err, inplace.ErrDuplicate):
		return value{}, errDuplicate
	case errors.Is(err, inplace.ErrTooMany):
		return value{}, errTooMany
	case errors.Is(err, inplace.ErrTooDeep):
		return value{}, errTooDeep
	}
	return value{}, errMalformedJSON
}
