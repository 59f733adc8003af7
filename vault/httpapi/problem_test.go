package httpapi

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/card"
)

// problemTable is what a caller sees of every code of the service, in the
// dialect of 2019-05-29 and in the documented one.
var problemTable = map[vault.Code]struct {
	err        vault.Error
	dated, doc problem // doc: zero if the same
}{
	vault.Unauthenticated: {
		vault.Error{Message: "anything"}, problem{401, "authentication_failure", "authentication failed"}, problem{},
	},
	vault.NotFound: {
		vault.Error{Object: "token", ID: "tokn_1", Message: "x"}, problem{404, "not_found", "token tokn_1 was not found"}, problem{},
	},
	vault.BadRequest: {
		vault.Error{Message: "limit is invalid"}, problem{400, "bad_request", "limit is invalid"}, problem{},
	},
	vault.MissingCard: {
		vault.Error{}, problem{400, "missing_card", "request contains no card parameters"},
		problem{400, "bad_request", "request contains no card parameters"},
	},
	vault.UsedToken: {
		vault.Error{}, problem{400, "used_token", "token was already used"}, problem{},
	},
	vault.Forbidden: {
		vault.Error{Message: "not for this key"}, problem{403, "forbidden", "not for this key"}, problem{},
	},
	vault.InvalidCharge: {
		vault.Error{Message: "amount is not a number"}, problem{400, "invalid_charge", "amount is not a number"}, problem{},
	},
	vault.FailedCapture: {
		vault.Error{Message: "the processor refused"}, problem{400, "failed_capture", "the processor refused"}, problem{},
	},
	vault.NotSent: {
		vault.Error{Message: "not sent"}, problem{502, "forward_not_sent", "not sent"}, problem{},
	},
	vault.OutcomeUnknown: {
		vault.Error{ID: "fwrd_1", Message: "wait"}, problem{504, "forward_unknown", "the outcome of fwrd_1 is unknown: wait"}, problem{},
	},
	vault.InvalidCard: {
		vault.Error{Problems: card.Problems{card.NumberLuhn}}, problem{400, "invalid_card", "number is invalid"},
		problem{402, "invalid_card", "number is invalid"},
	},
	vault.RateLimited: {
		vault.Error{RetryAfter: time.Minute}, problem{429, "too_many_requests", "too many requests"}, problem{},
	},
	vault.NotApproved: {
		vault.Error{Message: "nobody approved"}, problem{403, "approval_required", "nobody approved"}, problem{},
	},
	vault.IdempotencyConflict: {
		vault.Error{Message: "used before"}, problem{409, "idempotency_conflict", "used before"}, problem{},
	},
	vault.InProgress: {
		vault.Error{Message: "wait"}, problem{409, "idempotency_in_progress", "wait"}, problem{},
	},
	vault.Unavailable: {
		vault.Error{}, problem{503, "service_unavailable", "service is unavailable"}, problem{},
	},
	vault.Internal: {
		vault.Error{Message: "secret"}, problem{500, "internal_error", "internal error"}, problem{},
	},
	vault.Conflict: { // no route ends in one; operators' commands show it
		vault.Error{Message: "secret"}, problem{500, "internal_error", "internal error"}, problem{},
	},
}

func TestProblemTable(t *testing.T) {
	for _, code := range codes(t) {
		tt, ok := problemTable[code]
		if !ok {
			t.Errorf("code %q has no line in the table", code)
			continue
		}
		if tt.doc == (problem{}) {
			tt.doc = tt.dated
		}
		e := tt.err
		e.Code, e.Cause = code, errors.New("cause")
		for _, err := range []error{&e, fmt.Errorf("wrapped: %w", &e)} {
			if got := problemOf(err, version{date: newest}); got != tt.dated {
				t.Errorf("%s: got %v, want %v", code, got, tt.dated)
			}
			if got := problemOf(err, version{date: newest, doc: true}); got != tt.doc {
				t.Errorf("%s, documented: got %v, want %v", code, got, tt.doc)
			}
		}
	}
	internal := problem{500, "internal_error", "internal error"}
	for _, err := range []error{errors.New("secret"), context.Canceled, &vault.Error{}, &vault.Error{Code: "new"}} {
		if got := problemOf(err, version{}); got != internal {
			t.Errorf("%v: got %v, want %v", err, got, internal)
		}
	}
}

// codes reads the constants of type Code out of the service's source.
func codes(t *testing.T) []vault.Code {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var out []vault.Code
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			typ, _ := spec.Type.(*ast.Ident)
			lit, _ := spec.Values[0].(*ast.BasicLit)
			if typ != nil && typ.Name == "Code" && lit != nil {
				text, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, vault.Code(text))
			}
			return true
		})
	}
	if len(out) < 9 {
		t.Fatalf("found the codes %v only", out)
	}
	return out
}

// Every sentence that this package adds is short, in lower case, and has none
// of the words by which mobile clients sort the sentences about a card.
func TestSentences(t *testing.T) {
	for _, e := range []*requestError{
		errMalformedRequest, errHeadersTooLarge, errBodyTooLarge, errCardInURL, errContentType, errMalformedJSON,
		errMalformedForm, errDuplicate, errTooMany, errTooDeep, errWrongType, errUnreadable, errTwoKeys, errNoRoute,
	} {
		if e.message != strings.ToLower(e.message) || len(e.message) > 90 || strings.HasSuffix(e.message, ".") {
			t.Errorf("%q", e.message)
		}
		words := strings.FieldsFunc(e.message, func(r rune) bool { return r < 'a' || r > 'z' })
		for _, word := range []string{"number", "expiration", "name", "brand"} {
			if slices.Contains(words, word) {
				t.Errorf("%q says %s", e.message, word)
			}
		}
		if p := problemOf(e, version{}); p.message != e.message || p.status != e.status {
			t.Errorf("%q becomes %v", e.message, p)
		}
	}
}

// A wait is whole seconds, rounded up, and never zero.
func TestRetryAfter(t *testing.T) {
	for wait, want := range map[time.Duration]string{
		0: "1", time.Millisecond: "1", time.Second: "1", 1001 * time.Millisecond: "2", time.Minute: "60", -time.Hour: "1",
	} {
		if got := retryAfter(&vault.Error{RetryAfter: wait}); got != want {
			t.Errorf("%s: got %s, want %s", wait, got, want)
		}
	}
	if got := retryAfter(errors.New("x")); got != "1" {
		t.Errorf("got %s, want 1", got)
	}
}

// The base of error locations can be configured.
func TestErrorBase(t *testing.T) {
	b := newBench(t)
	b.opts.ErrorBase = "https://docs.example/errors"
	rec := httptest.NewRecorder()
	b.Handler(Public).ServeHTTP(rec, b.request("GET", "/tokens/x", ""))
	if want := `"location":"https://docs.example/errors#not-found"`; !strings.Contains(rec.Body.String(), want) {
		t.Errorf("%s lacks %s", rec.Body, want)
	}
}

// No route lacks a limit. Those that wait for a processor or a person, and no
// others, may take longer than a listener allows.
func TestRoutesAreBounded(t *testing.T) {
	forwards := []string{"POST /charges", "POST /charges/{id}/capture", "POST /charges/{id}/reverse", "POST /v1/forwards"}
	changes := regexp.MustCompile(`^(POST|PATCH) `)
	for _, rt := range append(routes(), unknownRoute([]Tier{Public})) {
		longest, repeat := writeTime, never
		if slices.Contains(forwards, rt.pattern) {
			longest = forwardTime
		}
		if rt.tier == Private && changes.MatchString(rt.pattern) {
			repeat = byHeader
		}
		switch {
		case rt.pattern == "POST /v1/forwards":
			repeat = byHeaderOrBody
		case rt.paymentOptions():
			longest, repeat = forwardTime, byReference
		case rt.pattern == "POST /v1/reveals":
			longest, repeat = vault.MaxRevealWait+time.Minute, never
		}
		if rt.maxBody <= 0 || rt.maxBody > maxBody || rt.timeout <= 0 || rt.timeout > longest || rt.serve == nil ||
			(rt.tier != Public && rt.tier != Private && rt.tier != Operators) || rt.repeat != repeat || (rt.action == "" && rt.pattern != "unknown") {
			t.Errorf("route %+v", rt)
		}
		if strings.HasSuffix(rt.pattern, "/") || rt.cors != (rt.pattern == "POST /tokens") {
			t.Errorf("route %s", rt.pattern)
		}
	}
}
