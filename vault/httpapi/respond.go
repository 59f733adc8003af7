package httpapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
)

// setCommon sets the headers of every answer. Nothing is ever compressed: an
// answer that mixes input and secrets would leak by its length (BREACH).
func setCommon(h http.Header, request string) {
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-cache, no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Request-Id", request)
}

// commonHeaders sets the headers of a route's answers.
func (a *API) commonHeaders(w http.ResponseWriter, x *exchange, rt route) {
	h := w.Header()
	setCommon(h, x.request)
	if a.opts.HSTS {
		h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	}
	if rt.cors {
		h.Set("Access-Control-Allow-Origin", "*")
	}
}

// internalBody is the answer when even the answer cannot be encoded.
const internalBody = `{"object":"error","location":"` + defaultErrorBase +
	`#internal-error","code":"internal_error","message":"internal error"}`

// encode writes an answer's body.
func encode(body any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(body)
	return out.Bytes(), err
}

func (a *API) writeJSON(w http.ResponseWriter, x *exchange, v version, status int, body any) {
	text, err := encode(body)
	if err != nil {
		status = http.StatusInternalServerError
		x.cause = err
		text = []byte(internalBody + "\n")
	}
	a.write(w, x, v, status, text)
}

func (a *API) write(w http.ResponseWriter, x *exchange, v version, status int, text []byte) {
	if status < 300 {
		w.Header().Set("Omise-Version", v.answer())
	}
	x.status = status
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	if _, err := w.Write(text); err != nil && x.cause == nil {
		x.cause = err // the client is gone; its work is done and durable
	}
}

// preflight answers a browser's OPTIONS without a key.
func (a *API) preflight(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{request: a.requestID(), route: "OPTIONS", status: http.StatusNoContent}
		a.commonHeaders(w, x, rt)
		h := w.Header()
		h.Del("Content-Type")
		h.Set("Access-Control-Allow-Methods", "POST")
		h.Set("Access-Control-Allow-Headers", "authorization, content-type, omise-version")
		h.Set("Access-Control-Max-Age", "600")
		w.WriteHeader(http.StatusNoContent)
		a.finish(r, x, 0)
	})
}
