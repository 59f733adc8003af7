package processor_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// documented is the request of PaymentOptions' documents, with a card.
const documented = `{
"amount": "1000",
"currency": "JPY",
"payment_method": {
"type": "scheme",
"store_payment_method": true,
"store_payment_method_id": "094db781-fabc-4c6d-8fcd-18bee06a527a",
"card": {"number": "4000000000001091", "exp_month": "12", "exp_year": "24", "name": "John Doe", "cvv": "987"}
},
"merchant_txn_ref": "qwe",
"customer_ip": "127.0.0.1",
"merchant_id": "< Merchant ID >",
"return_url": {
"webhook_url": "< Webhook url >",
"success_url": "http://www.successurl.com/",
"decline_url": "http://www.declineurl.com/"
},
"billing_address": {
"country": "JP",
"email": "billing@testemail.com",
"phone_number": "8112345678",
"address1": "1-2-3 Shinjuku",
"city": "Shinjuku-ku",
"state": "Tokyo",
"postal_code": "1600022"
},
"shipping_address": {
"country": "JP",
"email": "shipping@testemail.com",
"phone_number": "8112345678",
"address1": "1-2-3 Shinjuku",
"city": "Shinjuku-ku",
"state": "Tokyo",
"postal_code": "1600022"
},
"time_zone": "Asia/Kuala_Lumpur"
}`

// answered is the documented answer. Other than there are the ids, times and
// codes, which are drawn, and the brand, which is not the number's there.
const answered = `{
"success":true,
"status_code":201,
"is_live":false,
"transaction_type":"CAPTURE",
"gateway_response":{
"version":"1",
"type":"INFO",
"message":"Payment Successful.",
"code":"INFO0000"
},
"merchant_details":{
"legal_name":"アイベック株式会社",
"mid":"< Merchant ID >",
"merchant_txn_ref":"qwe",
"billing_details":{
"billing_address":{
"country":"JP",
"email":"billing@testemail.com",
"phone_number":"8112345678",
"address1":"1-2-3 Shinjuku",
"city":"Shinjuku-ku",
"state":"Tokyo",
"postal_code":"1600022"
}
},
"device_details":{
"visited_ip":"127.0.0.1",
"customer_ip":"127.0.0.1"
}
},
"payment_details":{
"amount":1000,
"response_code":0,
"auth_code":"000000",
"currency":"JPY",
"payment_method":"VISA-SSL",
"scheme":"VISA",
"card":{
"name":"John Doe",
"number":"4000000000001091",
"exp_month":"12",
"exp_year":"24"
},
"additional_data":{
"payment_data_source":{
"type":"card"
}
}
},
"transaction_details":{
"id":"00000000-0000-4000-8000-000000000000",
"ref":1,
"timestamp":"2026-01-02T03:04:05.678Z",
"merchant_txn_ref":"qwe",
"stored_payment_method_id":"094db781-fabc-4c6d-8fcd-18bee06a527a"
},
"risk-details":{
"risk_score":null
}
}`

const optionsPath = "/paymentoptions/payment"

// TestPaymentOptions: every key of the documented answer, in its order, with
// the whole card number.
func TestPaymentOptions(t *testing.T) {
	t.Parallel()
	s := start(t, withZeros)
	status, got := s.send("POST", optionsPath, documented)
	if diff := cmp.Diff(strings.ReplaceAll(answered, "\n", ""), got); status != 201 || diff != "" {
		t.Errorf("%d\n%s", status, diff)
	}
	master := strings.NewReplacer("4000000000001091", "5555555555554444", `"12"`, "5", `"24"`, "2031", `"1000"`, "1000").Replace(documented)
	got = s.wire(optionsPath, master)
	for _, want := range []string{
		"HTTP/1.1 201 Created\r\n", `"payment_method":"ECMC-SSL","scheme":"MASTERCARD"`, `"amount":1000,`,
		`"number":"5555555555554444","exp_month":"05","exp_year":"31"`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in %s", want, got)
		}
	}
	if r := s.Reference("qwe"); r.Received != 2 || r.Charges != 2 || r.ChargedAmount != 2000 {
		t.Errorf("%+v", r)
	}
}

func TestPaymentOptionsDeclines(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, tt := range []struct {
		number, amount string
		status         int
		gateway        string
	}{
		{"4111111111140011", "1000", 201, `"type":"ERROR","message":"insufficient funds in the account or the card has reached the credit limit","code":"DECL0051"`},
		{"4111111111140011", "900023", 402, `"code":"DECL0051"`},
		{visa, "900023", 402, `"code":"DECL0005"`},
		{"4000000000003063", "1000", 201, `"message":"Authentication required.","code":"INFO0001"`},
	} {
		body := strings.NewReplacer("4000000000001091", tt.number, `"1000"`, tt.amount).Replace(documented)
		status, text := s.send("POST", optionsPath, body)
		got := decode(t, text)
		if status != tt.status || got["status_code"] != float64(tt.status) || got["success"] != false || !strings.Contains(text, tt.gateway) || !strings.Contains(text, tt.number) {
			t.Errorf("%s for %s: %d %s", tt.amount, tt.number, status, text)
		}
		transaction := got["transaction_details"].(map[string]any)
		kept := s.get(200, "GET", "/payments/"+transaction["id"].(string), "")
		if kept["redirect_url"] != transaction["redirect_url"] || kept["status"] == "approved" {
			t.Errorf("%s for %s is %v", tt.amount, tt.number, kept)
		}
	}
	if r := s.Reference("qwe"); r.Charged {
		t.Errorf("%+v", r)
	}
}

// TestPaymentOptionsBehaviours: the amounts count at this front too.
func TestPaymentOptionsBehaviours(t *testing.T) {
	t.Parallel()
	s := start(t)
	for amount, want := range map[string]string{
		"900004": "", "900009": `"echo":"NDAwMDAwMDAwMDAwMTA5MQ=="}`, "900019": "Location: http://169.254.169.254/", "900006": `{"success":true`,
	} {
		got := s.wire(optionsPath, strings.Replace(documented, `"1000"`, amount, 1))
		if !strings.Contains(got, want) || (want == "") != (got == "") {
			t.Errorf("%s: %q, want %s", amount, got, want)
		}
	}
}

func TestPaymentOptionsMalformed(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, change := range [][2]string{
		{`"1000"`, `"1000.50"`}, {`"1000"`, `"-1"`}, {`"1000"`, `true`}, {`"1000"`, `null`}, {"4000000000001091", "4000000000001090"}, {`"12"`, `"x"`},
		{`"qwe"`, `""`}, {`"JPY"`, `"¥"`}, {`"card"`, `"kard"`}, {`"987"`, `"98"`}, {`"24"`, `"1924"`},
		{`"type"`, `"stored_payment_method_id":"another","type"`},
	} {
		body := strings.Replace(documented, change[0], change[1], 1)
		got := s.get(400, "POST", optionsPath, body)
		if got["success"] != false || got["status_code"] != 400.0 {
			t.Errorf("%s: %v", change[1], got)
		}
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Post(s.url+optionsPath, "application/json", strings.NewReader(documented))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != 401 {
		t.Errorf("without keys: %d, want 401", resp.StatusCode)
	}
	if total := s.Statistics(); total.Received != 0 || total.Malformed != 13 {
		t.Errorf("statistics are %+v", total)
	}
}
