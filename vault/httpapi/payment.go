package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"

	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/internal/inplace"
)

// The PaymentOptions front (contract 8). Its clients are told both paths.
const (
	paymentPath        = "/api/v1/server-to-server-interface/payment"
	doubledPaymentPath = "/api/v1" + paymentPath
)

// paymentOptions reports whether a route speaks that front's language.
func (rt route) paymentOptions() bool { return strings.HasSuffix(rt.pattern, paymentPath) }

// createPayment answers 201, as that front does and no other route.
func (a *API) createPayment(ctx context.Context, c *call) (any, error) {
	in, err := paymentRequest(c.params)
	if err != nil {
		return nil, err
	}
	p, err := a.svc.Pay(ctx, c.caller, in)
	if err != nil {
		return nil, err
	}
	return paymentAnswer(p)
}

var (
	amountPattern = regexp.MustCompile(`^[1-9][0-9]{0,11}$`)
	methodPattern = regexp.MustCompile(`^([0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}|card_[0-9a-z_]{1,64})$`)
)

// paymentEcho is what an answer repeats of its request.
type paymentEcho struct {
	Amount     json.Number
	Currency   string
	Reference  string
	MerchantID string
	CustomerIP string
	Billing    *addressBody
}

// The texts of a request, and of an address in it.
var (
	paymentTexts = []string{"currency", "merchant_txn_ref", "customer_ip", "merchant_id", "time_zone"}
	addressTexts = []string{"country", "email", "phone_number", "address1", "city", "state", "postal_code"}
	returnTexts  = []string{"webhook_url", "success_url", "decline_url"}
)

// paymentRequest reads a payment. URLs in it are data: nothing is fetched.
func paymentRequest(params value) (in vault.PaymentRequest, err error) {
	method := params.Get("payment_method")
	rest := without(params, "payment_method")
	if holdsPAN(rest) || hasCode(rest) {
		return in, errNumberInText
	}
	in.Fields = map[string]any{}
	for _, name := range paymentTexts {
		text, err := optionalText(rest, name)
		if err != nil {
			return in, err
		}
		in.Fields[name] = text
	}
	for name, members := range map[string][]string{"return_url": returnTexts, "billing_address": addressTexts, "shipping_address": addressTexts} {
		if in.Fields[name], err = texts(rest, name, members); err != nil {
			return in, err
		}
	}
	amount := rest.Get("amount")
	if (amount.Kind != inplace.Text && amount.Kind != inplace.Number) || !amountPattern.Match(amount.Bytes) {
		return in, &vault.Error{Code: vault.BadRequest, Message: "amount must be a whole number from 1 to 999999999999, as text or number"}
	}
	in.Fields["amount"] = plain(amount)
	echo := paymentEcho{
		Amount: json.Number(amount.Bytes), Currency: in.Fields["currency"].(string), Reference: in.Fields["merchant_txn_ref"].(string),
		MerchantID: in.Fields["merchant_id"].(string), CustomerIP: in.Fields["customer_ip"].(string),
	}
	if len(echo.Currency) != 3 {
		return in, &vault.Error{Code: vault.BadRequest, Message: "currency must be three letters"}
	}
	if n := len(echo.Reference); n == 0 || n > 255 {
		return in, &vault.Error{Code: vault.BadRequest, Message: "merchant_txn_ref must be 1 to 255 characters"}
	}
	if given := rest.Get("billing_address"); given.Kind == inplace.Object {
		echo.Billing = newAddressBody(given)
	}
	in.MerchantID, in.Echo = echo.MerchantID, echo
	in.Email = rest.Get("billing_address").Get("email").Bytes
	return in, paymentMethod(method, &in)
}

// reference is the merchant's name of a payment; "" if it is none that may be
// shown.
func reference(params value) string {
	text, err := optionalText(params, "merchant_txn_ref")
	if err != nil || len(text) > 255 {
		return ""
	}
	return text
}

// paymentMethod reads what is paid with: a stored id under either of its
// spellings, a token, or a card.
func paymentMethod(v value, in *vault.PaymentRequest) (err error) {
	if v.Kind != inplace.Object {
		return invalidParameter("payment_method")
	}
	kind, err := optionalText(v, "type")
	if err != nil {
		return err
	}
	if kind != "" && kind != "scheme" {
		return &vault.Error{Code: vault.BadRequest, Message: "payment_method.type must be scheme"}
	}
	if in.Store, err = flag(v, "store_payment_method", false); err != nil {
		return err
	}
	stored, err := optionalText(v, "stored_payment_method_id")
	if err != nil {
		return err
	}
	alias, err := optionalText(v, "store_payment_method_id")
	if err != nil {
		return err
	}
	if stored != "" && alias != "" && stored != alias {
		return &vault.Error{Code: vault.BadRequest, Message: "stored_payment_method_id and store_payment_method_id differ"}
	}
	in.Method = strings.ToLower(stored + alias)
	if stored != "" {
		in.Method = strings.ToLower(stored)
	}
	raw := v.Get("card")
	switch {
	case in.Method != "" && raw.Kind != inplace.Absent && raw.Kind != inplace.Null:
		return &vault.Error{Code: vault.BadRequest, Message: "give a stored payment method or a card, not both"}
	case in.Method != "":
		if !methodPattern.MatchString(in.Method) { // one that nothing can have
			return &vault.Error{Code: vault.NotFound, Object: "payment method"}
		}
		return nil
	case raw.Kind == inplace.Text:
		in.Token = string(raw.Bytes)
		if card.ContainsPAN(raw.Bytes) {
			in.Token = ""
			return errNumberInText
		}
		return nil
	case raw.Kind == inplace.Object:
		return rawCard(raw, in)
	}
	return &vault.Error{Code: vault.BadRequest, Message: "payment_method needs a stored_payment_method_id, or a card: an object or a token"}
}

// rawCard reads a card under the names of that front's answer, or of this API's
// own tokens. Its slices alias the request's buffer.
func rawCard(v value, in *vault.PaymentRequest) error {
	var out card.Input
	for _, p := range [...]struct {
		names []string
		dst   *[]byte
	}{
		{[]string{"number"}, &out.Number}, {[]string{"name"}, &out.Name},
		{[]string{"exp_month", "expiration_month"}, &out.ExpirationMonth}, {[]string{"exp_year", "expiration_year"}, &out.ExpirationYear},
		{[]string{"cvv", "cvc", "security_code"}, &out.SecurityCode},
	} {
		for _, name := range p.names {
			b, ok := v.Get(name).Scalar()
			if !ok {
				return errWrongType
			}
			if b != nil {
				*p.dst = b
			}
		}
	}
	in.Card = &out
	return nil
}

// without is an object but for one member.
func without(v value, name string) value {
	out := value{Kind: v.Kind}
	for _, f := range v.Fields {
		if string(f.Name) != name {
			out.Fields = append(out.Fields, f)
		}
	}
	return out
}

func optionalText(v value, name string) (string, error) {
	b, ok := v.Get(name).Scalar()
	if !ok || card.ContainsPAN(b) {
		return "", invalidParameter(name)
	}
	return string(b), nil
}

// texts reads an object of texts; what is left out is "".
func texts(v value, name string, members []string) (map[string]any, error) {
	object := v.Get(name)
	switch object.Kind {
	case inplace.Object, inplace.Absent, inplace.Null:
	default:
		return nil, invalidParameter(name)
	}
	out := make(map[string]any, len(members))
	for _, member := range members {
		text, err := optionalText(object, member)
		if err != nil {
			return nil, invalidParameter(name + "." + member)
		}
		out[member] = text
	}
	return out, nil
}

// paymentCredentials reads the two keys of a payment: the Authorization header,
// raw or behind "Basic", and x-api-key.
func paymentCredentials(h http.Header) (authorization, apiKey string) {
	text := strings.TrimSpace(h.Get("Authorization"))
	if key := credential(text); key != "" {
		return key, strings.TrimSpace(h.Get("X-Api-Key"))
	}
	if scheme, rest, ok := strings.Cut(text, " "); ok && strings.EqualFold(scheme, "Basic") {
		text = strings.TrimSpace(rest)
	}
	return text, strings.TrimSpace(h.Get("X-Api-Key"))
}
