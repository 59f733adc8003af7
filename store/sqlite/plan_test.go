package sqlite

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/store/internal/sqlstore"
	"github.com/panvault/panvault/store/storetest"
)

// explainer runs statements and keeps SQLite's plan of each, one line a step.
type explainer struct {
	*session
	plans []string
}

// Exec implements sqlstore.Querier.
func (e *explainer) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	if err := e.explain(ctx, query, args...); err != nil {
		return 0, err
	}
	return e.session.Exec(ctx, query, args...)
}

// Query implements sqlstore.Querier.
func (e *explainer) Query(ctx context.Context, query string, each func(sqlstore.Scan) error, args ...any) error {
	if err := e.explain(ctx, query, args...); err != nil {
		return err
	}
	return e.session.Query(ctx, query, each, args...)
}

func (e *explainer) explain(ctx context.Context, query string, args ...any) error {
	var steps []string
	err := e.session.Query(ctx, "EXPLAIN QUERY PLAN "+query, func(scan sqlstore.Scan) error {
		var id, parent, unused int64
		var step string
		err := scan(&id, &parent, &unused, &step)
		steps = append(steps, step)
		return err
	}, args...)
	e.plans = append(e.plans, strings.Join(steps, "\n"))
	return err
}

// TestPlans holds the queries whose cost must not grow with the vault to the
// index that was made for them. A database has no statistics, which only ANALYZE
// would make, so that its plans do not depend on its rows.
func TestPlans(t *testing.T) {
	ctx := t.Context()
	s, _ := fresh(t, Options{})
	id, mac, merchant := storetest.Card(0).ID, make([]byte, 32), storetest.Merchant(0).ID
	page, newest := store.Page{To: 9, Limit: 9}, store.Page{To: 9, Limit: 9, Newest: true}
	bounds := store.Bounds{Lapsed: 9, Used: 9, Spent: 9, ExpiredYear: 2030, ExpiredMonth: 1}
	const (
		lapsing  = "SEARCH cards USING INDEX cards_lapsing (expires_at>? AND expires_at<?)"
		unused   = "SEARCH cards USING INDEX cards_used (used_at>? AND used_at<?)"
		spent    = "SEARCH cards USING INDEX cards_spent (used_at>? AND used_at<?)"
		expiring = "SEARCH cards USING INDEX cards_expiring ((expiry_year,expiry_month)<(?,?))"
		customer = "SEARCH cards USING INDEX cards_customer (customer=?"
		charged  = "SEARCH charges USING INDEX charges_merchant (merchant=? AND live=? AND created_at>? AND created_at<?)"
		owned    = "SEARCH customers USING INDEX customers_merchant (merchant=? AND live=? AND created_at>? AND created_at<?)"
		epoch    = "SEARCH key_epoch USING INTEGER PRIMARY KEY (rowid=?)"
		keks     = "SEARCH cards USING COVERING INDEX cards_keys (live=? AND kek_version>? AND kek_version<?)"
		steps    = "SEARCH cards USING COVERING INDEX cards_keys (live=? AND kek_version=? AND dek_generation>? AND dek_generation<?)"
		ofKeys   = "SEARCH cards USING INDEX cards_keys (live=? AND kek_version=? AND dek_generation=? AND id>? AND id<?)"
		version  = "SEARCH fingerprints USING COVERING INDEX fingerprints_key (live=? AND key_version>? AND key_version<?)"
	)
	covered := func(step string) string { return strings.Replace(step, "USING INDEX", "USING COVERING INDEX", 1) }
	err := s.Update(ctx, func(tx store.Tx) error { // so that there is one version to list
		c := storetest.Card(1)
		f := store.Fingerprint{MAC: mac, KeyVersion: 1, Merchant: merchant, Live: true, Surrogate: mac, ID: id, Tag: c.Tag}
		return errors.Join(tx.InsertCard(ctx, &c), tx.InsertFingerprint(ctx, &f))
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		run  func(tx store.Tx) error
		want []string // the plan of each statement
	}{
		{"lapsed tokens", func(tx store.Tx) error { _, err := tx.LapsedTokens(ctx, 9, 9); return err }, []string{lapsing}},
		{"unused cards", func(tx store.Tx) error { _, err := tx.UnusedCards(ctx, 9, 9); return err }, []string{unused}},
		{"spent cards", func(tx store.Tx) error { _, err := tx.SpentCards(ctx, 9, 9); return err }, []string{spent}},
		{"expired cards", func(tx store.Tx) error { _, err := tx.ExpiredCards(ctx, 2030, 1, 9); return err }, []string{expiring}},
		{"count", func(tx store.Tx) error { _, err := tx.CountRetention(ctx, bounds); return err }, []string{
			"SEARCH cards USING COVERING INDEX cards_lapsing (expires_at>?)", // all of it, which is the unused tokens alone
			"SCAN cards USING COVERING INDEX cards_customer",                 // all of it, which is the cards of customers alone
			covered(lapsing), covered(unused), spent, expiring, covered(lapsing),
		}},
		{"cards of a customer", func(tx store.Tx) error { _, err := tx.CustomerCards(ctx, id, page); return err },
			[]string{customer + " AND created_at>? AND created_at<?)"}},
		{"cards of a customer, newest first", func(tx store.Tx) error { _, err := tx.CustomerCards(ctx, id, newest); return err },
			[]string{customer + " AND created_at>? AND created_at<?)"}},
		{"count of a customer's cards", func(tx store.Tx) error { _, err := tx.CountCustomerCards(ctx, id, page); return err },
			[]string{covered(customer + " AND created_at>? AND created_at<?)")}},
		{"newest card", func(tx store.Tx) error { _, _ = tx.NewestCard(ctx, id); return nil },
			[]string{customer + ")\nUSE TEMP B-TREE FOR ORDER BY"}}, // over one customer's cards
		{"customers", func(tx store.Tx) error { _, err := tx.Customers(ctx, merchant, true, page); return err }, []string{owned}},
		{"customers, newest first", func(tx store.Tx) error { _, err := tx.Customers(ctx, merchant, true, newest); return err }, []string{owned}},
		{"count of customers", func(tx store.Tx) error { _, err := tx.CountCustomers(ctx, merchant, true, page); return err }, []string{covered(owned)}},
		{"fingerprint", func(tx store.Tx) error { _, _ = tx.Fingerprint(ctx, mac); return nil },
			[]string{"SEARCH fingerprints USING INDEX sqlite_autoindex_fingerprints_1 (mac=?)"}},
		{"fingerprint by id", func(tx store.Tx) error { _, _ = tx.FingerprintByID(ctx, id); return nil },
			[]string{"SEARCH fingerprints USING INDEX fingerprints_id (id=?)"}},
		{"find cards", func(tx store.Tx) error {
			_, err := tx.FindCards(ctx, store.CardFilter{Merchant: merchant, Brand: "JCB"}, 9)
			return err
		}, []string{"SEARCH cards USING INDEX sqlite_autoindex_cards_1 (id>? AND id<?)"}},
		{"window of cards", func(tx store.Tx) error { _, _, err := tx.CardWindow(ctx, "", 9); return err },
			[]string{"SEARCH cards USING COVERING INDEX sqlite_autoindex_cards_1 (id<?)"}},
		{"cards of a merchant", func(tx store.Tx) error { _, err := tx.MerchantCards(ctx, merchant, true, "", 9); return err },
			[]string{"SEARCH cards USING INDEX sqlite_autoindex_cards_1 (id>?)"}},
		{"card of a payment method", func(tx store.Tx) error { _, _ = tx.CardOfPaymentMethod(ctx, id); return nil },
			[]string{"SEARCH cards USING INDEX cards_payment_method (payment_method=?)"}},
		{"forward", func(tx store.Tx) error { _, _ = tx.Forward(ctx, id); return nil },
			[]string{"SEARCH forwards USING INDEX sqlite_autoindex_forwards_1 (id=?)"}},
		{"forward of a request", func(tx store.Tx) error { _, _ = tx.ForwardOfRequest(ctx, mac); return nil },
			[]string{"SEARCH forwards USING INDEX forwards_request (request=?)"}},
		{"last forward of a card", func(tx store.Tx) error { _, _ = tx.LastForward(ctx, id); return nil },
			[]string{"SEARCH forwards USING INDEX forwards_card (card=?)"}},
		{"abandoned forwards", func(tx store.Tx) error { _, err := tx.AbandonedForwards(ctx, 9, 9); return err },
			[]string{"SEARCH forwards USING INDEX forwards_open (lease_until>? AND lease_until<?)"}},
		{"forwards", func(tx store.Tx) error { _, err := tx.Forwards(ctx, "", 9); return err },
			[]string{"SCAN forwards USING INDEX sqlite_autoindex_forwards_1"}}, // from the end, up to the limit
		{"end of a forward", func(tx store.Tx) error {
			f := store.Forward{ID: id, State: store.ForwardAnswered}
			_ = tx.UpdateForward(ctx, &f, mac)
			return nil
		}, []string{"SEARCH forwards USING INDEX sqlite_autoindex_forwards_1 (id=?)"}},
		{"charge", func(tx store.Tx) error { _, _ = tx.Charge(ctx, id); return nil },
			[]string{"SEARCH charges USING INDEX sqlite_autoindex_charges_1 (id=?)"}},
		{"charges", func(tx store.Tx) error { _, err := tx.Charges(ctx, merchant, true, page); return err }, []string{charged}},
		{"charges, newest first", func(tx store.Tx) error { _, err := tx.Charges(ctx, merchant, true, newest); return err }, []string{charged}},
		{"count of charges", func(tx store.Tx) error { _, err := tx.CountCharges(ctx, merchant, true, page); return err }, []string{covered(charged)}},
		{"approvals", func(tx store.Tx) error { _, err := tx.Approvals(ctx, 9); return err },
			[]string{"SCAN approvals USING INDEX sqlite_autoindex_approvals_1"}}, // from the end, up to the limit
		{"reveals of a key", func(tx store.Tx) error { _, err := tx.Reveals(ctx, merchant, 9, 9); return err },
			[]string{"SEARCH reveals USING INDEX reveals_budget (api_key=? AND counted_at>?)"}},
		{"versions of keys", func(tx store.Tx) error { _, err := tx.KeyVersions(ctx); return err },
			[]string{"SCAN key_versions USING INDEX sqlite_autoindex_key_versions_1"}}, // all of it
		{"change of a key version", func(tx store.Tx) error {
			_ = tx.UpdateKeyVersion(ctx, &store.KeyVersion{Key: "work", Version: 1, State: store.KeyActive}, mac)
			return nil
		}, []string{"SEARCH key_versions USING INDEX sqlite_autoindex_key_versions_1 (key=? AND version=?)"}},
		{"epoch", func(tx store.Tx) error { _, err := tx.Epoch(ctx); return err }, []string{epoch}},
		{"next epoch", func(tx store.Tx) error { _, err := tx.BumpEpoch(ctx); return err }, []string{epoch, epoch}},
		{"change of a working key", func(tx store.Tx) error {
			_ = tx.UpdateWorkingKey(ctx, &store.WorkingKey{Purpose: "profile", Mode: "live", Version: 1}, mac)
			return nil
		}, []string{"SEARCH working_keys USING INDEX sqlite_autoindex_working_keys_1 (purpose=? AND mode=? AND version=?)"}},
		{"nodes", func(tx store.Tx) error { _, err := tx.Nodes(ctx); return err },
			[]string{"SCAN nodes USING INDEX sqlite_autoindex_nodes_1"}}, // all of it, a row a process
		{"nodes that are gone", func(tx store.Tx) error { _, err := tx.DeleteNodesBefore(ctx, 9, 9); return err },
			[]string{"SEARCH nodes USING COVERING INDEX sqlite_autoindex_nodes_1 (id=?)\nLIST SUBQUERY 1\nSCAN nodes\nUSE TEMP B-TREE FOR ORDER BY"}},
		{"job", func(tx store.Tx) error { _, _ = tx.KeyJob(ctx, id); return nil },
			[]string{"SEARCH key_jobs USING INDEX sqlite_autoindex_key_jobs_1 (id=?)"}},
		{"unfinished job", func(tx store.Tx) error { _, _ = tx.OpenKeyJob(ctx, "rewrap", "work"); return nil },
			[]string{"SEARCH key_jobs USING INDEX key_jobs_open (verb=? AND key=?)"}},
		{"jobs", func(tx store.Tx) error { _, err := tx.KeyJobs(ctx, 9); return err },
			[]string{"SCAN key_jobs USING INDEX sqlite_autoindex_key_jobs_1"}}, // from the end, up to the limit
		{"progress of a job", func(tx store.Tx) error { _ = tx.UpdateKeyJob(ctx, &store.KeyJob{ID: id}, mac); return nil },
			[]string{"SEARCH key_jobs USING INDEX sqlite_autoindex_key_jobs_1 (id=?)"}},
		{"count of cards by key", func(tx store.Tx) error { _, err := tx.CountCardsByKEK(ctx, true); return err }, []string{
			"SEARCH cards USING COVERING INDEX cards_keys (live=?)", // all of it, which is the cards that are not destroyed
			"SEARCH cards USING INDEX sqlite_autoindex_cards_1 (id=?)",
		}},
		{"cards of a KEK", func(tx store.Tx) error { _, err := tx.CardsOfKEK(ctx, true, 9, "", 9); return err },
			[]string{keks, steps, ofKeys, steps, keks}},
		{"cards of a generation", func(tx store.Tx) error { _, err := tx.CardsOfGeneration(ctx, true, 9, 9, "", 9); return err },
			[]string{keks, steps, ofKeys, steps, keks}},
		{"card of a fingerprint", func(tx store.Tx) error { _, _ = tx.CardOfFingerprint(ctx, merchant); return nil }, []string{
			"SEARCH cards USING INDEX sqlite_autoindex_cards_1 (id=?)",
			"SEARCH cards USING INDEX cards_again (fingerprint_id=?)",
		}},
		{"change of a card's keys", func(tx store.Tx) error { c := storetest.Card(1); return tx.UpdateCardKeys(ctx, &c, c.Tag) },
			[]string{"SEARCH cards USING INDEX sqlite_autoindex_cards_1 (id=?)"}},
		{"count of fingerprints by key", func(tx store.Tx) error { _, err := tx.CountFingerprintsByVersion(ctx, true); return err },
			[]string{"SEARCH fingerprints USING COVERING INDEX fingerprints_key (live=?)"}}, // all of it
		{"fingerprints of a key", func(tx store.Tx) error { _, err := tx.FingerprintsOfVersion(ctx, true, 9, "", 9); return err },
			[]string{version, "SEARCH fingerprints USING INDEX fingerprints_key (live=? AND key_version=? AND id>? AND id<?)", version}},
		{"answers about a customer", func(tx store.Tx) error { _, err := tx.CustomerAnswers(ctx, id); return err },
			[]string{"SEARCH idempotency USING INDEX idempotency_customer (customer=?)"}},
		{"expired idempotency keys", func(tx store.Tx) error { _, err := tx.DeleteIdempotencyBefore(ctx, 9, 9); return err },
			[]string{"SEARCH idempotency USING COVERING INDEX sqlite_autoindex_idempotency_1 (id=?)\nLIST SUBQUERY 1\n" +
				"SEARCH idempotency USING INDEX idempotency_expiry (expires_at<?)"}},
	} {
		var got []string
		err := s.writer.do(ctx, func(q *session) error {
			e := &explainer{session: q}
			err := test.run(s.text.Tx(e))
			got = e.plans
			return err
		})
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}
