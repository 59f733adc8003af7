package cardfile

import (
	"bytes"

	"github.com/panvault/panvault/vault/internal/inplace"
)

// sensitiveRecord is sensitiveName for a record. It does not search what a
// merchant noted about his customer: that may well be called pin or track, is
// passed over by takeCustomer, and is in every export of this vault.
func sensitiveRecord(record inplace.Value) string {
	for i := range record.Fields {
		f := &record.Fields[i]
		n := newName(f.Name)
		s := n.sensitive()
		if s == "" && n.is("customer") && f.Value.Kind == inplace.Object {
			s = sensitiveCustomer(f.Value)
		} else if s == "" {
			s = sensitiveName(f.Value)
		}
		if s != "" {
			return s
		}
	}
	return ""
}

func sensitiveCustomer(v inplace.Value) string {
	for i := range v.Fields {
		f := &v.Fields[i]
		n := newName(f.Name)
		s := n.sensitive()
		if s == "" && string(f.Name) != "metadata" {
			s = sensitiveName(f.Value)
		}
		if s != "" {
			return s
		}
	}
	return ""
}

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
