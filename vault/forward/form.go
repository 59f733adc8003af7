package forward

import (
	"encoding/json"
	"mime"
	"strings"
	"unicode/utf8"
)

// form is how the body of an answer is read.
type form int

const (
	formNone form = iota
	formText
	formJSON
	formXML
	formForm
)

// formOf reads an answer's type. What claims to be JSON and is not is read as a
// text, which is searched more strictly. A body without a type must be JSON.
func formOf(a *answer) (form, string) {
	if !utf8.Valid(a.body) || a.encoding != "" && !strings.EqualFold(a.encoding, "identity") {
		return formNone, ""
	}
	if a.media == "" {
		if json.Valid(a.body) {
			return formJSON, "application/json"
		}
		return formNone, ""
	}
	media, params, err := mime.ParseMediaType(a.media)
	if err != nil || !isUTF8(params) && !strings.EqualFold(params["charset"], "iso-8859-1") {
		return formNone, ""
	}
	switch {
	case media == "application/json" || media == "text/json" || isSuffixed(media, "+json"):
		if json.Valid(a.body) {
			return formJSON, "application/json"
		}
		return formText, "text/plain"
	case media == "application/xml" || media == "text/xml" || isSuffixed(media, "+xml"):
		return formXML, "application/xml"
	case media == "application/x-www-form-urlencoded":
		return formForm, media
	case media == "text/plain" || media == "text/html":
		return formText, media
	}
	return formNone, ""
}

func isSuffixed(media, suffix string) bool {
	return strings.HasPrefix(media, "application/") && strings.HasSuffix(media, suffix)
}
