package httpapi

import "github.com/panvault/panvault/vault/internal/inplace"

// value is one request parameter; form values are text. Its bytes alias the
// request's buffer, which is wiped when the request ends: nothing of it is kept.
type value = inplace.Value

// merge returns the union of two objects; where both have a field the first
// wins.
func merge(first, second value) value {
	out := value{Kind: inplace.Object, Fields: first.Fields}
	for _, f := range second.Fields {
		if out.Get(string(f.Name)).Kind == inplace.Absent {
			out.Fields = append(out.Fields, f)
		}
	}
	return out
}
