package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/time/rate"

	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/cardfile"
)

// importBatch is how many records share a commit.
const importBatch = 256

// importRun is one run of an import. Records are read and sealed by one
// goroutine and committed by another.
type importRun struct {
	reader   *cardfile.Reader
	next     *cardfile.Record // read, and not yet taken
	importer *vault.Importer
	files    *importFiles
	limit    *rate.Limiter // nil: none
	progress *progress
	before   vault.ImportMark // where this run began
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
func (r *importRun) skip() error {
	r.before = r.importer.Mark()
	for r.before.ReadTo > 0 && r.next != nil && r.next.End <= r.before.ReadTo {
		r.importer.Read(r.next.Raw)
		if err := r.advance(); err != nil {
			return err
		}
	}
	if r.before.ReadTo > 0 && !r.importer.Resumes() {
		return hint(errFileChanged, "the same file as before; or, if it is another one, --name with a name of its own")
	}
	return nil
}

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
	if r.next == nil && r.importer.Finished {
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

// sealBatch takes up to importBatch records.
func (r *importRun) sealBatch(ctx context.Context) (*importedBatch, error) {
	b := &importedBatch{}
	for b.records < importBatch && r.next != nil {
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
		r.importer.Read(r.next.Raw)
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
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	return hint(fmt.Errorf("the import stopped after %d records, %d cards: %w", mark.Records, mark.Cards, plain(err)), "the same command again, which goes on from there")
}

func (r *importRun) close() {
	r.reader.Wipe()
	r.files.close()
}
