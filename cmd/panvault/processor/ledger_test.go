package processor

import (
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestLedgerIsBounded compares a small ledger with a plain list, payment by
// payment.
func TestLedgerIsBounded(t *testing.T) {
	t.Parallel()
	const limit = 7
	l := newLedger(limit)
	random := rand.New(rand.NewPCG(1, 2))
	var all []payment
	for i := range 2000 {
		p := payment{id: fmt.Sprint(i), reference: fmt.Sprint(random.IntN(6)), status: approved, captured: true, amount: 3}
		all = append(all, p)
		known := all[max(0, i-limit+1):i]
		if got, want := l.add(p).duplicate, count(known, p.reference) > 0; got != want {
			t.Fatalf("payment %d: duplicate %v, want %v", i, got, want)
		}
		kept := all[max(0, i+1-limit):]
		repeated := 0
		references := make(map[string]bool)
		for _, p := range kept {
			references[p.reference] = true
		}
		for reference := range references {
			n := count(kept, reference)
			if n > 1 {
				repeated++
			}
			if s := l.reference(reference); s.Received != n || s.Charges != n || s.ChargedAmount != int64(3*n) || len(s.Payments) != n {
				t.Fatalf("after %d: %+v, want %d", i, s, n)
			}
		}
		s := l.statistics()
		if s.Received != i+1 || s.Remembered != len(kept) || s.ByReference != repeated || len(l.byID) != len(kept) || len(l.byReference) != len(references) {
			t.Fatalf("after %d: %+v with %d ids and %d references, want %d, %d, %d", i, s, len(l.byID), len(l.byReference), len(kept), repeated, len(references))
		}
		if _, ok, _ := l.change(kept[0].id, nil); !ok {
			t.Fatalf("after %d: the oldest is forgotten too early", i)
		}
		if i >= limit {
			if _, ok, _ := l.change(all[i-limit].id, nil); ok {
				t.Fatalf("after %d: a payment too many", i)
			}
		}
	}
	if cap(l.payments) > 2*limit {
		t.Errorf("the ring has room for %d", cap(l.payments))
	}
}

func count(payments []payment, reference string) (n int) {
	for _, p := range payments {
		if p.reference == reference {
			n++
		}
	}
	return n
}

// TestDefaultLimit: the documented bound.
func TestDefaultLimit(t *testing.T) {
	t.Parallel()
	p := New(Options{})
	for i := range DefaultLimit + 10 {
		p.ledger.add(payment{id: fmt.Sprint(i), reference: "same", status: declined})
	}
	if s := p.Statistics(); s.Remembered != 100_000 || s.Limit != 100_000 || s.Received != 100_010 || p.Reference("same").Received != 100_000 {
		t.Errorf("%+v", s)
	}
}

// zeros is a source of random numbers that are all zero.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// failing is a source without random numbers.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

const body = `{"reference":"%s","amount":%d,"currency":"thb","card":{"number":"4242424242424242","expiration_month":12,"expiration_year":2030,"name":"MARGE BOUVIER","security_code":"987"}}`

func post(t *testing.T, p *Processor, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "key")
	r.Header.Set("X-Api-Key", "key")
	w := httptest.NewRecorder()
	func() {
		defer func() { _ = recover() }() // how a handler without a socket drops it
		p.Handler().ServeHTTP(w, r)
	}()
	return w
}

func TestNoRandomNumbers(t *testing.T) {
	t.Parallel()
	p := New(Options{Random: failing{}})
	if w := post(t, p, "/payments", fmt.Sprintf(body, "r", 100)); w.Code != http.StatusInternalServerError {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if s := p.Statistics(); s.Received != 0 {
		t.Errorf("%+v", s)
	}
}

// TestNothingSecretStays sends the number to every behaviour, and into every
// field that is free text, and looks for it in the log and in the memory of the
// processor.
func TestNothingSecretStays(t *testing.T) {
	t.Parallel()
	var logged strings.Builder
	var mu sync.Mutex
	handler := slog.NewTextHandler(writer(func(b []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return logged.Write(b)
	}), &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{} // its digits may be a security code's
		}
		return a
	}})
	p := New(Options{Logger: slog.New(handler), Random: zeros{}, Clock: func() time.Time { return time.Unix(0, 0) }})
	for _, b := range behaviours {
		if strings.HasPrefix(b.Name, "timeout") {
			continue // it is slow's way to be late, without an end
		}
		post(t, p, "/payments", fmt.Sprintf(body, b.Name, b.Amount))
	}
	options := `{"amount":"100","currency":"JPY","merchant_txn_ref":"o","payment_method":{"card":{"number":"4242424242424242","exp_month":"12","exp_year":"30","name":"MARGE BOUVIER","cvv":"987"}}}`
	if w := post(t, p, "/paymentoptions/payment", options); w.Code != http.StatusCreated {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	received := p.Statistics().Received
	post(t, p, "/payments", strings.Replace(fmt.Sprintf(body, "r", 100), `"name"`, `"4242424242424242"`, 1))
	post(t, p, "/payments", strings.Replace(fmt.Sprintf(body, "r", 100), "4242424242424242", "4242424242424241", 1))
	post(t, p, "/payments", "4242424242424242")

	memory := ""
	for _, pay := range p.ledger.payments {
		memory += fmt.Sprintf("%+v\n", *pay)
	}
	// The reference is the vault's own and stays as it is, but not in the log.
	post(t, p, "/payments", fmt.Sprintf(body, "4242 4242-4242 4242", 100))
	if received != len(behaviours)-1 || !strings.Contains(logged.String(), "last_digits=4242") || strings.Count(logged.String(), "\n") < received {
		t.Errorf("%d payments, logged %s", received, logged.String())
	}
	for _, secret := range []string{
		"424242424242", "4242 4242", "4242-", "987", "BOUVIER", base64.StdEncoding.EncodeToString([]byte("4242424242424242")), "%34%32", "u0034",
	} {
		if strings.Contains(logged.String(), secret) {
			t.Errorf("%q is in the log\n%s", secret, logged.String())
		}
		if strings.Contains(memory, secret) {
			t.Errorf("%q is kept\n%s", secret, memory)
		}
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }

// TestConcurrency: nothing is lost or counted twice, and a payment is captured
// once.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	p := New(Options{})
	server := httptest.NewServer(p.Handler())
	defer server.Close()
	const workers, rounds = 16, 40
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := range rounds {
				amount := []int{100, 900007, 900017, 900022}[i%4]
				resp, err := server.Client().Post(server.URL+"/payments", "application/json", strings.NewReader(fmt.Sprintf(body, fmt.Sprint("r", i), amount)))
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				_ = p.Statistics()
			}
		})
	}
	wg.Wait()
	s := p.Statistics()
	if s.Received != workers*rounds || s.Approved != workers*rounds || s.Captured != workers*rounds || s.ByReference != rounds || s.Duplicates != (workers-1)*rounds {
		t.Errorf("%+v", s)
	}
	for i := range rounds {
		if r := p.Reference(fmt.Sprint("r", i)); r.Received != workers || r.Charges != workers {
			t.Errorf("%+v", r)
		}
	}

	held := p.ledger.add(payment{id: "held", reference: "held", status: approved})
	var done sync.WaitGroup
	var mu sync.Mutex
	captured := 0
	for range workers {
		done.Go(func() {
			if _, ok, err := p.ledger.change(held.id, capture); ok && err == nil {
				mu.Lock()
				captured++
				mu.Unlock()
			}
		})
	}
	done.Wait()
	if captured != 1 {
		t.Errorf("captured %d times", captured)
	}
}
