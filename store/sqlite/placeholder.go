package sqlite

import (
	"strconv"
	"strings"
)

// placeholders turns $1, $2 … into ? where a number is the next in order, and
// into ?N where it comes back. The driver binds a plain ? without looking up
// its name.
func placeholders(query string) string {
	var b strings.Builder
	last := 0
	for {
		before, after, found := strings.Cut(query, "$")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		digits := 0
		for digits < len(after) && after[digits] >= '0' && after[digits] <= '9' {
			digits++
		}
		b.WriteByte('?')
		if n, _ := strconv.Atoi(after[:digits]); n == last+1 {
			last = n
		} else {
			b.WriteString(after[:digits])
		}
		query = after[digits:]
	}
}
