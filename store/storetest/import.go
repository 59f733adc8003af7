package storetest

import "github.com/panvault/panvault/store"

func (h *harness) addImports(all ...store.Import) {
	h.Helper()
	h.update(func(tx store.Tx) error {
		for i := range all {
			if err := tx.InsertImport(h.ctx, &all[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (h *harness) importOf(source []byte) (got store.Import) {
	h.Helper()
	h.view(func(r store.Reader) (err error) {
		got, err = r.Import(h.ctx, source)
		return err
	})
	return got
}

func importRoundTrip(h *harness) {
	h.addMerchants(Merchant(0), Merchant(1))
	full := importOf(1)
	full.FinishedAt, full.Records, full.Cards, full.ReadTo, full.MapSize, full.RejectSize = 2, 3, 4, 5, 6, 7
	extreme := importOf(2)
	extreme.Source, extreme.Prefix, extreme.Tag = make([]byte, 32), make([]byte, 32), make([]byte, 20)
	extreme.Merchant, extreme.Live = merchantID(1), false
	extreme.CreatedAt, extreme.FinishedAt, extreme.Records, extreme.Cards = maxTime, maxTime, maxTime, maxTime
	extreme.ReadTo, extreme.MapSize, extreme.RejectSize = maxTime, maxTime, maxTime
	for _, want := range []store.Import{full, extreme, importOf(3)} {
		h.addImports(want)
		h.reopen()
		same(h, "import", h.importOf(want.Source), want)
	}
}

func importErrors(h *harness) {
	h.addMerchants(Merchant(0))
	i := importOf(1)
	h.miss(func(r store.Reader) error { _, err := r.Import(h.ctx, i.Source); return err })
	h.addImports(i)
	other := importOf(2)
	other.Source = i.Source
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.InsertImport(h.ctx, &other) })
	same(h, "import", h.importOf(i.Source), i)
}

func importUpdate(h *harness) {
	h.addMerchants(Merchant(0), Merchant(1))
	kept, was := importOf(1), importOf(2)
	h.addImports(kept, was)
	changed := was
	changed.FinishedAt, changed.Records, changed.Cards, changed.ReadTo = 10, 20, 30, 40
	changed.Prefix, changed.MapSize, changed.RejectSize, changed.Tag = random(32), 50, 60, random(20)

	for _, tag := range [][]byte{kept.Tag, changed.Tag, random(20), nil} {
		h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.UpdateImport(h.ctx, &changed, tag) })
	}
	absent := changed
	absent.Source = fill(32, 98)
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.UpdateImport(h.ctx, &absent, was.Tag) })
	same(h, "import before", h.importOf(was.Source), was)

	submitted := changed // what never changes is kept, whatever the caller passes
	submitted.ID, submitted.Merchant, submitted.Live, submitted.CreatedAt = "impt_"+id(77), merchantID(1), false, 999
	h.update(func(tx store.Tx) error { return tx.UpdateImport(h.ctx, &submitted, was.Tag) })
	same(h, "import after", h.importOf(was.Source), changed)
	same(h, "another import", h.importOf(kept.Source), kept)
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.UpdateImport(h.ctx, &was, was.Tag) })
}

// importRace: of those who go on with one import, one does.
func importRace(h *harness) {
	h.addMerchants(Merchant(0))
	was := importOf(1)
	h.addImports(was)
	for round := range 10 {
		var next [4]store.Import
		for i := range next {
			next[i] = was
			next[i].Records, next[i].MapSize, next[i].Tag = int64(round+1), int64(i), random(20)
		}
		winner := h.race("update", len(next), func(tx store.Tx, i int) error { return tx.UpdateImport(h.ctx, &next[i], was.Tag) })
		was = next[winner]
		same(h, "import", h.importOf(was.Source), was)
	}
}

func importRules(h *harness) {
	h.addMerchants(Merchant(0))
	good := importOf(1)
	rules(h, "import", &good,
		func(tx store.Tx, i *store.Import) error { return tx.InsertImport(h.ctx, i) },
		[]broken[store.Import]{
			{"a merchant that does not exist", func(i *store.Import) { i.Merchant = "mrch_" + string(marked(24)) }},
			{"a short source", func(i *store.Import) { i.Source = marked(31) }},
			{"no source", func(i *store.Import) { i.Source = nil }},
			{"a long prefix", func(i *store.Import) { i.Prefix = marked(33) }},
			{"no prefix", func(i *store.Import) { i.Prefix = nil }},
			{"a short id", func(i *store.Import) { i.ID = marker }},
			{"a short tag", func(i *store.Import) { i.Tag = marked(19) }},
			{"a time before 1970", func(i *store.Import) { i.CreatedAt = -markerNumber }},
			{"an end before 1970", func(i *store.Import) { i.FinishedAt = -markerNumber }},
			{"fewer than no records", func(i *store.Import) { i.Records = -markerNumber }},
			{"fewer than no cards", func(i *store.Import) { i.Cards = -markerNumber }},
			{"a negative offset", func(i *store.Import) { i.ReadTo = -markerNumber }},
			{"a negative map", func(i *store.Import) { i.MapSize = -markerNumber }},
			{"a negative reject file", func(i *store.Import) { i.RejectSize = -markerNumber }},
		})
	same(h, "import", h.importOf(good.Source), good)
}
