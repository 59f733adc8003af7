package forward

import (
	"fmt"
	"strings"
)

// mistakes collects what is wrong with a destination.
type mistakes []string

// add notes a mistake of a setting. The text holds no secret.
func (m *mistakes) add(setting, what string) { *m = append(*m, setting+": "+what) }

// err returns an ErrInvalid with all mistakes, nil if there is none.
func (m mistakes) err(name string) error {
	if len(m) == 0 {
		return nil
	}
	if !isName(name) {
		name = "?"
	}
	return fmt.Errorf("%w: %s: %s", ErrInvalid, name, strings.Join(m, "; "))
}
