package vault

import (
	"context"
	"encoding/binary"
	"errors"
	"hash"
	"strconv"
	"time"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/envelope"
)

// ImportSource says what is imported and into what.
type ImportSource struct {
	Merchant string // mrch_ id
	Live     bool
	Name     string // tells files apart that begin alike; usually ""
	Head     []byte // how the file begins: up to and including its first record

	AllowExpired bool // take cards whose last month is over
}

// ImportMark is how far an import has come. It is committed together with the
// cards before it, so that an import that was killed goes on without a gap or a
// duplicate.
type ImportMark struct {
	Records    int64 // read
	Cards      int64 // of them imported
	ReadTo     int64 // bytes of the file
	MapSize    int64 // bytes of the reference map that are valid
	RejectSize int64 // bytes of the reject file that are valid
}

// Importer imports one file. One goroutine may call Seal, Read and Prefix, and
// another Commit, Mark and Finish.
type Importer struct {
	s      *Service
	caller Caller // the operator, acting on the merchant
	source ImportSource
	read   hash.Hash // of what was read of the file
	key    uint32    // version of the idempotency key that the import uses
	id     string
	began  time.Time // shared by the ids of its customers

	row store.Import // as committed

	Resumed  bool // the import was begun before
	Finished bool // the file's end was reached before
}

const importPrefix = "impt_"

// StartImport begins the import of a file, or finds the one that was begun and
// where it stopped: Mark. The cards need data keys, so the process must be
// opened for intake. Errors: Unauthenticated, NotFound (merchant), Conflict (disabled), BadRequest,
// Unavailable, Internal (tampered).
func (s *Service) StartImport(ctx context.Context, c Caller, source ImportSource) (*Importer, error) {
	if err := s.authorize(c, policy.ImportCard, policy.Resource{Merchant: source.Merchant, Live: source.Live}); err != nil {
		return nil, err
	}
	if len(source.Head) == 0 {
		return nil, badRequest("the file holds no record")
	}
	merchant, err := s.Merchant(ctx, c, source.Merchant)
	if err != nil {
		return nil, err
	}
	if !merchant.DisabledAt.IsZero() {
		return nil, &Error{Code: Conflict, Message: "the merchant is disabled"}
	}
	c.Merchant, c.Live = source.Merchant, source.Live
	im := &Importer{s: s, caller: c, source: source}
	suffix, err := store.NewID(s.now(), s.random)
	if err != nil {
		return nil, s.fail(err)
	}
	versions := s.keyring.Versions(envelope.PurposeIdempotency, c.Mode())
	if len(versions) == 0 {
		return nil, s.fail(envelope.ErrNoKey)
	}
	err = s.store.Update(ctx, func(tx store.Tx) error { return im.open(ctx, tx, versions, importPrefix+suffix) })
	if err != nil {
		return nil, s.settle(ctx, c, err)
	}
	im.id, im.began = im.row.ID, timeOf(im.row.CreatedAt)
	return im, nil
}

// open finds the import's row, under whichever key version it was made, or
// makes one.
func (im *Importer) open(ctx context.Context, tx store.Tx, versions []uint32, id string) error {
	for _, version := range versions {
		source, err := im.identify(version)
		if err != nil {
			return err
		}
		im.row, err = tx.Import(ctx, source)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if im.s.keyring.Check(im.caller.Mode(), importRow(&im.row), im.row.Tag) != nil || im.row.Merchant != im.source.Merchant || im.row.Live != im.source.Live {
			return &tamperedRow{im.row.ID, "import"}
		}
		im.Resumed, im.Finished, im.key = true, im.row.FinishedAt != 0, version
		im.read, err = im.hash(version, nil)
		return err
	}
	im.key = versions[0]
	source, err := im.identify(im.key)
	if err != nil {
		return err
	}
	if im.read, err = im.hash(im.key, nil); err != nil {
		return err
	}
	im.row = store.Import{
		Source: source, ID: id, Merchant: im.source.Merchant, Live: im.source.Live,
		CreatedAt: im.s.now().UnixMicro(), Prefix: im.read.Sum(nil),
	}
	if im.row.Tag, err = im.s.keyring.Tag(im.caller.Mode(), importRow(&im.row)); err != nil {
		return err
	}
	if err := tx.InsertImport(ctx, &im.row); err != nil {
		return err
	}
	return im.s.append(ctx, tx, im.caller.event(audit.ImportStart, audit.OK, id))
}

func (im *Importer) hash(version uint32, begin []byte) (hash.Hash, error) {
	h, err := im.s.keyring.FileHash(im.caller.Mode(), version)
	if err == nil {
		h.Write(begin)
	}
	return h, err
}

// identify is the keyed hash of what tells one import from another. The head
// has a card number: it is hashed where it stands, for nobody could wipe a copy.
func (im *Importer) identify(version uint32) ([]byte, error) {
	h, err := im.hash(version, nil)
	if err != nil {
		return nil, err
	}
	for _, part := range [][]byte{[]byte(im.source.Merchant), []byte(im.source.Name), im.source.Head} {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
		h.Write(part)
	}
	return h.Sum(nil), nil
}

// ID is the import's impt_ id.
func (im *Importer) ID() string { return im.id }

// Mark is what was committed last.
func (im *Importer) Mark() ImportMark {
	return ImportMark{
		Records: im.row.Records, Cards: im.row.Cards, ReadTo: im.row.ReadTo,
		MapSize: im.row.MapSize, RejectSize: im.row.RejectSize,
	}
}

// Read takes note of the next bytes of the file. It may be called by the
// goroutine that calls Seal.
func (im *Importer) Read(b []byte) { im.read.Write(b) }

// Prefix is the keyed hash of what was read so far, for Commit.
func (im *Importer) Prefix() []byte { return im.read.Sum(nil) }

// Resumes reports whether what was read so far is what the import had read when
// it stopped. If not, the file was changed.
func (im *Importer) Resumes() bool {
	return string(im.Prefix()) == string(im.row.Prefix)
}

// Commit makes cards durable together with the mark behind them and the prefix
// that was read until then. The files that the mark measures must be durable
// already. Errors: Conflict if another process goes on with this import, or the
// key version that the cards were sealed under was retired meanwhile,
// Unavailable, Internal (tampered).
func (im *Importer) Commit(ctx context.Context, cards []*SealedCard, mark ImportMark, prefix []byte) error {
	row := im.row
	row.Records, row.Cards, row.ReadTo = mark.Records, mark.Cards, mark.ReadTo
	row.MapSize, row.RejectSize, row.Prefix, row.FinishedAt = mark.MapSize, mark.RejectSize, prefix, 0
	return im.update(ctx, &row, func(tx store.Tx) error {
		if err := im.s.keysServe(ctx, tx, cards); err != nil {
			return err
		}
		made := make(map[string]bool)
		for _, c := range cards {
			if err := im.insert(ctx, tx, c, made); err != nil {
				return err
			}
		}
		return nil
	})
}

// Finish notes that the file's end was reached. Errors as for Commit.
func (im *Importer) Finish(ctx context.Context) error {
	row := im.row
	row.FinishedAt = im.s.now().UnixMicro()
	e := im.caller.event(audit.ImportFinish, audit.OK, row.ID)
	e.Details = map[string]string{"records": strconv.FormatInt(row.Records, 10), "cards": strconv.FormatInt(row.Cards, 10)}
	return im.update(ctx, &row, func(tx store.Tx) error { return im.s.append(ctx, tx, e) })
}

// update writes the import's row together with what fn does.
func (im *Importer) update(ctx context.Context, row *store.Import, fn func(store.Tx) error) error {
	s := im.s
	var err error
	if row.Tag, err = s.keyring.Tag(im.caller.Mode(), importRow(row)); err != nil {
		return s.fail(err)
	}
	lost := errors.New("the import's row was changed")
	err = s.store.Update(ctx, func(tx store.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		err := tx.UpdateImport(ctx, row, im.row.Tag)
		if errors.Is(err, store.ErrConflict) {
			return lost
		}
		return err
	})
	if errors.Is(err, lost) {
		return &Error{Code: Conflict, Message: "another process goes on with this import"}
	}
	if err != nil {
		return s.settle(ctx, im.caller, err)
	}
	im.row = *row
	return nil
}
