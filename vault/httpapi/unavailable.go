package httpapi

import (
	"cmp"
	"net/http"

	"github.com/google/uuid"

	"github.com/panvault/panvault/vault"
)

// Unavailable answers every request as an API whose service cannot work yet:
// 503, the wire's error object, come again in a second. It is for a listener
// that is bound before its API may answer. errorBase is as in Options.
func Unavailable(errorBase string) http.Handler {
	a := &API{opts: Options{ErrorBase: cmp.Or(errorBase, defaultErrorBase)}}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		setCommon(w.Header(), uuid.NewString())
		a.writeError(w, route{}, &exchange{}, version{}, &vault.Error{Code: vault.Unavailable})
	})
}
