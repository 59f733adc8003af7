// Package wiretest holds HTTP exchanges against the OpenAPI document of
// vault/httpapi, so that tests of every package can.
//
// It promises that what it passes is documented to the letter: the status, every
// header, every key of the body, and of a request that succeeded the parameters
// too. It knows nothing of the wire but the document.
//
// It must never be imported by anything but tests.
package wiretest

import (
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
)

// Exchange is a request and its answer.
type Exchange struct {
	Method string // of the request; "" if it could not be read as one
	Target string // path and query as they were sent, or a whole URL

	RequestHeader http.Header
	RequestBody   []byte

	Status int
	Header http.Header
	Body   []byte

	// Tags of the document that the address serves; none means every one. What
	// it does not serve must be answered as a route that does not exist.
	Tags []string
}

// Check returns what of an exchange the document does not allow, nil if it
// allows all of it. It is safe for concurrent use.
func Check(e Exchange) error {
	doc, err := load()
	if err != nil {
		return err
	}
	op, ok := doc.operation(e)
	if err := e.check(op, ok); err != nil {
		return fmt.Errorf("%s %s: %d: %w", e.Method, e.Target, e.Status, err)
	}
	return nil
}

// check compares the exchange with its operation; known is false if that stands
// for the routes that do not exist.
func (e Exchange) check(op operation, known bool) error {
	r, ok := op.responses[e.Status]
	if !ok {
		return fmt.Errorf("the status is not documented, but for this route are %v", slices.Sorted(maps.Keys(op.responses)))
	}
	errs := []error{e.checkHeaders(r), e.checkBody(r)}
	if known && e.Status == http.StatusOK {
		errs = append(errs, e.checkParameters(op), e.checkRequestBody(op))
	}
	return errors.Join(errs...)
}

// transport reports whether a header is of HTTP itself and not of the API. The
// content type is checked with the body.
func transport(name string) bool {
	switch name {
	case "Content-Type", "Content-Length", "Transfer-Encoding", "Connection", "Date":
		return true
	}
	return false
}

func (e Exchange) checkHeaders(r response) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(r.headers)) {
		h, values := r.headers[name], e.Header.Values(name)
		switch {
		case len(values) == 0 && h.required:
			errs = append(errs, fmt.Errorf("header %s is missing", name))
		case len(values) > 1:
			errs = append(errs, fmt.Errorf("header %s is there %d times", name, len(values)))
		case len(values) == 1:
			if err := validateText(h.schema, values[0]); err != nil {
				errs = append(errs, fmt.Errorf("header %s: %w", name, err))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.Header)) {
		if _, documented := r.headers[name]; !documented && !transport(name) {
			errs = append(errs, fmt.Errorf("header %s is not documented", name))
		}
	}
	return errors.Join(errs...)
}

func (e Exchange) checkBody(r response) error {
	sent := e.Header.Get("Content-Type")
	if len(r.content) == 0 {
		if sent != "" || len(e.Body) > 0 {
			return fmt.Errorf("there is a body of type %q, and none is documented", sent)
		}
		return nil
	}
	media, params, err := mime.ParseMediaType(sent)
	if err != nil {
		return fmt.Errorf("content type %q: %w", sent, err)
	}
	schema, ok := r.content[media]
	if !ok || params["charset"] != "utf-8" {
		return fmt.Errorf("content type %q is not documented, but in utf-8 are %v", sent, slices.Sorted(maps.Keys(r.content)))
	}
	if e.Method == http.MethodHead {
		if len(e.Body) > 0 {
			return errors.New("the answer to HEAD has a body")
		}
		return nil
	}
	var body any = string(e.Body)
	if media == mediaJSON {
		if body, err = decodeJSON(e.Body); err != nil {
			return fmt.Errorf("body: %w", err)
		}
	}
	if err := schema.Validate(body); err != nil {
		return fmt.Errorf("body: %w", err)
	}
	return nil
}

func (e Exchange) checkParameters(op operation) error {
	query, err := e.query()
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range op.parameters {
		values := query[p.name]
		if p.in == "header" {
			values = e.RequestHeader.Values(p.name)
		}
		for _, value := range values {
			if value == "" && p.blank {
				continue
			}
			if err := validateText(p.schema, value); err != nil {
				errs = append(errs, fmt.Errorf("%s parameter %s was taken: %w", p.in, p.name, err))
			}
		}
		if p.required && len(values) == 0 {
			errs = append(errs, fmt.Errorf("%s parameter %s is missing, and the request succeeded", p.in, p.name))
		}
	}
	return errors.Join(errs...)
}

func (e Exchange) checkRequestBody(op operation) error {
	if len(e.RequestBody) == 0 {
		if op.bodyRequired {
			return errors.New("the request has no body, and it succeeded")
		}
		return nil
	}
	// The server ignores the charset, which clients misspell.
	media, _, _ := strings.Cut(e.RequestHeader.Get("Content-Type"), ";")
	media = strings.ToLower(strings.TrimSpace(media))
	schema, ok := op.request[media]
	if !ok {
		return fmt.Errorf("a request body of type %q was taken, documented are %v", media, slices.Sorted(maps.Keys(op.request)))
	}
	decode := decodeForm
	if media == mediaJSON {
		decode = decodeJSON
	}
	body, err := decode(e.RequestBody)
	if err != nil {
		return fmt.Errorf("the request body was taken: %w", err)
	}
	if err := schema.Validate(body); err != nil {
		return fmt.Errorf("the request body was taken: %w", err)
	}
	return nil
}
