package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/internal/inplace"
)

func (a *API) createForward(ctx context.Context, c *call) (any, error) {
	in, preview, err := forwardRequest(c.params)
	if err != nil {
		return nil, err
	}
	if preview {
		masked, err := a.svc.PreviewForward(ctx, c.caller, in.Destination, in.Fields)
		if err != nil {
			return nil, err
		}
		return previewBody{Object: "forward_preview", Livemode: c.caller.Live, Destination: in.Destination, DryRun: true, Request: string(masked)}, nil
	}
	f, err := a.svc.Forward(ctx, c.caller, in)
	if err != nil {
		return nil, err
	}
	return newForwardBody(f), nil
}

func (a *API) getForward(ctx context.Context, c *call) (any, error) {
	f, err := a.svc.ForwardRecord(ctx, c.caller, c.id)
	if err != nil {
		return nil, err
	}
	return newForwardBody(f), nil
}

// forwardRequest reads what is to be forwarded. Card data in it is refused
// before anything becomes a string: only the vault puts a number in.
func forwardRequest(params value) (in vault.ForwardRequest, preview bool, err error) {
	for _, p := range [...]struct {
		name string
		dst  *string
	}{{"destination", &in.Destination}, {"card", &in.Card}, {"token", &in.Token}} {
		b, ok := params.Get(p.name).Scalar()
		if !ok {
			return in, false, invalidParameter(p.name)
		}
		if card.ContainsPAN(b) {
			return in, false, errNumberInText
		}
		*p.dst = string(b)
	}
	if in.Destination == "" {
		return in, false, invalidParameter("destination")
	}
	if preview, err = flag(params, "dry_run", false); err != nil {
		return in, false, err
	}
	in.Fields, err = merchantFields(params.Get("fields"))
	return in, preview, err
}

// flag reads a boolean: true or false, as JSON or text. Absent and null are
// otherwise.
func flag(params value, name string, otherwise bool) (bool, error) {
	v := params.Get(name)
	switch {
	case v.Kind == inplace.Absent, v.Kind == inplace.Null:
		return otherwise, nil
	case v.Kind == inplace.Boolean, v.Kind == inplace.Text:
		switch string(v.Bytes) {
		case "true":
			return true, nil
		case "false":
			return false, nil
		case "":
			return otherwise, nil
		}
	}
	return false, invalidParameter(name)
}

// merchantFields makes the templates' form of a JSON object.
func merchantFields(v value) (map[string]any, error) {
	switch {
	case v.Kind == inplace.Absent, v.Kind == inplace.Null:
		return map[string]any{}, nil
	case v.Kind != inplace.Object:
		return nil, invalidParameter("fields")
	case holdsPAN(v), hasCode(v):
		return nil, errNumberInText
	}
	out, _ := plain(v).(map[string]any)
	return out, nil
}

// hasCode reports whether a member is named like a security code, which only a
// token brings.
func hasCode(v value) bool {
	for _, f := range v.Fields {
		switch strings.ToLower(string(f.Name)) {
		case "security_code", "cvc", "cvv", "cvv2", "cvc2", "card_code":
			return true
		}
		if hasCode(f.Value) {
			return true
		}
	}
	for _, item := range v.Items {
		if hasCode(item) {
			return true
		}
	}
	return false
}

// plain makes of a value what encoding/json would, with numbers as they were
// written. Its texts are strings of the heap: only for what is not card data.
func plain(v value) any {
	switch v.Kind {
	case inplace.Text:
		return string(v.Bytes)
	case inplace.Number:
		return json.Number(v.Bytes)
	case inplace.Boolean:
		return string(v.Bytes) == "true"
	case inplace.Object:
		out := make(map[string]any, len(v.Fields))
		for _, f := range v.Fields {
			out[string(f.Name)] = plain(f.Value)
		}
		return out
	case inplace.Array:
		out := make([]any, len(v.Items))
		for i, item := range v.Items {
			out[i] = plain(item)
		}
		return out
	default:
		return nil
	}
}

// previewBody is a request that would be sent, masked.
type previewBody struct {
	Object      string `json:"object"`
	Livemode    bool   `json:"livemode"`
	Destination string `json:"destination"`
	DryRun      bool   `json:"dry_run"`
	Request     string `json:"request"` // the body
}

// forwardBody is a line of the ledger and, right after the forward, what the
// processor said.
type forwardBody struct {
	Object      string            `json:"object"`
	ID          string            `json:"id"`
	Livemode    bool              `json:"livemode"`
	Location    string            `json:"location"`
	Use         string            `json:"use"`
	Destination string            `json:"destination"`
	Card        *string           `json:"card"`
	Charge      *string           `json:"charge"`
	State       string            `json:"state"`
	Reason      *string           `json:"reason"`
	Status      *int              `json:"status"`
	Headers     map[string]string `json:"headers"`
	ContentType *string           `json:"content_type"`
	Body        any               `json:"body"` // JSON as it is, anything else as text; null if there is none
	Masked      int64             `json:"masked"`
	Timing      timingBody        `json:"timing"`
	CreatedAt   string            `json:"created_at"`
	SentAt      *string           `json:"sent_at"`
	EndedAt     *string           `json:"ended_at"`
}

// timingBody says whose time a forward took, in milliseconds.
type timingBody struct {
	Vault       float64 `json:"vault_ms"`
	Destination float64 `json:"destination_ms"`
}

func newForwardBody(f vault.Forward) forwardBody {
	out := forwardBody{
		Object: "forward", ID: f.ID, Livemode: f.Live, Location: "/v1/forwards/" + f.ID, Use: string(f.Use), Destination: f.Destination,
		Card: optional(f.Card), Charge: optional(f.Charge), State: string(f.State), Reason: optional(f.Reason),
		Headers: headers(f.Header), ContentType: optional(f.ContentType), Body: content(f.ContentType, f.Body), Masked: f.Masked,
		Timing:    timingBody{float64(f.VaultTime.Microseconds()) / 1000, float64(f.AnswerTime.Microseconds()) / 1000},
		CreatedAt: timestamp(f.CreatedAt), SentAt: optionalTime(f.SentAt), EndedAt: optionalTime(f.EndedAt),
	}
	if f.Status != 0 {
		out.Status = &f.Status
	}
	return out
}

func headers(h http.Header) map[string]string {
	out := make(map[string]string, len(h))
	for name, values := range h {
		out[name] = strings.Join(values, ", ")
	}
	return out
}

// content is a scrubbed body as a member of an answer.
func content(media string, body []byte) any {
	switch {
	case body == nil:
		return nil
	case media == "application/json" || strings.HasSuffix(media, "+json"):
		return json.RawMessage(body)
	}
	return string(body)
}
