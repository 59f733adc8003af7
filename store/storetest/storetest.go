// Package storetest is the conformance suite of the storage seam: every
// backend of package store runs it, unchanged.
//
// It promises to exercise each method of each role and every sentinel that the
// seam itself can provoke (ErrNotFound, ErrConflict, ErrUnavailable); what
// takes a full disk, a damaged file or another release to provoke is tested by
// the backend. It uses rows that keep every rule of the seam's documentation.
//
// It must never know which backend it runs on, skip a case, or speak SQL.
package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/panvault/panvault/store"
)

// Factory makes an empty database for one test and returns a function that
// opens it. That function may be called again after the Store it returned was
// closed, and then opens the same database with what was written before. Both
// fail the test themselves when they cannot. The suite closes what it opens;
// what else there is to remove goes to t.Cleanup.
type Factory func(t *testing.T) (open func() store.Store)

// Run runs the whole suite as parallel subtests of t, each on a database of
// its own.
func Run(t *testing.T, factory Factory) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(*harness)
	}{
		{"merchants: round trip", merchantRoundTrip},
		{"merchants: order", merchantOrder},
		{"merchants: conflict and not found", merchantErrors},
		{"merchants: update", merchantUpdate},
		{"merchants: rules", merchantRules},
		{"cards: round trip", cardRoundTrip},
		{"cards: conflict and not found", cardErrors},
		{"cards: the owner must exist", cardOwner},
		{"cards: a destroyed card keeps no key", cardDestroyed},
		{"cards: update", cardUpdate},
		{"cards: rules of the fingerprint's id", cardRules},
		{"cards: of a customer", cardsOfCustomer},
		{"cards: of a payment method", cardsByMethod},
		{"cards: rules of the payment method", cardMethodRules},
		{"customers: round trip", customerRoundTrip},
		{"customers: conflict and not found", customerErrors},
		{"customers: update", customerUpdate},
		{"customers: pages", customerPages},
		{"fingerprints: round trip", fingerprintRoundTrip},
		{"fingerprints: conflict and not found", fingerprintErrors},
		{"fingerprints: rows without an id", fingerprintNoID},
		{"fingerprints: update", fingerprintUpdate},
		{"fingerprints: delete", fingerprintDelete},
		{"fingerprints: one tag, one winner", fingerprintRace},
		{"fingerprints: rules", fingerprintRules},
		{"idempotency: round trip", idempotencyRoundTrip},
		{"idempotency: conflict and not found", idempotencyErrors},
		{"idempotency: update", idempotencyUpdate},
		{"idempotency: delete", idempotencyDelete},
		{"idempotency: answers about a customer", idempotencyOfCustomer},
		{"idempotency: expiry", idempotencyExpiry},
		{"idempotency: one tag, one winner", idempotencyRace},
		{"idempotency: rules", idempotencyRules},
		{"imports: round trip", importRoundTrip},
		{"imports: conflict and not found", importErrors},
		{"imports: update", importUpdate},
		{"imports: one tag, one winner", importRace},
		{"imports: rules", importRules},
		{"approvals: round trip", approvalRoundTrip},
		{"approvals: list", approvalList},
		{"approvals: conflict and not found", approvalErrors},
		{"approvals: update", approvalUpdate},
		{"approvals: one tag, one winner", approvalRace},
		{"approvals: rules", approvalRules},
		{"reveals: round trip", revealRoundTrip},
		{"reveals: list", revealList},
		{"reveals: conflict and not found", revealErrors},
		{"reveals: update", revealUpdate},
		{"reveals: one tag, one winner", revealRace},
		{"reveals: rules", revealRules},
		{"forwards: round trip", forwardRoundTrip},
		{"forwards: conflict and not found", forwardErrors},
		{"forwards: update", forwardUpdate},
		{"forwards: one tag, one winner", forwardRace},
		{"forwards: newest of a card and a request", forwardNewest},
		{"forwards: abandoned", forwardAbandoned},
		{"forwards: list and counts", forwardList},
		{"forwards: rules", forwardRules},
		{"charges: round trip", chargeRoundTrip},
		{"charges: conflict and not found", chargeErrors},
		{"charges: update", chargeUpdate},
		{"charges: one tag, one winner", chargeRace},
		{"charges: pages", chargePages},
		{"charges: rules", chargeRules},
		{"cards: change of keys", cardKeys},
		{"key versions: round trip and order", keyVersionRoundTrip},
		{"key versions: conflict", keyVersionErrors},
		{"key versions: update", keyVersionUpdate},
		{"key versions: one tag, one winner", keyVersionRace},
		{"key versions: rules", keyVersionRules},
		{"key versions: epoch", keyVersionEpoch},
		{"key jobs: round trip", keyJobRoundTrip},
		{"key jobs: list", keyJobList},
		{"key jobs: one unfinished", keyJobOpen},
		{"key jobs: conflict and not found", keyJobErrors},
		{"key jobs: update", keyJobUpdate},
		{"key jobs: one tag, one winner", keyJobRace},
		{"key jobs: rules", keyJobRules},
		{"key use: against counting by hand", keyUseByHand},
		{"key use: pages against filtering by hand", keyUsePages},
		{"key use: bounds", keyUseBounds},
		{"key use: a run over all cards", keyUseRun},
		{"key use: card of a fingerprint", keyUseFingerprint},
		{"key use: nothing is there", keyUseNothing},
		{"fingerprints: by key version", fingerprintVersions},
		{"fingerprints: a run over all rows", fingerprintRun},
		{"nodes: round trip and order", nodeRoundTrip},
		{"nodes: replace", nodeReplace},
		{"nodes: delete", nodeDelete},
		{"nodes: rules", nodeRules},
		{"retention: bounds", retentionBounds},
		{"retention: nothing is due", retentionNothing},
		{"retention: against counting by hand", retentionByHand},
		{"search: each filter", searchFilters},
		{"search: against filtering by hand", searchByHand},
		{"search: pages", searchPages},
		{"search: windows", searchWindow},
		{"search: cards of a merchant", searchMerchant},
		{"api keys: round trip", apiKeyRoundTrip},
		{"api keys: list", apiKeyList},
		{"api keys: conflict and not found", apiKeyErrors},
		{"api keys: update", apiKeyUpdate},
		{"api keys: touch", apiKeyTouch},
		{"working keys: round trip and order", workingKeyRoundTrip},
		{"working keys: conflict", workingKeyErrors},
		{"working keys: update", workingKeyUpdate},
		{"working keys: one tag, one winner", workingKeyRace},
		{"events: round trip", eventRoundTrip},
		{"events: pages", eventPages},
		{"events: conflict leaves the first", eventConflict},
		{"view: snapshot", viewSnapshot},
		{"view: errors and panics", viewErrors},
		{"view: context", viewContext},
		{"update: reads its own writes", updateReadsOwn},
		{"update: an error undoes", updateError},
		{"update: a statement that failed undoes only itself", updateGoesOn},
		{"update: a panic undoes", updatePanic},
		{"update: context", updateContext},
		{"update: transaction used too late", updateTooLate},
		{"concurrent: durable after reopening", concurrentDurable},
		{"concurrent: one id, one winner", concurrentConflict},
		{"concurrent: counters do not lose updates", concurrentCounter},
		{"errors quote no values", errorsQuoteNothing},
		{"check and scrub", checkAndScrub},
		{"close", closeStore},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := &harness{T: t, ctx: t.Context(), open: factory(t)}
			h.Store = h.open()
			t.Cleanup(func() {
				if err := h.Store.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			})
			test.run(h)
		})
	}
}

// harness is one test with its open store.
type harness struct {
	*testing.T
	store.Store
	ctx  context.Context
	open func() store.Store
}

// reopen closes the store and opens it again.
func (h *harness) reopen() {
	h.Helper()
	if err := h.Close(); err != nil {
		h.Fatalf("close: %v", err)
	}
	h.Store = h.open()
}

// update runs an Update that must work.
func (h *harness) update(fn func(store.Tx) error) {
	h.Helper()
	if err := h.Update(h.ctx, fn); err != nil {
		h.Fatalf("update: %v", err)
	}
}

// view runs a View that must work.
func (h *harness) view(fn func(store.Reader) error) {
	h.Helper()
	if err := h.View(h.ctx, fn); err != nil {
		h.Fatalf("view: %v", err)
	}
}

// refuse runs an Update that must fail with want.
func (h *harness) refuse(want error, fn func(store.Tx) error) {
	h.Helper()
	if err := h.Update(h.ctx, fn); !errors.Is(err, want) {
		h.Errorf("update: got %v, want %v", err, want)
	}
}

// miss runs a View that must fail with ErrNotFound.
func (h *harness) miss(fn func(store.Reader) error) {
	h.Helper()
	if err := h.View(h.ctx, fn); !errors.Is(err, store.ErrNotFound) {
		h.Errorf("view: got %v, want %v", err, store.ErrNotFound)
	}
}

// same compares what was read with what was written.
func same[T any](h *harness, what string, got, want T) {
	h.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		h.Errorf("%s (-want +got):\n%s", what, diff)
	}
}
