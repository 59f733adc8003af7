package audit_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/panvault/panvault/vault/audit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// goodRecord is a record that fits the format.
func goodRecord() audit.Record {
	return audit.Record{
		Event: goodEvent(),
		ID:    "evnt_0mf3k2a9h4j7l1p5s8d2g6y0",
		At:    time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC),
		Node:  "a", Salt: "00112233445566778899aabbccddeeff",
	}
}

func goodEvent() audit.Event {
	return audit.Event{
		Type: audit.TokenCreate, Outcome: audit.OK,
		Actor:    audit.Actor{ID: "akey_0mf3k2a9x7c1v5b8n4q6w2e0r", Kind: "public"},
		Origin:   audit.Origin{IP: "192.0.2.1", Request: "req_1"},
		Merchant: "mrch_0mf3k2a9x7c1v5b8n4q6w2e0r", Mode: "live", Object: "tokn_0mf3k2a9h4j7l1p5s8d2g6y0",
		Details: map[string]string{"brand": "MasterCard"},
	}
}
