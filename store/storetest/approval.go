package storetest

import (
	"strings"

	"github.com/panvault/panvault/store"
)

func (h *harness) addApprovals(all ...store.Approval) {
	h.Helper()
	h.update(func(tx store.Tx) error {
		for i := range all {
			if err := tx.InsertApproval(h.ctx, &all[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (h *harness) approval(id string) (got store.Approval) {
	h.Helper()
	h.view(func(r store.Reader) (err error) {
		got, err = r.Approval(h.ctx, id)
		return err
	})
	return got
}

func (h *harness) approvals(limit int) (got []store.Approval) {
	h.Helper()
	h.view(func(r store.Reader) (err error) {
		got, err = r.Approvals(h.ctx, limit)
		return err
	})
	return got
}

func approvalRoundTrip(h *harness) {
	full := granted(1)
	full.UsedAt = 8
	extreme := granted(2)
	extreme.Action, extreme.Subject, extreme.Reason = strings.Repeat("é", 64), random(4096), strings.Repeat("é", 255)
	extreme.RequestedAt, extreme.GrantedAt, extreme.ExpiresAt, extreme.UsedAt = maxTime, maxTime, maxTime, maxTime
	odd := granted(3)
	odd.Action, odd.Reason = unicode, unicode
	least := store.Approval{ID: "appr_" + id(4), Action: "x", Subject: []byte{0}, Reason: "y",
		RequestedBy: "akey_" + id(1), Tag: make([]byte, 20)}
	for _, want := range []store.Approval{full, extreme, odd, least, approval(5)} {
		h.addApprovals(want)
		h.reopen()
		same(h, "approval", h.approval(want.ID), want)
	}
}

func approvalList(h *harness) {
	if got := h.approvals(10); len(got) != 0 {
		h.Errorf("approvals of an empty store: got %d rows", len(got))
	}
	all := []store.Approval{granted(5), approval(4), granted(3), approval(2), approval(1)}
	h.addApprovals(all[2], all[4], all[0], all[3], all[1])
	for _, test := range []struct{ limit, want int }{{0, 0}, {1, 1}, {4, 4}, {5, 5}, {6, 5}, {1000, 5}} {
		got := h.approvals(test.limit)
		if len(got) != test.want {
			h.Errorf("limit %d: got %d rows, want %d", test.limit, len(got), test.want)
		}
		for i := range got {
			same(h, "approvals, newest first", got[i], all[i])
		}
	}
}

func approvalErrors(h *harness) {
	a := approval(1)
	h.miss(func(r store.Reader) error { _, err := r.Approval(h.ctx, a.ID); return err })
	h.addApprovals(a)
	other := granted(2)
	other.ID = a.ID
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.InsertApproval(h.ctx, &other) })
	same(h, "approvals", h.approvals(10), []store.Approval{a})
}

func approvalUpdate(h *harness) {
	kept, was := approval(1), approval(2)
	h.addApprovals(kept, was)
	changed := was
	changed.GrantedBy, changed.GrantedAt, changed.ExpiresAt, changed.UsedAt = "akey_"+id(3), 30, 40, 50
	changed.Tag = random(20)

	for _, tag := range [][]byte{kept.Tag, changed.Tag, random(20), nil} {
		h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.UpdateApproval(h.ctx, &changed, tag) })
	}
	absent := changed
	absent.ID = "appr_" + id(98)
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.UpdateApproval(h.ctx, &absent, was.Tag) })
	same(h, "approval before", h.approval(was.ID), was)

	submitted := changed // what was asked for is kept, whatever the caller passes
	submitted.Action, submitted.Subject, submitted.Reason = "other", random(5), "other"
	submitted.RequestedBy, submitted.RequestedAt = "akey_"+id(3), 999
	h.update(func(tx store.Tx) error { return tx.UpdateApproval(h.ctx, &submitted, was.Tag) })
	same(h, "approvals after", h.approvals(10), []store.Approval{changed, kept})
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.UpdateApproval(h.ctx, &was, was.Tag) })
}

// approvalRace: an approval is used once, by whoever comes first.
func approvalRace(h *harness) {
	for round := range 10 {
		was := granted(round)
		h.addApprovals(was)
		var next [4]store.Approval
		for i := range next {
			next[i] = was
			next[i].UsedAt, next[i].Tag = int64(i+1), random(20)
		}
		winner := h.race("use", len(next), func(tx store.Tx, i int) error { return tx.UpdateApproval(h.ctx, &next[i], was.Tag) })
		same(h, "approval", h.approval(was.ID), next[winner])
	}
}

func approvalRules(h *harness) {
	good := granted(1)
	rules(h, "approval", &good,
		func(tx store.Tx, a *store.Approval) error { return tx.InsertApproval(h.ctx, a) },
		[]broken[store.Approval]{
			{"a grant by nobody", func(a *store.Approval) { a.GrantedBy = "" }},
			{"a grant at no time", func(a *store.Approval) { a.GrantedAt = 0 }},
			{"a grant before 1970", func(a *store.Approval) { a.GrantedAt = -markerNumber }},
			{"a short operator", func(a *store.Approval) { a.GrantedBy = marker }},
			{"no applicant", func(a *store.Approval) { a.RequestedBy = "" }},
			{"a short applicant", func(a *store.Approval) { a.RequestedBy = marker }},
			{"no subject", func(a *store.Approval) { a.Subject = nil }},
			{"an empty subject", func(a *store.Approval) { a.Subject = []byte{} }},
			{"a long subject", func(a *store.Approval) { a.Subject = marked(4097) }},
			{"no action", func(a *store.Approval) { a.Action = "" }},
			{"a long action", func(a *store.Approval) { a.Action = string(marked(65)) }},
			{"no reason", func(a *store.Approval) { a.Reason = "" }},
			{"a long reason", func(a *store.Approval) { a.Reason = string(marked(256)) }},
			{"a short id", func(a *store.Approval) { a.ID = marker }},
			{"a short tag", func(a *store.Approval) { a.Tag = marked(19) }},
			{"a request before 1970", func(a *store.Approval) { a.RequestedAt = -markerNumber }},
			{"an end before 1970", func(a *store.Approval) { a.ExpiresAt = -markerNumber }},
			{"a use before 1970", func(a *store.Approval) { a.UsedAt = -markerNumber }},
		})
	for _, b := range []broken[store.Approval]{
		{"to a grant by nobody", func(a *store.Approval) { a.GrantedBy = "" }},
		{"to a grant at no time", func(a *store.Approval) { a.GrantedAt = 0 }},
	} {
		bad := good
		b.make(&bad)
		h.rejected("an update "+b.rule, h.Update(h.ctx, func(tx store.Tx) error {
			return tx.UpdateApproval(h.ctx, &bad, good.Tag)
		}))
	}
	same(h, "approvals", h.approvals(10), []store.Approval{good})
}
