package httpapi

import (
	"bytes"
	"strconv"
	"time"

	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/card"
)

// listBody is contract 5.4. location, limit and order are never null: client
// libraries divide by the one and build URLs from the other.
type listBody[T any] struct {
	Object   string `json:"object"`
	Data     []T    `json:"data"`
	Limit    int    `json:"limit"`
	Offset   int    `json:"offset"`
	Total    int    `json:"total"`
	Location string `json:"location"`
	Order    string `json:"order"`
	From     string `json:"from"`
	To       string `json:"to"`
}

const (
	chronological = "chronological"
	reverse       = "reverse_chronological"
)

func newListBody[R, T any](l vault.List[R], location string, body func(R) T) listBody[T] {
	out := listBody[T]{
		Object: "list", Data: make([]T, 0, len(l.Rows)), Limit: l.Page.Limit, Offset: l.Page.Offset,
		Total: l.Total, Location: location, Order: chronological,
		From: timestamp(l.Page.From), To: timestamp(l.Page.To),
	}
	if l.Page.Newest {
		out.Order = reverse
	}
	for _, row := range l.Rows {
		out.Data = append(out.Data, body(row))
	}
	return out
}

// page reads the list parameters, from the query or from a GET's body. Null and
// blank mean the default; a limit above 100 means 100.
func page(params value) (vault.Page, error) {
	var p vault.Page
	var err error
	if p.Limit, err = listNumber(params, "limit", 1); err != nil {
		return p, err
	}
	if p.Offset, err = listNumber(params, "offset", 0); err != nil {
		return p, err
	}
	if p.From, err = listTime(params, "from"); err != nil {
		return p, err
	}
	if p.To, err = listTime(params, "to"); err != nil {
		return p, err
	}
	order, err := listText(params, "order")
	switch {
	case err != nil:
		return p, err
	case len(order) == 0 || string(order) == chronological:
	case string(order) == reverse:
		p.Newest = true
	default:
		return p, invalidParameter("order")
	}
	return p, nil
}

// listText reads one parameter. A card number is refused here, before parsing
// makes strings of it that stay on the heap.
func listText(params value, name string) ([]byte, error) {
	text, ok := params.Get(name).Scalar()
	if !ok || card.ContainsPAN(text) {
		return nil, invalidParameter(name)
	}
	return bytes.TrimSpace(text), nil
}

// listNumber reads a whole number of at least least; absent is 0.
func listNumber(params value, name string, least int) (int, error) {
	text, err := listText(params, name)
	if err != nil || len(text) == 0 {
		return 0, err
	}
	n, err := strconv.ParseInt(string(text), 10, 32)
	if err != nil || int(n) < least {
		return 0, invalidParameter(name)
	}
	return int(n), nil
}

// listTime reads RFC 3339, the same with an offset like +0700, or a date.
func listTime(params value, name string) (time.Time, error) {
	text, err := listText(params, name)
	if err != nil || len(text) == 0 {
		return time.Time{}, err
	}
	for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02T15:04:05Z0700", time.DateOnly} {
		if t, err := time.Parse(layout, string(text)); err == nil && t.Year() >= 1970 && t.Year() <= 9999 {
			return t, nil
		}
	}
	return time.Time{}, invalidParameter(name)
}

func invalidParameter(name string) error {
	return &vault.Error{Code: vault.BadRequest, Message: name + " is invalid"}
}
