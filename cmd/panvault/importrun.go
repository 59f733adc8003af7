package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/time/rate"

	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/cardfile"
)

// importBatch is how many records share a commit at most.
const importBatch = 256

// importRun is one run of an import. Records are read and sealed by one
// goroutine and committed by another.
type importRun struct {
	reader   *cardfile.Reader
	next     *cardfile.Record // read, and not yet taken
	importer *vault.Importer
	files    *importFiles
	batch    int           // records that share a commit
	limit    *rate.Limiter // nil: none
	progress *progress
	before   vault.ImportMark // where this run began
	ignored  []string         // columns that mean nothing here
}

// importedBatch is a batch on its way to the disk.
type importedBatch struct {
	cards   []*vault.SealedCard
	maps    [][]string
	rejects [][]string
	records int64
	readTo  int64
	prefix  []byte
}

// errFileChanged: the file is not the one that an import stopped in.
var errFileChanged = errors.New("this file begins like one that was imported, but is not the same up to where that import stopped")

// skip passes over what earlier runs have committed.
func (r *importRun) skip(ctx context.Context) error {
	r.before = r.importer.Mark()
	for r.before.ReadTo > 0 && r.next != nil && contentEnd(r.next) <= r.before.ReadTo {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		r.read()
		if err := r.advance(); err != nil {
			return err
		}
	}
	if r.before.ReadTo > 0 && !r.importer.Resumes() {
		return hint(errFileChanged, "the same file as before; or, if it is another one, --name with a name of its own, which takes all of its cards")
	}
	return nil
}

// content is a record without its line end, which the last one of a file gets
// only when the file grows.
func content(record *cardfile.Record) []byte { return bytes.TrimRight(record.Raw, "\r\n") }

func contentEnd(record *cardfile.Record) int64 {
	return record.End - int64(len(record.Raw)-len(content(record)))
}

// read takes note of the next record's bytes.
func (r *importRun) read() {
	r.importer.Read(content(r.next))
	r.importer.Read([]byte("\n"))
}

// openFiles opens map and reject file, unless there is nothing to be done.
func (r *importRun) openFiles(ctx context.Context, mapPath, rejectPath string) (*importFiles, error) {
	if r.idle() {
		return &importFiles{mapPath: mapPath, rejectPath: rejectPath}, nil
	}
	return openImportFiles(ctx, mapPath, rejectPath, r.importer)
}

// idle reports whether the import was finished before and nothing was added.
func (r *importRun) idle() bool { return r.next == nil && r.importer.Finished }

// advance reads the next record; nil at the end.
func (r *importRun) advance() (err error) {
	r.next, err = r.reader.Next()
	if errors.Is(err, io.EOF) {
		r.next = nil
		return nil
	}
	return err
}

// all reads, seals and commits to the end of the file.
func (r *importRun) all(ctx context.Context) error {
	if r.idle() {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	batches := make(chan *importedBatch, 2)
	done := make(chan error, 1)
	go func() {
		err := r.commitAll(ctx, batches)
		if err != nil {
			cancel(err)
		}
		done <- err
	}()
	err := r.sealAll(ctx, batches)
	close(batches)
	committed := <-done
	if committed != nil {
		return committed
	}
	if err != nil {
		return err
	}
	return r.importer.Finish(ctx)
}

func (r *importRun) sealAll(ctx context.Context, batches chan<- *importedBatch) error {
	for r.next != nil {
		batch, err := r.sealBatch(ctx)
		if err != nil {
			return err
		}
		select {
		case batches <- batch:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// sealBatch takes as many records as share a commit.
func (r *importRun) sealBatch(ctx context.Context) (*importedBatch, error) {
	b := &importedBatch{}
	for b.records < int64(r.batch) && r.next != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if r.limit != nil {
			if err := r.limit.Wait(ctx); err != nil {
				return nil, context.Cause(ctx)
			}
		}
		if err := r.seal(ctx, b, r.next); err != nil {
			return nil, err
		}
		r.read()
		b.records, b.readTo = b.records+1, r.next.End
		if err := r.advance(); err != nil {
			return nil, err
		}
	}
	b.prefix = r.importer.Prefix()
	return b, nil
}

// seal seals one record, or says in the reject file why not.
func (r *importRun) seal(ctx context.Context, b *importedBatch, record *cardfile.Record) error {
	problem := record.Problem
	if problem == nil {
		sealed, err := r.importer.Seal(ctx, vault.ImportCard{
			Card: record.Card, Customer: record.Customer, Email: record.Email, Description: record.Description,
		})
		var refused *vault.Error
		switch {
		case err == nil:
			b.cards = append(b.cards, sealed)
			b.maps = append(b.maps, []string{
				string(record.Reference), string(record.Customer), sealed.Customer, sealed.ID, sealed.Brand, sealed.LastDigits,
			})
			return nil
		case errors.As(err, &refused) && (refused.Code == vault.InvalidCard || refused.Code == vault.BadRequest):
			problem = errors.New(refused.Message)
		default:
			return err
		}
	}
	b.rejects = append(b.rejects, []string{fmt.Sprint(record.Line), problem.Error()})
	return nil
}

// commitAll makes batches durable: what the files say first, then the cards
// together with how far the files are valid.
func (r *importRun) commitAll(ctx context.Context, batches <-chan *importedBatch) error {
	for b := range batches {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		mark := r.importer.Mark()
		var err error
		if mark.MapSize, mark.RejectSize, err = r.files.write(b.maps, b.rejects); err != nil {
			return err
		}
		mark.Records += b.records
		mark.Cards += int64(len(b.cards))
		mark.ReadTo = b.readTo
		if err := r.importer.Commit(ctx, b.cards, mark, b.prefix); err != nil {
			return err
		}
		r.progress.at(mark.ReadTo, mark.Cards)
	}
	return nil
}

// stopped adds how to go on to what ended an import early.
func (r *importRun) stopped(err error) error {
	if errors.As(err, new(hinted)) {
		return err
	}
	mark := r.importer.Mark()
	next := "the same command again, which goes on from there"
	err = plain(err)
	var h hinted
	switch {
	case errors.As(err, &h):
		next = h.hint
	case errors.Is(err, context.Canceled):
		err = errors.New("interrupted")
	case errors.Is(err, cardfile.ErrSensitive):
		next = "the same command again, once that is out of the file; what comes before it must stay as it is"
	}
	return hint(fmt.Errorf("the import stopped after %d records, %d cards: %w", mark.Records, mark.Cards, err), "%s", next)
}

func (r *importRun) close() {
	r.reader.Wipe()
	r.files.close()
}
