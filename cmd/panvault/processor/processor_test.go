package processor_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/panvault/panvault/cmd/panvault/processor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const visa = "4242424242424242"

// patience bounds what should be quick; nothing is asserted about speed.
const patience = 30 * time.Second

// system is a processor behind a real socket.
type system struct {
	*processor.Processor
	t    testing.TB
	url  string
	addr string
	log  *transcript
}

// transcript is what was logged.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *transcript) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *transcript) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func start(t testing.TB, change ...func(*processor.Options)) *system {
	t.Helper()
	logged := &transcript{}
	opts := processor.Options{
		Clock:  func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC) },
		Logger: slog.New(slog.NewTextHandler(logged, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, c := range change {
		c(&opts)
	}
	p := processor.New(opts)
	server := httptest.NewServer(p.Handler())
	t.Cleanup(server.Close)
	return &system{p, t, server.URL, strings.TrimPrefix(server.URL, "http://"), logged}
}

// request is a payment as the vault sends it.
func request(reference, number string, amount int) string {
	text, err := json.Marshal(map[string]any{
		"reference": reference, "amount": amount, "currency": "thb", "capture": true,
		"card": map[string]any{
			"number": number, "expiration_month": 12, "expiration_year": 2030,
			"name": "JOHN DOE", "security_code": "987",
		},
	})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// send sends a request with a client that follows nothing.
func (s *system) send(method, path, body string) (int, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "key")
	req.Header.Set("X-Api-Key", "key")
	client := &http.Client{
		Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		s.t.Errorf("%s %s: %v", method, path, err)
		return 0, ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Errorf("%s %s: %v", method, path, err)
	}
	return resp.StatusCode, string(text)
}

// get decodes the answer of a request that must have this status.
func (s *system) get(status int, method, path, body string) map[string]any {
	s.t.Helper()
	got, text := s.send(method, path, body)
	if got != status {
		s.t.Fatalf("%s %s: %d %s, want %d", method, path, got, text, status)
	}
	return decode(s.t, text)
}

func decode(t testing.TB, text string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// zeros is a source of random numbers that are all zero.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func withZeros(o *processor.Options) { o.Random = zeros{} }

func TestAnswer(t *testing.T) {
	t.Parallel()
	s := start(t, withZeros)
	_, got := s.send("POST", "/payments", request("chrg_1", visa, 10000))
	want := `{"id":"pay_aaaaaaaaaaaaaaaa","reference":"chrg_1","status":"approved","amount":10000,"currency":"thb",` +
		`"captured":true,"reversed":false,"authorization_code":"000000","failure_code":null,"failure_message":null,` +
		`"card":{"brand":"Visa","last_digits":"4242"},"duplicate_reference":false,"created_at":"2026-01-02T03:04:05Z"}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCards(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, tt := range []struct{ number, status, failure, brand string }{
		{visa, "approved", "", "Visa"},
		{"4111111111111111", "approved", "", "Visa"},
		{"5555555555554444", "approved", "", "MasterCard"},
		{"3530111333300000", "approved", "", "JCB"},
		{"378282246310005", "approved", "", "American Express"},
		{"6447032400000000001", "approved", "", "Discover"},
		{"36021042000004", "approved", "", "Diners Club"},
		{"6250947000000006", "approved", "", "UnionPay"},
		{"6759649826438453", "approved", "", ""}, // Maestro, which the vault does not take
		{"4111111111140011", "declined", "insufficient_fund", "Visa"},
		{"5555551111110011", "declined", "insufficient_fund", "MasterCard"},
		{"3530111111190011", "declined", "insufficient_fund", "JCB"},
		{"6250947000000014", "declined", "insufficient_fund", "UnionPay"},
		{"4111111111130012", "declined", "stolen_or_lost_card", "Visa"},
		{"5555551111100012", "declined", "stolen_or_lost_card", "MasterCard"},
		{"3530111111180012", "declined", "stolen_or_lost_card", "JCB"},
		{"6250947000000022", "declined", "stolen_or_lost_card", "UnionPay"},
		{"4111111111120013", "declined", "failed_processing", "Visa"},
		{"5555551111190013", "declined", "failed_processing", "MasterCard"},
		{"3530111111170013", "declined", "failed_processing", "JCB"},
		{"6250947000000030", "declined", "failed_processing", "UnionPay"},
		{"4111111111110014", "declined", "payment_rejected", "Visa"},
		{"5555551111180014", "declined", "payment_rejected", "MasterCard"},
		{"3530111111160014", "declined", "payment_rejected", "JCB"},
		{"6250947000000048", "declined", "payment_rejected", "UnionPay"},
		{luhn("37828224631", "0011"), "declined", "insufficient_fund", "American Express"},
		{luhn("3602104200", "0012"), "declined", "stolen_or_lost_card", "Diners Club"},
		{luhn("644703240000000", "0013"), "declined", "failed_processing", "Discover"},
		{luhn("811234567890", "0014"), "declined", "payment_rejected", "UnionPay"},
		{"4000000000003063", "pending", "", "Visa"},
	} {
		got := s.get(200, "POST", "/payments", request("r"+tt.number[:4], tt.number, 10000))
		card := got["card"].(map[string]any)
		failure, _ := got["failure_code"].(string)
		if got["status"] != tt.status || failure != tt.failure || card["brand"] != tt.brand || card["last_digits"] != tt.number[len(tt.number)-4:] {
			t.Errorf("%s: %v, want %s %s %s", tt.number, got, tt.status, tt.failure, tt.brand)
		}
		if got["captured"] != (tt.status == "approved") || (got["authorization_code"] != nil) != (tt.status == "approved") ||
			(got["failure_message"] != nil) != (tt.status == "declined") || (got["redirect_url"] != nil) != (tt.status == "pending") {
			t.Errorf("%s: %v does not fit its status", tt.number, got)
		}
	}
}

// luhn changes the last digit of prefix so that the number passes the check.
func luhn(prefix, suffix string) string {
	for d := '0'; d <= '9'; d++ {
		number := prefix[:len(prefix)-1] + string(d) + suffix
		sum := 0
		for i := range number {
			v := int(number[len(number)-1-i] - '0')
			if i%2 == 1 {
				if v *= 2; v > 9 {
					v -= 9
				}
			}
			sum += v
		}
		if sum%10 == 0 {
			return number
		}
	}
	panic("no digit fits")
}

func TestSteps(t *testing.T) {
	t.Parallel()
	s := start(t)
	authorize := func(number string, capture string) string {
		body := strings.Replace(request("steps", number, 500), `"capture":true`, `"capture":`+capture, 1)
		return "/payments/" + s.get(200, "POST", "/payments", body)["id"].(string)
	}
	held := authorize(visa, "false")
	if got := s.get(200, "GET", held, ""); got["status"] != "approved" || got["captured"] != false {
		t.Errorf("an authorization is %v", got)
	}
	if got := s.get(200, "POST", held+"/capture", ""); got["captured"] != true {
		t.Errorf("captured: %v", got)
	}
	s.get(409, "POST", held+"/capture", "")
	if got := s.get(200, "POST", held+"/reverse", "{}"); got["captured"] != true || got["reversed"] != true {
		t.Errorf("reversed: %v", got)
	}
	s.get(409, "POST", held+"/reverse", "")
	s.get(409, "POST", held+"/capture", "")

	bad := authorize("4111111111140011", "true")
	s.get(409, "POST", bad+"/capture", "")
	s.get(409, "POST", bad+"/reverse", "")
	s.get(409, "GET", bad+"/authenticate", "")

	waiting := authorize("4000000000003063", "true")
	s.get(409, "POST", waiting+"/capture", "")
	redirect := s.get(200, "GET", waiting, "")["redirect_url"].(string)
	if want := s.url + waiting + "/authenticate"; redirect != want {
		t.Fatalf("redirect_url is %s, want %s", redirect, want)
	}
	if got := s.get(200, "GET", waiting+"/authenticate", ""); got["status"] != "approved" || got["captured"] != true || got["redirect_url"] != nil {
		t.Errorf("authenticated: %v", got)
	}
	s.get(409, "GET", waiting+"/authenticate", "")
	s.get(404, "GET", "/payments/pay_unknown", "")
	s.get(404, "POST", "/payments/pay_unknown/capture", "")
	s.get(404, "DELETE", "/payments", "")
	s.get(404, "GET", "/nowhere", "")

	want := processor.ReferenceStatistics{
		Reference: "steps", Received: 3, DuplicateReference: true, Approved: 2, Declined: 1, Reversed: 1,
		Charges: 1, Charged: true, ChargedAmount: 500,
		Payments: []string{held[len("/payments/"):], bad[len("/payments/"):], waiting[len("/payments/"):]},
	}
	if diff := cmp.Diff(want, s.Reference("steps")); diff != "" {
		t.Error(diff)
	}
	total := s.Statistics()
	if total.Captured != 2 || total.Reversed != 1 || total.Pending != 1 || total.Approved != 1 || total.Declined != 1 {
		t.Errorf("statistics are %+v", total)
	}
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	s := start(t)
	good := request("bad", visa, 10000)
	change := func(old, with string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%s is not in %s", old, good)
		}
		return strings.Replace(good, old, with, 1)
	}
	bodies := []string{
		"", "null", "[]", "{", good + "x", good + good,
		change(visa, "4242424242424241"), change(visa, "4242 4242 4242 4242"), change(visa, "42"), change(visa, "0000000000000000"),
		change(`"`+visa+`"`, visa), change(`"number"`, `"pan"`),
		change(`10000`, `"10000"`), change(`10000`, `0`), change(`10000`, `-5`), change(`10000`, `1.5`), change(`10000`, `1000000000000`),
		change(`thb`, `t`), change(`thb`, `ภภภ`), change(`"bad"`, `""`), change(`"bad"`, `"`+strings.Repeat("r", 256)+`"`),
		change(`12`, `13`), change(`2030`, `30`), change(`JOHN DOE`, ``), change(`987`, `9876543`),
		change(`"reference"`, `"fingerprint":"x","reference"`),
		change(`JOHN DOE`, strings.Repeat("x", 70_000)),
	}
	for _, body := range bodies {
		got := s.get(400, "POST", "/payments", body)
		if e, ok := got["error"].(map[string]any); !ok || e["code"] != "bad_request" || strings.Contains(e["message"].(string), "4242") {
			t.Errorf("%.60s: %v", body, got)
		}
	}
	resp, err := http.Post(s.url+"/payments", "text/plain", strings.NewReader(good))
	if err != nil {
		t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()
	_ = resp.Body.Close()
	if resp.StatusCode != 400 {
		t.Errorf("text/plain gets %d", resp.StatusCode)
	}
	if total := s.Statistics(); total.Received != 0 || total.Malformed != len(bodies)+1 {
		t.Errorf("statistics are %+v, want %d malformed", total, len(bodies)+1)
	}
}

// TestDuplicates: no idempotency, but a second sending is seen.
func TestDuplicates(t *testing.T) {
	t.Parallel()
	s := start(t)
	ids := make(map[any]bool)
	for i := range 3 {
		got := s.get(200, "POST", "/payments", request("twice/a b", visa, 700))
		ids[got["id"]] = true
		if got["duplicate_reference"] != (i > 0) {
			t.Errorf("payment %d: %v", i, got)
		}
	}
	s.get(200, "POST", "/payments", request("once", visa, 700))
	got := s.get(200, "GET", "/statistics/twice%2Fa%20b", "")
	if len(ids) != 3 || got["received"] != 3.0 || got["charges"] != 3.0 || got["charged_amount"] != 2100.0 || got["duplicate_reference"] != true {
		t.Errorf("%d ids, %v", len(ids), got)
	}
	got = s.get(200, "GET", "/statistics", "")
	if got["by_reference"] != 1.0 || got["duplicates"] != 2.0 || got["received"] != 4.0 {
		t.Errorf("statistics are %v", got)
	}
	got = s.get(200, "GET", "/statistics/never", "")
	if got["received"] != 0.0 || got["charged"] != false || len(got["payments"].([]any)) != 0 {
		t.Errorf("an unknown reference: %v", got)
	}
}
