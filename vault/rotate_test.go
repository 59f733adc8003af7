package vault_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/envelope"
)

// keyShop is a till whose process follows changes of keys, and that keeps no
// backups.
func keyShop(t *testing.T) *till {
	t.Helper()
	return newTillWith(t, func(o *vault.Options) { o.Serve = true })
}

func (s *till) rotate(t *testing.T, key kms.Key) vault.KeyVersion {
	t.Helper()
	v, err := s.RotateKey(t.Context(), s.Operator, vault.RotateRequest{Key: key, Reason: "a test"})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (s *till) status(t *testing.T, key kms.Key) vault.KeyStatus {
	t.Helper()
	all, err := s.KeyStatus(t.Context(), s.Operator)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range all {
		if k.Key == key {
			return k
		}
	}
	t.Fatalf("no %s", key)
	return vault.KeyStatus{}
}

// followed waits until the process has taken up the last change.
func (s *till) followed(t *testing.T) {
	t.Helper()
	for range 500 {
		nodes, err := s.Nodes(t.Context(), s.Operator)
		if err != nil {
			t.Fatal(err)
		}
		if len(nodes) == 1 && nodes[0].Current {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the process does not follow")
}

func TestRotateRewrapRetire(t *testing.T) {
	s := keyShop(t)
	var cards []string
	for range 30 {
		cards = append(cards, s.stored(t))
	}
	s.followed(t)
	if v := s.rotate(t, kms.CardTest); v.Version != 2 || v.State != store.KeyActive {
		t.Fatalf("%+v", v)
	}
	if _, err := s.RetireKey(t.Context(), s.Operator, kms.CardTest, 1, "x"); vault.CodeOf(err) != vault.Conflict || !strings.Contains(err.Error(), "30 records") {
		t.Errorf("retired with records: %v", err)
	}
	s.followed(t)
	cards = append(cards, s.stored(t)) // wrapped by the new version
	if k := s.status(t, kms.CardTest); k.Records != 31 || k.Versions[0].Records != 30 || k.Versions[1].Records != 1 || k.Versions[0].Next != "keys rewrap" {
		t.Errorf("%+v", k)
	}
	job, err := s.RewrapKey(t.Context(), s.Operator, kms.CardTest, vault.RewrapOptions{})
	if err != nil || !job.Done || job.Moved != 30 || job.Failed+job.Skipped != 0 {
		t.Fatalf("%+v, %v", job, err)
	}
	if again, err := s.RewrapKey(t.Context(), s.Operator, kms.CardTest, vault.RewrapOptions{}); err != nil || !again.Done || again.Moved != 0 {
		t.Errorf("again: %+v, %v", again, err)
	}
	if v, err := s.RetireKey(t.Context(), s.Operator, kms.CardTest, 1, "x"); err != nil || v.State != store.KeyRetired {
		t.Errorf("%+v, %v", v, err)
	}
	for _, id := range cards { // every one opens
		if f, err := s.forward(t, vault.ForwardRequest{Card: id}); err != nil || f.Status != 200 {
			t.Errorf("%s: %+v, %v", id, f, err)
		}
	}
	k := s.status(t, kms.CardTest)
	if k.Versions[0].State != store.KeyRetired || k.Versions[1].Records != 31 || k.Current != 1 {
		t.Errorf("%+v", k)
	}
	if live := s.status(t, kms.CardLive); len(live.Versions) != 1 {
		t.Errorf("the other mode's key changed: %+v", live)
	}
}

// TestRewrapWorkingKeys: the keys that everything else hangs on move too, and a
// process that starts afterwards opens them.
func TestRewrapWorkingKeys(t *testing.T) {
	s := keyShop(t)
	id := s.stored(t)
	s.rotate(t, kms.Work)
	job, err := s.RewrapKey(t.Context(), s.Operator, kms.Work, vault.RewrapOptions{})
	if err != nil || !job.Done || job.Moved != 10 {
		t.Fatalf("%+v, %v", job, err)
	}
	s.followed(t)
	if _, err := s.RetireKey(t.Context(), s.Operator, kms.Work, 1, "x"); err != nil {
		t.Fatal(err)
	}
	next, err := vault.New(t.Context(), vault.Options{Store: s.Store, KMS: s.KMS, Clock: s.clock.Now, Destinations: s.processor.Destinations})
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close(context.Background())
	if f, err := next.Forward(t.Context(), s.secret, vault.ForwardRequest{Destination: "sandbox", Card: id, Fields: fieldsOf("10000")}); err != nil || f.Status != 200 {
		t.Errorf("%+v, %v", f, err)
	}
}

// TestRotateBesideTraffic: eight writers go on while a key is rotated, rewrapped
// and retired; nothing fails, and every card opens with the new version.
func TestRotateBesideTraffic(t *testing.T) {
	s := keyShop(t)
	s.followed(t)
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	var mu sync.Mutex
	var cards []string
	var failed atomic.Int64
	for range 8 {
		writers.Go(func() {
			for ctx.Err() == nil {
				token, err := s.Tokenize(t.Context(), s.public, request("4242424242424242", "JOHN DOE"))
				var c vault.Customer
				if err == nil {
					c, err = s.CreateCustomer(t.Context(), s.secret, vault.CustomerFields{Token: token.ID})
				}
				if err != nil {
					failed.Add(1)
					t.Errorf("a writer failed: %v", err)
					return
				}
				mu.Lock()
				cards = append(cards, c.DefaultCard)
				mu.Unlock()
			}
		})
	}
	time.Sleep(200 * time.Millisecond)
	s.rotate(t, kms.CardTest)
	s.followed(t)
	if _, err := s.RewrapKey(t.Context(), s.Operator, kms.CardTest, vault.RewrapOptions{}); err != nil {
		t.Error(err)
	}
	if _, err := s.RetireKey(t.Context(), s.Operator, kms.CardTest, 1, "x"); err != nil {
		t.Error(err)
	}
	time.Sleep(200 * time.Millisecond)
	stop()
	writers.Wait()
	k := s.status(t, kms.CardTest)
	if failed.Load() != 0 || k.Versions[0].Records != 0 || k.Records != len(cards) || len(cards) < 50 {
		t.Errorf("%d cards, %d failures, %+v", len(cards), failed.Load(), k)
	}
	for _, id := range cards[:50] {
		if _, err := s.forward(t, vault.ForwardRequest{Card: id}); err != nil {
			t.Errorf("%s does not open: %v", id, err)
		}
	}
}

// TestRewrapGoesOn: a run that ended in the middle is taken up, and counts what
// it had moved.
func TestRewrapGoesOn(t *testing.T) {
	s := keyShop(t)
	for range 20 {
		s.stored(t)
	}
	s.rotate(t, kms.CardTest)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := s.RewrapKey(ctx, s.Operator, kms.CardTest, vault.RewrapOptions{Progress: func(vault.KeyJob) { cancel() }})
	if err == nil {
		t.Fatal("the run was not ended")
	}
	job, err := s.RewrapKey(t.Context(), s.Operator, kms.CardTest, vault.RewrapOptions{})
	if err != nil || !job.Done || job.Moved != 20 {
		t.Errorf("%+v, %v", job, err)
	}
}

// TestRewrapLeavesEvidence: an edited card is recorded, left as it is, and holds
// nothing up.
func TestRewrapLeavesEvidence(t *testing.T) {
	s := keyShop(t)
	for range 5 {
		s.stored(t)
	}
	id := s.stored(t)
	if _, err := rawDB(t, s.Vault).Exec("UPDATE cards SET last_digits = '0000' WHERE id = ?", id[len("card_test_"):]); err != nil {
		t.Fatal(err)
	}
	s.rotate(t, kms.CardTest)
	job, err := s.RewrapKey(t.Context(), s.Operator, kms.CardTest, vault.RewrapOptions{})
	if err != nil || !job.Done || job.Moved != 5 || job.Failed == 0 {
		t.Errorf("%+v, %v", job, err)
	}
	if _, err := s.RetireKey(t.Context(), s.Operator, kms.CardTest, 1, "x"); vault.CodeOf(err) != vault.Conflict {
		t.Errorf("retired while a card needs it: %v", err)
	}
}

func TestKeyRefusals(t *testing.T) {
	s := keyShop(t)
	rotate := func(c vault.Caller, key kms.Key, reason string) error {
		_, err := s.RotateKey(t.Context(), c, vault.RotateRequest{Key: key, Reason: reason})
		return err
	}
	for name, test := range map[string]struct {
		err  error
		want vault.Code
	}{
		"a merchant rotates": {rotate(s.secret, kms.CardTest, "x"), vault.Unauthenticated},
		"no such key":        {rotate(s.Operator, "card-other", "x"), vault.BadRequest},
		"no reason":          {rotate(s.Operator, kms.CardTest, ""), vault.BadRequest},
		"the newest is retired": {func() error {
			_, err := s.RetireKey(t.Context(), s.Operator, kms.CardTest, 1, "x")
			return err
		}(), vault.BadRequest},
	} {
		if vault.CodeOf(test.err) != test.want || test.err == nil {
			t.Errorf("%s: %v, want %s", name, test.err, test.want)
		}
	}
	s.rotate(t, kms.CardTest)
	if _, err := rawDB(t, s.Vault).Exec("UPDATE key_versions SET state = 'active' WHERE key = 'card-test' AND version = 1"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.KeyStatus(t.Context(), s.Operator); !errors.Is(err, envelope.ErrTampered) {
		t.Errorf("an edited ledger: %v", err)
	}
}

// TestSubstitutedKey: a key that was deleted and made again under its name is
// refused, by a process that starts and by every verb.
func TestSubstitutedKey(t *testing.T) {
	s := keyShop(t)
	s.stored(t)
	s.status(t, kms.CardTest) // the ledger knows the first versions
	other := substitute{KMS: s.KMS, born: time.Hour}
	if _, err := vault.New(t.Context(), vault.Options{Store: s.Store, KMS: other, Clock: s.clock.Now}); !errors.Is(err, vault.ErrSubstituted) {
		t.Errorf("started with another key: %v", err)
	}
	older := substitute{KMS: s.KMS, older: true}
	s.rotate(t, kms.CardTest)
	if _, err := vault.New(t.Context(), vault.Options{Store: s.Store, KMS: older, Clock: s.clock.Now}); !errors.Is(err, vault.ErrSubstituted) {
		t.Errorf("started with an older state of the key: %v", err)
	}
	if next, err := vault.New(t.Context(), vault.Options{Store: s.Store, KMS: s.KMS, Clock: s.clock.Now}); err != nil {
		t.Errorf("the key itself: %v", err)
	} else {
		next.Close(context.Background())
	}
}

// substitute is a KMS that tells something else of its keys.
type substitute struct {
	kms.KMS
	born  time.Duration
	older bool
}

// Describe tells it.
func (s substitute) Describe(ctx context.Context, key kms.Key) (kms.Description, error) {
	d, err := s.KMS.Describe(ctx, key)
	created := make(map[uint32]time.Time)
	for v, at := range d.Created {
		created[v] = at.Add(s.born)
	}
	if s.older && d.Latest > 1 {
		d.Latest--
	}
	d.Created = created
	return d, err
}

// TestRetireBesideAnImport: cards that were sealed before a rotation and are
// written after the retirement would never open.
func TestRetireBesideAnImport(t *testing.T) {
	s := keyShop(t)
	s.followed(t)
	im := begin(t, s.Service, s.Operator, source(s.secret.Merchant, false))
	sealed := im.seal(t, line("4242424242424242", ""))
	s.rotate(t, kms.CardTest)
	s.followed(t)
	if _, err := s.RetireKey(t.Context(), s.Operator, kms.CardTest, 1, "x"); err != nil {
		t.Fatal(err)
	}
	if err := im.Commit(t.Context(), []*vault.SealedCard{sealed}, im.mark(1), im.Prefix()); vault.CodeOf(err) != vault.Conflict {
		t.Errorf("a card was written that nothing opens: %v", err)
	}
}
