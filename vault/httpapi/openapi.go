package httpapi

import (
	_ "embed" // for the document
	"net/http"
	"strconv"
)

// openapi is the wire as an OpenAPI document; the tests hold every answer
// against it.
//
//go:embed openapi.yaml
var openapi string

// OpenAPI returns a copy of the OpenAPI 3.1 document that describes the wire,
// as YAML.
func OpenAPI() []byte { return []byte(openapi) }

// documentPattern is where every tier serves the document.
const documentPattern = "GET /openapi.yaml"

// document serves the OpenAPI document without a key: it holds nothing that is
// not public.
func (a *API) document() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{request: a.requestID(), route: documentPattern, status: http.StatusOK}
		a.commonHeaders(w, x, route{})
		h := w.Header()
		h.Set("Content-Type", "application/yaml; charset=utf-8")
		h.Set("Content-Length", strconv.Itoa(len(openapi)))
		w.WriteHeader(http.StatusOK)
		if _, err := w.Write(OpenAPI()); err != nil {
			x.cause = err // the client is gone
		}
		a.finish(r, x, 0)
	})
}
