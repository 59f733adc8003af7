// Package processor is a payment processor for development and tests: the
// second server that the vault forwards card numbers to. It approves and
// declines by test card numbers, and by test amounts it is late, silent, broken
// or careless with the number, as real processors are.
//
// It promises that each behaviour is the same every time and is the one that
// the table at GET / names, that every payment it receives is counted, whatever
// becomes of the answer, and that its memory is bounded. It must never log a
// card number, a security code or a holder's name, nor keep them once their
// request is answered: what stays of a card is its brand and last four digits.
// It moves no money and must never see a real card.
//
// # Payments
//
//	POST /payments
//	{"reference": "chrg_1", "amount": 10000, "currency": "thb", "capture": true,
//	 "card": {"number": "4242424242424242", "expiration_month": 12,
//	          "expiration_year": 2030, "name": "JOHN DOE", "security_code": "123"}}
//
//	200
//	{"id": "pay_…", "reference": "chrg_1", "status": "approved", "amount": 10000,
//	 "currency": "thb", "captured": true, "reversed": false,
//	 "authorization_code": "268004", "failure_code": null, "failure_message": null,
//	 "card": {"brand": "Visa", "last_digits": "4242"},
//	 "duplicate_reference": false, "created_at": "2026-01-02T03:04:05Z"}
//
// capture is true unless it is given, security_code is optional, and a field
// that is not listed is refused. The status is approved, declined or pending;
// declined is HTTP 200 too. A pending payment has a redirect_url: a GET there
// stands for the cardholder who confirms it. A request that makes no sense is
// answered 400 with {"error": {"code", "message"}}.
//
// There is no idempotency: a second request with the same reference is a second
// payment, charged again. Its answer and the statistics say so.
//
//	GET  /payments/{id}           the payment as it is now; 404 if unknown
//	POST /payments/{id}/capture   takes what is approved; 409 if that cannot be
//	POST /payments/{id}/reverse   undoes what is approved, captured or not; 409
//
// # PaymentOptions
//
//	POST /paymentoptions/payment
//
// It takes what PaymentOptions documents, Authorization and x-api-key headers
// among it, with payment_method.card {number, exp_month, exp_year, name, cvv}.
// It answers 201 with all that the real one answers, the whole card number
// among it; a decline differs by success being false. merchant_txn_ref is the
// reference and transaction_details.id the payment's id.
//
// # What was received
//
//	GET /                         the behaviours, as JSON
//	GET /statistics               counts since the start
//	GET /statistics/{reference}   what was received with a reference: zeros if
//	                              nothing was
//
// The processor knows its latest payments only, 100,000 unless Options says
// otherwise, and about a reference what these say. The counts since the start
// are of all.
package processor
