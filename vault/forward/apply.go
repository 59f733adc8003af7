package forward

import (
	"bytes"
	"cmp"
	"slices"
)

// apply makes the text with all replacements.
func (f *finder) apply() []byte {
	if len(f.edits) == 0 {
		return bytes.Clone(f.text)
	}
	edits := merge(f.clip())
	quoted := f.quotes(edits)
	out := make([]byte, 0, len(f.text)+64)
	at := 0
	upTo := func(end int) {
		for at < end {
			next := end
			if len(quoted) > 0 && quoted[0] < end {
				next = max(quoted[0], at)
			}
			out = append(out, f.text[at:next]...)
			at = next
			for len(quoted) > 0 && quoted[0] <= at && at < end {
				out = append(out, '"')
				quoted = quoted[1:]
			}
		}
	}
	for _, e := range edits {
		upTo(e.from)
		for len(quoted) > 0 && quoted[0] <= e.from {
			out = append(out, '"')
			quoted = quoted[1:]
		}
		out = append(out, e.with...)
		at = e.to
	}
	upTo(len(f.text))
	for range quoted {
		out = append(out, '"')
	}
	return out
}

// quotes are the bounds of the JSON numbers that become strings, in order.
func (f *finder) quotes(edits []edit) []int {
	var at []int
	for _, l := range f.leaves {
		if !l.number {
			continue
		}
		i, _ := slices.BinarySearchFunc(edits, l.from, func(e edit, from int) int { return cmp.Compare(e.to, from+1) })
		if i < len(edits) && edits[i].from < l.to && !edits[i].drop {
			at = append(at, l.from, l.to)
		}
	}
	return at
}

// clip cuts replacements at the bounds of leaves.
func (f *finder) clip() []edit {
	var out []edit
	for _, e := range f.edits {
		if _, ok := f.leafAt(e.from, e.to); ok || e.drop {
			out = append(out, e)
			continue
		}
		i, _ := slices.BinarySearchFunc(f.leaves, e.from, func(l leaf, at int) int { return cmp.Compare(l.to, at+1) })
		for ; i < len(f.leaves) && f.leaves[i].from < e.to; i++ {
			from, to := max(e.from, f.leaves[i].from), min(e.to, f.leaves[i].to)
			if from < to {
				out = append(out, edit{from: from, to: to, with: stars[:4]})
			}
		}
	}
	return out
}

// merge makes replacements disjoint: the wider one counts, and what overlaps in
// part becomes asterisks together.
func merge(edits []edit) []edit {
	slices.SortStableFunc(edits, func(a, b edit) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to))
	})
	var out []edit
	for _, e := range edits {
		last := len(out) - 1
		if last < 0 || e.from >= out[last].to {
			out = append(out, e)
			continue
		}
		if e.to > out[last].to {
			drop := e.drop || out[last].drop
			out[last] = edit{out[last].from, e.to, stars, drop}
			if drop {
				out[last].with = ""
			}
		}
	}
	return out
}
