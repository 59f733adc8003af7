package storetest

import (
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/panvault/panvault/store"
)

// marker fills every text and blob of the rows below, and markerNumber every
// number; no error may show either, in any usual spelling.
const (
	marker       = "4242424242424242"
	markerNumber = 4242424242
)

func errorsQuoteNothing(h *harness) {
	blob := marked
	m := store.Merchant{ID: "mrch_" + string(blob(24)), Name: marker, CreatedAt: markerNumber, PaymentMID: marker, Tag: blob(20)}
	c := Card(0)
	c.ID, c.Merchant, c.Brand, c.ChargeStatus, c.LastDigits = string(blob(24)), m.ID, marker, marker, "4242"
	c.CreatedAt, c.KEKVersion, c.Fingerprint, c.Tag = markerNumber, 0, blob(32), blob(20)
	c.WrappedDEK, c.SealedPAN, c.SealedProfile, c.FingerprintID = blob(64), blob(64), blob(64), c.ID
	c.PaymentMethod = string(blob(36))
	f := store.Fingerprint{MAC: blob(32), KeyVersion: 1, Merchant: m.ID, Surrogate: blob(32), CreatedAt: markerNumber,
		ID: c.ID, Cards: markerNumber, Tag: blob(20)}
	k := store.APIKey{ID: "akey_" + string(blob(24)), Hash: blob(32), Merchant: m.ID, Kind: marker, Label: marker,
		Hint: "4242", CreatedAt: markerNumber, Tag: blob(20)}
	w := store.WorkingKey{Purpose: marker, Mode: "live", Version: 1, State: marker, Wrapped: blob(64), CreatedAt: markerNumber, Tag: blob(20)}
	e := store.Event{ID: "evnt_" + string(blob(24)), At: markerNumber, Type: marker, Body: blob(64), Leaf: blob(32)}
	i := store.Idempotency{ID: blob(32), Request: blob(32), Merchant: m.ID, CreatedAt: markerNumber, ExpiresAt: markerNumber,
		Status: 424, Answer: blob(64), Tag: blob(20)}
	p := store.Import{Source: blob(32), ID: "impt_" + c.ID, Merchant: m.ID, CreatedAt: markerNumber, Records: markerNumber,
		Prefix: blob(32), MapSize: markerNumber, Tag: blob(20)}
	a := store.Approval{ID: "appr_" + c.ID, Action: marker, Subject: blob(64), Reason: marker, RequestedBy: k.ID,
		RequestedAt: markerNumber, GrantedBy: k.ID, GrantedAt: markerNumber, ExpiresAt: markerNumber, Tag: blob(20)}
	o := store.Forward{ID: c.ID, Merchant: m.ID, Use: marker, Destination: marker, Card: c.ID, Charge: c.ID, Request: blob(32),
		State: store.ForwardAnswered, Reason: marker, Status: 424, Masked: markerNumber, CreatedAt: markerNumber, Tag: blob(20)}
	g := store.Charge{ID: c.ID, Merchant: m.ID, Card: c.ID, Customer: c.ID, Brand: marker, LastDigits: "4242", Amount: markerNumber,
		Currency: "424", State: store.ChargeFailed, FailureCode: marker, Reference: marker, Attempt: c.ID, Sealed: blob(64),
		CreatedAt: markerNumber, Tag: blob(20)}
	v := store.KeyVersion{Key: marker, Version: markerNumber, State: store.KeyActive, BornAt: markerNumber, ChangedBy: marker,
		Reason: marker, Canary: blob(64), Tag: blob(20)}
	j := store.KeyJob{ID: "job_" + c.ID, Verb: marker, Key: marker, Target: markerNumber, Cursor: marker, Moved: markerNumber,
		StartedAt: markerNumber, StartedBy: marker, Tag: blob(20)}

	inserts := map[string]func(store.Tx) error{
		"merchant":    func(tx store.Tx) error { return tx.InsertMerchant(h.ctx, &m) },
		"card":        func(tx store.Tx) error { return tx.InsertCard(h.ctx, &c) },
		"fingerprint": func(tx store.Tx) error { return tx.InsertFingerprint(h.ctx, &f) },
		"api key":     func(tx store.Tx) error { return tx.InsertAPIKey(h.ctx, &k) },
		"working key": func(tx store.Tx) error { return tx.InsertWorkingKey(h.ctx, &w) },
		"event":       func(tx store.Tx) error { return tx.AppendEvent(h.ctx, &e) },
		"idempotency": func(tx store.Tx) error { return tx.InsertIdempotency(h.ctx, &i) },
		"import":      func(tx store.Tx) error { return tx.InsertImport(h.ctx, &p) },
		"approval":    func(tx store.Tx) error { return tx.InsertApproval(h.ctx, &a) },
		"forward":     func(tx store.Tx) error { return tx.InsertForward(h.ctx, &o) },
		"charge":      func(tx store.Tx) error { return tx.InsertCharge(h.ctx, &g) },
		"key version": func(tx store.Tx) error { return tx.InsertKeyVersion(h.ctx, &v) },
		"job":         func(tx store.Tx) error { return tx.InsertKeyJob(h.ctx, &j) },
	}
	h.mute("card without its merchant", h.Update(h.ctx, inserts["card"]))
	h.update(inserts["merchant"])
	for name, insert := range inserts {
		if name != "merchant" {
			h.update(insert)
		}
		h.mute(name+" twice", h.Update(h.ctx, insert))
	}

	for name, update := range map[string]func(store.Tx) error{
		"card":        func(tx store.Tx) error { return tx.UpdateCard(h.ctx, &c, blob(19)) },
		"fingerprint": func(tx store.Tx) error { return tx.UpdateFingerprint(h.ctx, &f, blob(32), blob(19)) },
		"idempotency": func(tx store.Tx) error { return tx.UpdateIdempotency(h.ctx, &i, blob(19)) },
		"import":      func(tx store.Tx) error { return tx.UpdateImport(h.ctx, &p, blob(19)) },
		"approval":    func(tx store.Tx) error { return tx.UpdateApproval(h.ctx, &a, blob(19)) },
		"forward":     func(tx store.Tx) error { return tx.UpdateForward(h.ctx, &o, blob(19)) },
		"charge":      func(tx store.Tx) error { return tx.UpdateCharge(h.ctx, &g, blob(19)) },
		"card's keys": func(tx store.Tx) error { return tx.UpdateCardKeys(h.ctx, &c, blob(19)) },
		"working key": func(tx store.Tx) error { return tx.UpdateWorkingKey(h.ctx, &w, blob(19)) },
		"key version": func(tx store.Tx) error { return tx.UpdateKeyVersion(h.ctx, &v, blob(19)) },
		"job":         func(tx store.Tx) error { return tx.UpdateKeyJob(h.ctx, &j, blob(19)) },
		"deletion":    func(tx store.Tx) error { return tx.DeleteFingerprint(h.ctx, blob(32), blob(19)) },
	} {
		h.mute(name+" that somebody changed", h.Update(h.ctx, update))
	}

	// Rows that break the rules of the seam.
	m.Tag, c.Tag, f.Tag, k.Tag = blob(17), blob(17), blob(17), blob(17)
	i.Tag, p.Tag, a.Tag, o.Tag, g.Tag = blob(17), blob(17), blob(17), blob(17), blob(17)
	v.Tag, j.Tag = blob(17), blob(17)
	w.Mode, e.Leaf = marker, blob(33)
	for name, insert := range inserts {
		h.mute(name+" that breaks a rule", h.Update(h.ctx, insert))
	}
	unknown := "mrch_" + strings.Repeat("42", 11) + "zz"
	h.mute("a merchant that is not there", h.View(h.ctx, func(r store.Reader) error {
		_, err := r.Merchant(h.ctx, unknown)
		return err
	}))
	h.mute("a limit", h.View(h.ctx, func(r store.Reader) error {
		_, err := r.Events(h.ctx, marker, markerNumber)
		return err
	}))
}

// mute fails if err is nil or shows a marker.
func (h *harness) mute(what string, err error) {
	h.Helper()
	if err == nil {
		h.Errorf("%s: got no error", what)
		return
	}
	text := strings.ToLower(err.Error())
	for _, spelling := range []string{
		"42424242", hex.EncodeToString([]byte("424242")), "52 50 52 50", "[52, 50",
		strings.ToLower(base64.StdEncoding.EncodeToString([]byte("424242"))), strings.Repeat("42", 11),
	} {
		if strings.Contains(text, spelling) {
			h.Errorf("%s: the error quotes a value (spelled as %.8s…)", what, spelling)
		}
	}
}
