package cardfile

import (
	"bytes"

	"github.com/panvault/panvault/vault/internal/inplace"
)

// sensitiveName returns the first name of what nobody may keep, at any depth; ""
// if there is none.
func sensitiveName(v inplace.Value) string {
	for i := range v.Fields {
		n := newName(v.Fields[i].Name)
		if s := n.sensitive(); s != "" {
			return s
		}
		if s := sensitiveName(v.Fields[i].Value); s != "" {
			return s
		}
	}
	for i := range v.Items {
		if s := sensitiveName(v.Items[i]); s != "" {
			return s
		}
	}
	return ""
}

// sensitiveKey is sensitiveName for a line that is no JSON: it looks for whatever
// stands in quotes before a colon.
func sensitiveKey(line []byte) string {
	for {
		colon := bytes.IndexByte(line, ':')
		if colon < 0 {
			return ""
		}
		before := bytes.TrimRight(line[:colon], " \t")
		line = line[colon+1:]
		key, quoted := bytes.CutSuffix(before, []byte(`"`))
		if !quoted {
			continue
		}
		n := newName(key[bytes.LastIndexByte(key, '"')+1:])
		if s := n.sensitive(); s != "" {
			return s
		}
	}
}
