package storetest

import "github.com/panvault/panvault/store"

func (h *harness) addAPIKeys(all ...store.APIKey) {
	h.Helper()
	h.update(func(tx store.Tx) error {
		for i := range all {
			if err := tx.InsertAPIKey(h.ctx, &all[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (h *harness) apiKey(id string) (got store.APIKey) {
	h.Helper()
	h.view(func(r store.Reader) (err error) {
		got, err = r.APIKey(h.ctx, id)
		return err
	})
	return got
}

func apiKeyRoundTrip(h *harness) {
	extreme := apiKey(2)
	extreme.Hash, extreme.Merchant, extreme.Kind, extreme.Live = make([]byte, 32), "", "operator", false
	extreme.Label, extreme.Hint = unicode, "é💳ab"
	extreme.CreatedAt, extreme.RevokedAt, extreme.LastUsed = maxTime, maxTime, maxTime
	least := store.APIKey{ID: "akey_" + id(3), Hash: fill(32, 3), Kind: "public", Tag: random(20)}
	for _, want := range []store.APIKey{apiKey(1), extreme, least} {
		h.addAPIKeys(want)
		h.reopen()
		same(h, "api key by id", h.apiKey(want.ID), want)
		h.view(func(r store.Reader) error {
			got, err := r.APIKeyByHash(h.ctx, want.Hash)
			same(h, "api key by hash", got, want)
			return err
		})
	}
}

func apiKeyList(h *harness) {
	first, second, third, foreign, operator := apiKey(9), apiKey(1), apiKey(2), apiKey(3), apiKey(4)
	first.CreatedAt, second.CreatedAt, third.CreatedAt = 10, 20, 20
	foreign.Merchant, operator.Merchant = merchantID(1), ""
	h.addAPIKeys(third, foreign, operator, second, first)
	for _, test := range []struct {
		merchant string
		want     []store.APIKey
	}{
		{merchantID(0), []store.APIKey{first, second, third}},
		{merchantID(1), []store.APIKey{foreign}},
		{"", []store.APIKey{operator}},
		{merchantID(2), nil},
	} {
		h.view(func(r store.Reader) error {
			got, err := r.APIKeys(h.ctx, test.merchant)
			same(h, "api keys of "+test.merchant, got, test.want)
			return err
		})
	}
}

func apiKeyErrors(h *harness) {
	k := apiKey(1)
	h.miss(func(r store.Reader) error { _, err := r.APIKey(h.ctx, k.ID); return err })
	h.miss(func(r store.Reader) error { _, err := r.APIKeyByHash(h.ctx, k.Hash); return err })
	h.refuse(store.ErrNotFound, func(tx store.Tx) error { return tx.UpdateAPIKey(h.ctx, &k) })
	other := apiKey(2)
	h.addAPIKeys(k, other)

	sameID, sameHash := apiKey(3), apiKey(3)
	sameID.ID, sameHash.Hash = k.ID, k.Hash
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.InsertAPIKey(h.ctx, &sameID) })
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.InsertAPIKey(h.ctx, &sameHash) })
	clash := other
	clash.Hash = k.Hash
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.UpdateAPIKey(h.ctx, &clash) })
	same(h, "api key", h.apiKey(k.ID), k)
	same(h, "api key", h.apiKey(other.ID), other)
}

func apiKeyUpdate(h *harness) {
	kept, k := apiKey(1), apiKey(2)
	k.LastUsed = 60
	h.addAPIKeys(kept, k)
	want := k
	want.Hash, want.Merchant, want.Kind, want.Live = random(32), "", "operator", false
	want.Label, want.Hint, want.CreatedAt, want.RevokedAt, want.Tag = "new", "zzzz", 77, 88, random(20)
	submitted := want
	submitted.LastUsed = 999 // is kept, whatever the caller passes
	h.update(func(tx store.Tx) error { return tx.UpdateAPIKey(h.ctx, &submitted) })
	same(h, "api key", h.apiKey(k.ID), want)
	same(h, "another api key", h.apiKey(kept.ID), kept)
	h.miss(func(r store.Reader) error { _, err := r.APIKeyByHash(h.ctx, k.Hash); return err })
}

func apiKeyTouch(h *harness) {
	k, other := apiKey(1), apiKey(2)
	h.addAPIKeys(k, other)
	for _, step := range []struct{ at, want int64 }{{60, 60}, {30, 60}, {60, 60}, {0, 60}, {120, 120}, {maxTime, maxTime}} {
		h.update(func(tx store.Tx) error { return tx.TouchAPIKey(h.ctx, k.ID, step.at) })
		want := k
		want.LastUsed = step.want
		same(h, "api key", h.apiKey(k.ID), want)
	}
	same(h, "another api key", h.apiKey(other.ID), other)
	h.update(func(tx store.Tx) error { return tx.TouchAPIKey(h.ctx, "akey_"+id(7), 60) })
}
