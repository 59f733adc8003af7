package processor

import "net/http"

// chaosAmount has a behaviour drawn for each payment.
const chaosAmount = 900_099

// behaviour is how the processor answers payments of an amount. Whether the
// card is charged is decided, and written down, before.
type behaviour struct {
	Amount int64  `json:"amount"`
	Name   string `json:"name"`
	Does   string `json:"does"`

	// Charges is false if the card is not charged even if it is a good one.
	Charges bool `json:"charges"`
	// Drops is true if the client gets no answer, or not the whole of one.
	Drops bool `json:"drops"`

	decline failure // instead of an approval
	answer  func(*exchange)
	status  int // of HTTP, if not as usual
}

// behaviours are the amounts that are not answered as they should be, but for
// the first. Where it is not said otherwise, the answer begins as the right one.
var behaviours = [...]behaviour{
	{900_001, "normal", "the right answer, as for every amount that is not listed", true, false, failure{}, (*exchange).honest, 0},
	{900_002, "slow", "the right answer after 2 seconds", true, false, failure{}, (*exchange).slow, 0},
	{900_003, "timeout", "no answer until the client leaves", true, true, failure{}, (*exchange).never, 0},
	{900_004, "drop", "closes the connection instead of an answer", true, true, failure{}, (*exchange).drop, 0},
	{900_005, "drop_in_header", "closes the connection half-way through the headers", true, true, failure{}, (*exchange).dropInHeader, 0},
	{900_006, "drop_in_body", "closes the connection half-way through the body", true, true, failure{}, (*exchange).dropInBody, 0},
	{900_007, "echo_plain", "the card number as a field, 4242424242424242", true, false, failure{}, (*exchange).echoPlain, 0},
	{900_008, "echo_spaced", "the card number in groups of four, 4242 4242 4242 4242", true, false, failure{}, (*exchange).echoSpaced, 0},
	{900_009, "echo_base64", "the card number in standard base64", true, false, failure{}, (*exchange).echoBase64, 0},
	{900_010, "echo_url", "each digit of the card number URL-encoded, %34%32…", true, false, failure{}, (*exchange).echoURL, 0},
	{900_011, "echo_escaped", `each digit of the card number as a JSON escape, \u0034\u0032…`, true, false, failure{}, (*exchange).echoEscaped, 0},
	{900_012, "echo_chunked", "the card number across two chunks of the body", true, false, failure{}, (*exchange).echoChunked, 0},
	{900_013, "echo_header", "the card number in the header X-Card-Number", true, false, failure{}, (*exchange).echoHeader, 0},
	{900_014, "echo_number", "the card number as a JSON number", true, false, failure{}, (*exchange).echoNumber, 0},
	{900_015, "html", "200 with an HTML page", true, false, failure{}, (*exchange).html, 0},
	{900_016, "invalid_json", "200 with the right answer without its end, though no byte is missing by Content-Length", true, false, failure{}, (*exchange).invalidJSON, 0},
	{900_017, "error_500", "500, though the card is charged", true, false, failure{}, (*exchange).error500, 0},
	{900_018, "error_503", "503 with Retry-After", false, false, failedProcessing, (*exchange).error503, 0},
	{900_019, "redirect", "302 to http://169.254.169.254/", false, false, failedProcessing, (*exchange).redirect, 0},
	{900_020, "huge", "the right answer in 5 MiB", true, false, failure{}, (*exchange).huge, 0},
	{900_021, "content_type", "the right answer as text/plain", true, false, failure{}, (*exchange).contentType, 0},
	{900_022, "empty", "200 without a body", true, false, failure{}, (*exchange).empty, 0},
	{900_023, "declined_402", "a decline as HTTP 402", false, false, paymentRejected, (*exchange).honest, http.StatusPaymentRequired},
	{900_024, "drop_uncharged", "like drop", false, true, failedProcessing, (*exchange).drop, 0},
	{900_025, "timeout_uncharged", "like timeout", false, true, failedProcessing, (*exchange).never, 0},
	{900_026, "redirect_307", "307 to http://169.254.169.254/, which asks for the same request, number and all", false, false, failedProcessing, (*exchange).redirect307, 0},
	{900_027, "echo_error", "400 with the card number in the message", false, false, failedProcessing, (*exchange).echoError, 0},
}

// chaos are the behaviours that chance chooses from, each as likely. A late
// answer comes within 2 seconds.
var chaos = [...]behaviour{
	{chaosAmount, "chaos: drop", "", true, true, failure{}, (*exchange).drop, 0},
	{chaosAmount, "chaos: delay", "", true, false, failure{}, (*exchange).delay, 0},
	{chaosAmount, "chaos: echo", "", true, false, failure{}, (*exchange).echoPlain, 0},
	{chaosAmount, "chaos: normal", "", true, false, failure{}, (*exchange).honest, 0},
}

// behaviourFor finds the behaviour of an amount; chance is a random byte.
func behaviourFor(amount int64, chance byte) behaviour {
	if amount == chaosAmount {
		return chaos[int(chance)%len(chaos)]
	}
	for _, b := range behaviours {
		if b.Amount == amount {
			return b
		}
	}
	return behaviours[0]
}

// testCard is a card number, or how numbers end, and what comes of it.
type testCard struct {
	Number  string `json:"number"`
	Outcome string `json:"outcome"`
}

// index tells a developer what there is.
func (p *Processor) index(w http.ResponseWriter, _ *http.Request) {
	cards := []testCard{{authenticated, "pending, with a redirect_url"}}
	for _, f := range families {
		number := f.number
		if len(number) == 4 {
			number = "…" + number
		}
		cards = append(cards, testCard{number, "declined: " + f.failure.code})
	}
	amounts := append(behaviours[:len(behaviours):len(behaviours)], behaviour{
		Amount: chaosAmount, Name: "chaos", Does: "drop, a delay of up to 2 seconds, echo_plain or normal, by chance",
		Charges: true, Drops: true,
	})
	writeJSON(w, http.StatusOK, encode(struct {
		Name    string      `json:"name"`
		Warning string      `json:"warning"`
		Routes  []string    `json:"routes"`
		Cards   []testCard  `json:"cards"`
		Amounts []behaviour `json:"amounts"`
	}{
		"Panvault sandbox processor", "it moves no money; test cards only", []string{
			"POST /payments", "GET /payments/{id}", "POST /payments/{id}/capture", "POST /payments/{id}/reverse",
			"GET /payments/{id}/authenticate", "POST /paymentoptions/payment", "GET /statistics", "GET /statistics/{reference}",
		}, append(cards, testCard{"any other that passes the Luhn check", "approved"}), amounts,
	}))
}
