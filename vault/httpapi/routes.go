package httpapi

import (
	"context"
	"slices"
	"time"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/vault"
)

// Tier says which listener serves a route.
type Tier string

// The tiers. Public faces browsers and apps, private faces merchants' servers,
// operators' the people who run the vault.
const (
	Public    Tier = "public"
	Private   Tier = "private"
	Operators Tier = "operators"
)

// route is one endpoint with everything that bounds it.
type route struct {
	pattern string        // ServeMux pattern, without a trailing slash
	tier    Tier          //
	action  policy.Action // what the caller must be allowed; "" for any valid key
	cors    bool          // browsers of any origin may call it
	repeat  repeat        // whether an idempotency key makes it repeatable
	maxBody int64         // bytes
	timeout time.Duration // for the whole call
	serve   func(*API, context.Context, *call) (any, error)
}

// repeat says where a route takes an idempotency key.
type repeat int

const (
	never          repeat = iota
	byHeader              // Idempotency-Key
	byHeaderOrBody        // or the parameter idempotency_key, which means the same
	byReference           // or merchant_txn_ref, together with the rest of the request
)

const (
	maxBody    = 64 << 10
	maxHeaders = 8 << 10
	// forwardTime lets the destination's own timeout, 2 minutes at most, decide.
	forwardTime = 3 * time.Minute
)

// routes is the whole wire.
func routes() []route {
	return []route{
		{"POST /tokens", Public, policy.CreateToken, true, never, maxBody, 15 * time.Second, (*API).createToken},
		{"GET /tokens/{id}", Public, policy.ReadToken, false, never, maxBody, 15 * time.Second, (*API).getToken},

		{"GET /account", Private, policy.ManageCustomer, false, never, maxBody, 15 * time.Second, (*API).getAccount},
		{"POST /customers", Private, policy.ManageCustomer, false, byHeader, maxBody, 15 * time.Second, (*API).createCustomer},
		{"GET /customers", Private, policy.ManageCustomer, false, never, maxBody, 15 * time.Second, (*API).listCustomers},
		{"GET /customers/{id}", Private, policy.ManageCustomer, false, never, maxBody, 15 * time.Second, (*API).getCustomer},
		{"PATCH /customers/{id}", Private, policy.ManageCustomer, false, byHeader, maxBody, 15 * time.Second, (*API).updateCustomer},
		{"DELETE /customers/{id}", Private, policy.ManageCustomer, false, never, maxBody, 15 * time.Second, (*API).deleteCustomer},
		{"GET /customers/{id}/schedules", Private, policy.ManageCustomer, false, never, maxBody, 15 * time.Second, (*API).listSchedules},
		{"GET /customers/{id}/cards", Private, policy.ManageCustomer, false, never, maxBody, 15 * time.Second, (*API).listCards},
		{"GET /customers/{id}/cards/{card}", Private, policy.ManageCustomer, false, never, maxBody, 15 * time.Second, (*API).getCard},
		{"PATCH /customers/{id}/cards/{card}", Private, policy.ManageCustomer, false, byHeader, maxBody, 15 * time.Second, (*API).updateCard},
		{"DELETE /customers/{id}/cards/{card}", Private, policy.ManageCustomer, false, never, maxBody, 15 * time.Second, (*API).deleteCard},

		{"POST /charges", Private, policy.ManageCharge, false, byHeader, maxBody, forwardTime, (*API).createCharge},
		{"GET /charges", Private, policy.ManageCharge, false, never, maxBody, 15 * time.Second, (*API).listCharges},
		{"GET /charges/{id}", Private, policy.ManageCharge, false, never, maxBody, 15 * time.Second, (*API).getCharge},
		{"PATCH /charges/{id}", Private, policy.ManageCharge, false, byHeader, maxBody, 15 * time.Second, (*API).updateCharge},
		{"POST /charges/{id}/capture", Private, policy.ManageCharge, false, byHeader, maxBody, forwardTime, (*API).captureCharge},
		{"POST /charges/{id}/reverse", Private, policy.ManageCharge, false, byHeader, maxBody, forwardTime, (*API).reverseCharge},

		{"POST /v1/forwards", Private, policy.ForwardCard, false, byHeaderOrBody, maxBody, forwardTime, (*API).createForward},
		{"GET /v1/forwards/{id}", Private, policy.ForwardCard, false, never, maxBody, 15 * time.Second, (*API).getForward},

		{"POST /v1/reveals", Private, policy.RevealMasked, false, never, maxBody, vault.MaxRevealWait + vault.RevealTime, (*API).reveal},

		{"POST " + paymentPath, Private, policy.CreatePayment, false, byReference, maxBody, forwardTime, (*API).createPayment},
		{"POST " + doubledPaymentPath, Private, policy.CreatePayment, false, byReference, maxBody, forwardTime, (*API).createPayment},

		{"GET /admin/cards", Operators, policy.FindCard, false, never, maxBody, 30 * time.Second, (*API).findCards},
		{"GET /admin/cards/{id}", Operators, policy.FindCard, false, never, maxBody, 15 * time.Second, (*API).getCardRecord},
		{"GET /admin/customers/{id}", Operators, policy.FindCard, false, never, maxBody, 15 * time.Second, (*API).getCustomerRecord},
		{"GET /admin/retention", Operators, policy.ReadOperations, false, never, maxBody, 15 * time.Second, (*API).getRetention},
	}
}

// unknownRoute answers whatever no route matches, after the key is checked.
func unknownRoute(tiers []Tier) route {
	tier := Private
	if slices.Contains(tiers, Public) && len(tiers) == 1 {
		tier = Public
	}
	return route{"unknown", tier, "", false, never, maxBody, 15 * time.Second, (*API).notFound}
}

func (rt route) in(tiers []Tier) bool { return slices.Contains(tiers, rt.tier) }
