package httpapi

import (
	"bytes"
	"net/http"
	"strconv"
)

// secretBody is an answer that holds a card number. writeSecret wipes it.
type secretBody struct{ text []byte }

// writeSecret writes an answer and wipes every copy of it that this process
// made: its own, the one in the buffer of net/http's connection, which conn
// clears once it is written, and the one in the buffer of net/http's response.
// That one is reached by nothing but more of the answer: once it is flushed, as
// many blanks follow, which stand in the same place.
func (a *API) writeSecret(w http.ResponseWriter, r *http.Request, x *exchange, v version, body *secretBody) {
	defer clear(body.text)
	w.Header().Set("Omise-Version", v.answer())
	w.Header().Set("Content-Length", strconv.Itoa(2*len(body.text)))
	if c, ok := r.Context().Value(connKey{}).(*conn); ok {
		c.secret.Store(true)
		defer c.secret.Store(false)
	}
	x.status = http.StatusOK
	w.WriteHeader(x.status)
	control := http.NewResponseController(w)
	// A number shorter than net/http's buffers is copied into them; a longer
	// answer would be written from its own bytes.
	for _, part := range [][]byte{body.text, bytes.Repeat([]byte(" "), len(body.text))} {
		_, err := w.Write(part)
		if err == nil {
			err = control.Flush()
		}
		if err != nil && x.cause == nil {
			x.cause = err // the client is gone; that it was shown is on record
		}
	}
}
