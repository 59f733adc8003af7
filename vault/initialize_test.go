package vault_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/store/sqlite"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/envelope"
	"github.com/panvault/panvault/vault/vaulttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func emptyStore(t *testing.T) store.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "db"), sqlite.Options{Migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestInitializeOnce(t *testing.T) {
	s, backend := emptyStore(t), vaulttest.Keyring(t)
	if _, err := vault.New(t.Context(), vault.Options{Store: s, KMS: backend}); !errors.Is(err, envelope.ErrNoKey) {
		t.Fatalf("opening an empty store: %v, want no key", err)
	}
	// Two nodes at once: one makes the keys, both can start.
	var wg sync.WaitGroup
	made := make([]int, 4)
	for i := range made {
		wg.Go(func() {
			n, err := vault.Initialize(t.Context(), s, backend, "test", "test", nil, nil)
			if err != nil {
				t.Errorf("initialize: %v", err)
			}
			made[i] = n
		})
	}
	wg.Wait()
	total := 0
	for _, n := range made {
		total += n
	}
	if want := len(envelope.RequiredKeys()); total != want {
		t.Errorf("%d keys made, want %d", total, want)
	}
	if got := len(events(t, s, audit.KeyCreate)); got != total {
		t.Errorf("%d key.create events, want %d", got, total)
	}
	svc, err := vault.New(t.Context(), vault.Options{Store: s, KMS: backend})
	if err != nil {
		t.Fatal(err)
	}
	defer svc.Close(t.Context())
	if _, _, err := svc.CreateFirstOperator(t.Context(), "alice"); err != nil {
		t.Errorf("first operator: %v", err)
	}
	if _, _, err := svc.CreateFirstOperator(t.Context(), "mallory"); vault.CodeOf(err) != vault.Conflict {
		t.Errorf("second first operator: %v, want conflict", err)
	}
}

// TestLostKeyIsNotReplaced: a working key that is gone is never made anew, also
// when all are gone: what they sealed would be lost for good.
func TestLostKeyIsNotReplaced(t *testing.T) {
	for name, statement := range map[string]string{
		"one deleted":      "DELETE FROM working_keys WHERE purpose = 'integrity' AND mode = 'test'",
		"all deleted":      "DELETE FROM working_keys",
		"an unknown state": "UPDATE working_keys SET state = 'mislaid' WHERE purpose = 'profile' AND mode = 'live'",
	} {
		v := vaulttest.New(t, nil)
		if _, err := rawDB(t, v).Exec(statement); err != nil {
			t.Fatal(err)
		}
		before := rowCounts(t, v)
		if n, err := vault.Initialize(t.Context(), v.Store, v.KMS, "", "", nil, nil); !errors.Is(err, vault.ErrKeyLost) || n != 0 {
			t.Errorf("%s: initialize made %d keys (%v), want key lost", name, n, err)
		}
		if _, err := vault.New(t.Context(), vault.Options{Store: v.Store, KMS: v.KMS}); !errors.Is(err, vault.ErrKeyLost) {
			t.Errorf("%s: open: %v, want key lost", name, err)
		}
		if after := rowCounts(t, v); !slices.Equal(before, after) {
			t.Errorf("%s: rows before %v and after %v", name, before, after)
		}
	}
}

// oneKey is a KMS whose test and live keys are the same key under two names.
type oneKey struct{ kms.KMS }

func (o oneKey) Describe(ctx context.Context, key kms.Key) (kms.Description, error) {
	if key == kms.CardLive {
		key = kms.CardTest
	}
	return o.KMS.Describe(ctx, key)
}

// exportable is a KMS whose keys could leave it.
type exportable struct{ kms.KMS }

func (e exportable) Describe(ctx context.Context, key kms.Key) (kms.Description, error) {
	d, err := e.KMS.Describe(ctx, key)
	d.Unsafe = []string{"exportable"}
	return d, err
}

func TestUnsafeKeysAreRefused(t *testing.T) {
	v := vaulttest.New(t, nil)
	for name, backend := range map[string]kms.KMS{"shared": oneKey{v.KMS}, "exportable": exportable{v.KMS}} {
		if _, err := vault.New(t.Context(), vault.Options{Store: v.Store, KMS: backend}); !errors.Is(err, kms.ErrUnsafeKey) {
			t.Errorf("opening with %s keys: %v, want unsafe key", name, err)
		}
		if _, err := vault.Initialize(t.Context(), emptyStore(t), backend, "", "", nil, nil); !errors.Is(err, kms.ErrUnsafeKey) {
			t.Errorf("initializing with %s keys: %v, want unsafe key", name, err)
		}
	}
}

// TestAnotherKMS: a store does not open with the keys of another installation.
func TestAnotherKMS(t *testing.T) {
	v := vaulttest.New(t, nil)
	if _, err := vault.New(t.Context(), vault.Options{Store: v.Store, KMS: vaulttest.Keyring(t)}); !errors.Is(err, kms.ErrTampered) {
		t.Errorf("got %v, want tampered", err)
	}
}

// sealed is a KMS that stops wrapping.
type sealed struct {
	kms.KMS
	mu   sync.Mutex
	down bool
}

func (s *sealed) set(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

func (s *sealed) Wrap(ctx context.Context, key kms.Key, items []kms.WrapItem) ([]kms.WrapResult, error) {
	s.mu.Lock()
	down := s.down
	s.mu.Unlock()
	if down {
		return nil, kms.ErrUnavailable
	}
	return s.KMS.Wrap(ctx, key, items)
}

// TestOutage: prepared keys carry tokenization for a while, then it is
// unavailable and writes nothing; reading goes on; it recovers by itself.
func TestOutage(t *testing.T) {
	const pool = 32
	backend := &sealed{KMS: vaulttest.Keyring(t)}
	v := vaulttest.New(t, func(o *vault.Options) { o.KMS, o.PoolSize = backend, pool })
	caller := v.Caller(t, v.Merchant(t, vault.MerchantSettings{}), policy.Public, false)
	first := tokenize(t, v, caller, "4242424242424242", "ONE")
	backend.set(true)
	made := 1
	var err error
	for made <= 2*pool+1 {
		if _, err = v.Tokenize(t.Context(), caller, request("4242424242424242", "ONE")); err != nil {
			break
		}
		made++
	}
	if e, ok := err.(*vault.Error); !ok || e.Code != vault.Unavailable || e.RetryAfter <= 0 {
		t.Fatalf("after %d tokens: %v, want unavailable with a time to retry", made, err)
	}
	if got := rowCounts(t, v)[2]; got != made {
		t.Errorf("%d cards for %d answered tokens", got, made)
	}
	if _, err := v.Token(t.Context(), caller, first.ID); err != nil {
		t.Errorf("reading during the outage: %v", err)
	}
	backend.set(false)
	for {
		_, err := v.Tokenize(t.Context(), caller, request("4242424242424242", "ONE"))
		if err == nil {
			break
		}
		if vault.CodeOf(err) != vault.Unavailable {
			t.Fatalf("while recovering: %v", err)
		}
	}
}
