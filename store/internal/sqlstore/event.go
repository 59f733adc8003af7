package sqlstore

import (
	"context"
	"errors"

	"github.com/panvault/panvault/store"
)

// maxEvents is the most rows one call of Events returns.
const maxEvents = 1000

const eventColumns = `id, at, type, body, leaf`

type eventText struct {
	page, insert string
}

func newEventText(d Dialect) eventText {
	return eventText{
		page:   d.sql(`SELECT ` + eventColumns + ` FROM events WHERE id > $1 ORDER BY id LIMIT $2`),
		insert: d.sql(`INSERT INTO events (` + eventColumns + `) VALUES ($1, $2, $3, $4, $5)`),
	}
}

// Events implements store.EventReader. A limit outside 1..1000 is an error and
// not a shorter page, which a caller could take for the end of the log.
func (r *Reader) Events(ctx context.Context, after string, limit int) ([]store.Event, error) {
	if limit < 1 || limit > maxEvents {
		return nil, errors.New("store: limit of events must be 1 to 1000")
	}
	var page []store.Event
	err := r.q.Query(ctx, r.text.events.page, func(s Scan) error {
		var e store.Event
		err := s(&e.ID, &e.At, &e.Type, &e.Body, &e.Leaf)
		page = append(page, e)
		return err
	}, after, int64(limit))
	if err != nil {
		return nil, err
	}
	return page, nil
}

// AppendEvent implements store.EventWriter.
func (t *Tx) AppendEvent(ctx context.Context, e *store.Event) error {
	return t.exec(ctx, t.text.events.insert, e.ID, e.At, e.Type, e.Body, e.Leaf)
}
