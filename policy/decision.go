package policy

import "sync"

// maxDecisions bounds the decisions an Engine remembers: about 300 bytes each.
const maxDecisions = 4096

// question is everything a decision depends on.
type question struct {
	principal Principal
	action    Action
	resource  Resource
}

// decisions remembers the answers of one engine. Its policies never change and
// a question holds all they see, so an answer never goes stale. It is safe for
// concurrent use; the zero value is empty.
type decisions struct {
	mu      sync.RWMutex
	answers map[question]bool
}

// decide returns the remembered answer, or that of evaluate. When the memory is
// full all of it is forgotten, which costs one evaluation each.
func (d *decisions) decide(q question, evaluate func(question) bool) bool {
	d.mu.RLock()
	answer, ok := d.answers[q]
	d.mu.RUnlock()
	if ok {
		return answer
	}
	answer = evaluate(q)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.answers == nil || len(d.answers) >= maxDecisions {
		d.answers = make(map[question]bool)
	}
	d.answers[q] = answer
	return answer
}
