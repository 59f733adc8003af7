package cardfile_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/panvault/panvault/vault/cardfile"
)

// A key of what nobody may keep ends the reading, wherever it is, in lines that
// are no JSON as well.
func TestJSONSensitive(t *testing.T) {
	good := `{"number":"1"}` + "\n"
	for _, line := range []string{
		`{"cvc":"1"}`, `{"number":"1","card":{"CVV2":null}}`, `{"a":{"b":{"c":{"Security-Code":""}}}}`, `{"a":[{"pin":1}]}`,
		`{"metadata":{"a":{"a":{"a":{"a":{"track2":1}}}}}}`, `{"c\u0076c":1}`, `{"a":1,"a":1,"cvc":"1"}`, `{"a":1,"cvc" :"1"`, "{\"a\":\"\xff\",\"cvc\":\"1\"}",
	} {
		records, err := readAll(cardfile.NewReader(strings.NewReader(good+line+"\n"+good), cardfile.JSONLines))
		if len(records) != 1 || !errors.Is(err, cardfile.ErrSensitive) || !strings.Contains(err.Error(), "on line 2: PCI DSS 3.3.1") {
			t.Errorf("%s: %d records, %v", line, len(records), err)
		}
	}
	if got := says(t, cardfile.JSONLines, `{"name":"cvc","cvc_check":"pass","description":"cvc: 1"}`); got[0] != "desc=cvc: 1|name=cvc" {
		t.Errorf("got %q", got)
	}
}

// What a merchant noted about his customer is not searched, for nothing of it is
// read: an export of this vault has it, whatever its keys are called.
func TestCustomerMetadata(t *testing.T) {
	const want = "cust=c|num=1"
	for _, line := range []string{
		`{"number":"1","customer":{"id":"c","metadata":{"pin":"1234"}}}`,
		`{"number":"1","customer":{"id":"c","metadata":{"a":{"track":[{"cvc":"1"}]}}}}`,
		`{"customer":{"metadata":{"number":"2","email":"x","security_code":"1"},"id":"c"},"card":{"number":"1"}}`,
	} {
		if got := says(t, cardfile.JSONLines, line); len(got) != 1 || got[0] != want {
			t.Errorf("%s: got %q, want %q", line, got, want)
		}
	}
	for _, line := range []string{
		`{"number":"1","customer":{"id":"c","pin":"1"}}`, `{"number":"1","customer":{"pin":{"metadata":1}}}`,
		`{"number":"1","customer":{"Metadata":{"pin":"1"}}}`, `{"number":"1","customer":{"address":{"metadata":{"pin":"1"}}}}`,
		`{"number":"1","customer":{"card":{"cvc":"1"}}}`, `{"number":"1","metadata":{"pin":"1"}}`, `{"number":"1","card":{"metadata":{"pin":"1"}}}`,
		`{"number":"1","card":{"customer":{"metadata":{"pin":"1"}}}}`, `{"number":"1","customer":[{"metadata":{"pin":"1"}}]}`,
		`{"number":"1","customer_id":{"metadata":{"pin":"1"}}}`, `{"number":"1","customer":{"metadata":{},"cvv":""}}`,
	} {
		if _, err := readAll(cardfile.NewReader(strings.NewReader(line), cardfile.JSONLines)); !errors.Is(err, cardfile.ErrSensitive) {
			t.Errorf("%s: %v, want that it is refused", line, err)
		}
	}
}

// An email within a card is the card's, also beside the customer's.
func TestCardEmail(t *testing.T) {
	for line, want := range map[string]string{
		`{"customer":{"id":"c","email":"a@x"},"card":{"number":"1","email":"b@x"}}`: "cust=c|email=a@x|num=1|CARDEMAIL=b@x",
		`{"card":{"number":"1","email":"b@x"}}`:                                     "num=1|CARDEMAIL=b@x",
		`{"email":"a@x","card":{"number":"1","email":null}}`:                        "email=a@x|num=1",
		`{"card":{"number":"1","email":"a","email":"b"}}`:                           "!record has a key twice",
		`{"number":"1","email":"a@x"}`:                                              "email=a@x|num=1",
	} {
		if got := says(t, cardfile.JSONLines, line); len(got) != 1 || got[0] != want {
			t.Errorf("%s: got %q, want %q", line, got, want)
		}
	}
}
