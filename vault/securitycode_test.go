package vault

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/envelope"
)

// BorrowCode, SettleCode and SealedCodes are codes for tests of the service.
func (s *Service) BorrowCode(record string) card.SecurityCode { return s.codes.borrow(record) }

func (s *Service) SettleCode(record string, succeeded bool) { s.codes.settle(record, succeeded) }

// SealedCodes returns the memory in which codes are sealed, and CodeKeyLocked
// whether their key is there.
func (s *Service) SealedCodes() [][]byte {
	s.codes.mu.Lock()
	defer s.codes.mu.Unlock()
	var all [][]byte
	for _, h := range s.codes.held {
		all = append(all, h.sealed)
	}
	return all
}

func (s *Service) CodeKeyLocked() bool { return s.codes.key.Locked() }

// codeTest are codes whose clock and audit log the test controls.
type codeTest struct {
	*codes
	mu      sync.Mutex
	at      time.Time
	refuses bool
	written []audit.Event
}

func (c *codeTest) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *codeTest) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func (c *codeTest) refuse(yes bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refuses = yes
}

func (c *codeTest) append(_ context.Context, events []audit.Event) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuses {
		return store.ErrFull
	}
	c.written = append(c.written, events...)
	return nil
}

func openCodeTest(t interface{ Fatal(...any) }, most int, retry time.Duration) *codeTest {
	key, err := envelope.NewEphemeralKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &codeTest{at: time.Unix(1_800_000_000, 0)}
	c.codes = &codes{
		key: key, clock: c.now, random: rand.Reader, retry: retry, most: most, log: slog.New(slog.DiscardHandler),
		write: c.append, held: make(map[string]*heldCode), ended: make(map[codeEnd]uint64),
	}
	return c
}

// keep holds a code for half an hour, wiping what it was given as Tokenize does.
func (c *codeTest) keep(record, digits string) {
	code, err := card.NewSecurityCode([]byte(digits))
	if err != nil {
		panic(err)
	}
	c.hold(record, code, true, "mrch_a", c.now().Add(30*time.Minute))
	code.Wipe()
}

// digits returns what borrow gives; "" for none.
func (c *codeTest) digits(record string) (out string) {
	code := c.borrow(record)
	defer code.Wipe()
	code.Use(func(d []byte) { out = string(d) })
	return out
}

func TestCodeLife(t *testing.T) {
	const retry = 5 * time.Minute
	attempt := func(succeeded bool) func(*codeTest) {
		return func(c *codeTest) { c.digits("a"); c.settle("a", succeeded) }
	}
	wait := func(d time.Duration) func(*codeTest) { return func(c *codeTest) { c.advance(d) } }
	drop := func(why codeEnd) func(*codeTest) { return func(c *codeTest) { c.drop("a", why) } }
	for _, tt := range []struct {
		name     string
		retry    time.Duration
		steps    []func(*codeTest)
		want     codeEnd // "" while it is held
		attempts string
	}{
		{"held", retry, nil, "", ""},
		{"held to the last moment", retry, []func(*codeTest){wait(30*time.Minute - 1)}, "", ""},
		{"never used", retry, []func(*codeTest){wait(30 * time.Minute)}, codeLapsed, "0"},
		{"used", retry, []func(*codeTest){attempt(true)}, codeReleased, "1"},
		{"used twice", retry, []func(*codeTest){attempt(true), attempt(true)}, codeReleased, "1"},
		{"used too late", retry, []func(*codeTest){wait(time.Hour), attempt(true)}, codeLapsed, "0"},
		{"failed", retry, []func(*codeTest){attempt(false)}, "", ""},
		{"failed, to the last moment", retry, []func(*codeTest){attempt(false), wait(retry - 1)}, "", ""},
		{"failed, then used", retry, []func(*codeTest){attempt(false), wait(retry - 1), attempt(true)}, codeReleased, "2"},
		{"failed, not used again", retry, []func(*codeTest){attempt(false), wait(retry)}, codeRetried, "1"},
		{"the window is the first failure's", retry,
			[]func(*codeTest){attempt(false), wait(retry - 1), attempt(false), wait(1)}, codeRetried, "2"},
		{"no window beyond the token's time", retry, []func(*codeTest){wait(28 * time.Minute), attempt(false), wait(2 * time.Minute)}, codeLapsed, "1"},
		{"no second attempt", -1, []func(*codeTest){attempt(false)}, codeRetried, "1"},
		{"attached", retry, []func(*codeTest){drop(codeAttached)}, codeAttached, "0"},
		{"attached after a failure", retry, []func(*codeTest){attempt(false), drop(codeAttached)}, codeAttached, "1"},
		{"destroyed", retry, []func(*codeTest){drop(codeDestroyed), drop(codeLapsed)}, codeDestroyed, "0"},
		{"attached too late", retry, []func(*codeTest){wait(time.Hour), drop(codeAttached)}, codeLapsed, "0"},
		{"the process ends", retry, []func(*codeTest){(*codeTest).close}, codeShutdown, "0"},
		{"the process ends later", retry, []func(*codeTest){wait(time.Hour), (*codeTest).close}, codeLapsed, "0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := openCodeTest(t, 10, tt.retry)
			defer c.close()
			c.keep("a", "739")
			c.keep("a", "111") // an id is held once
			sealed := c.held["a"].sealed
			for _, step := range tt.steps {
				step(c)
			}
			c.flush(t.Context())
			if tt.want == "" {
				if got := c.digits("a"); got != "739" || len(c.written) != 0 {
					t.Errorf("borrowed %d digits with %d records, want the code and none", len(got), len(c.written))
				}
				return
			}
			if got := c.digits("a"); got != "" {
				t.Error("the code is still held")
			}
			if strings.Trim(string(sealed), "\x00") != "" {
				t.Error("what was sealed is not wiped")
			}
			if len(c.written) != 1 {
				t.Fatalf("%d records, want one", len(c.written))
			}
			e := c.written[0]
			kind, reason := audit.CodeExpire, string(tt.want)
			if tt.want == codeReleased {
				kind, reason = audit.CodeRelease, ""
			}
			if e.Type != kind || e.Details["reason"] != reason || e.Details["attempts"] != tt.attempts || e.Object != "tokn_a" ||
				e.Merchant != "mrch_a" || e.Mode != "live" || e.Actor != (audit.Actor{ID: codeKeeper, Kind: "system"}) || e.Outcome != audit.OK {
				t.Errorf("record %+v, want %s of tokn_a for %q after %s attempts", e, kind, reason, tt.attempts)
			}
			if n := c.counts(); n.entered != 1 || n.ended[tt.want] != 1 || n.now != 0 {
				t.Errorf("counts %+v, want one %s", n, tt.want)
			}
		})
	}
}

// TestCodeWithoutRetry: the code is gone at once, not at the next flush.
func TestCodeWithoutRetry(t *testing.T) {
	c := openCodeTest(t, 10, -1)
	defer c.close()
	c.keep("a", "739")
	c.settle("a", false)
	if n := c.counts(); n.now != 0 || n.ended[codeRetried] != 1 {
		t.Errorf("counts %+v after the only attempt failed", n)
	}
}

// TestCodeSealedWhileClosing: a code that is being sealed when the process
// closes is not held afterwards.
func TestCodeSealedWhileClosing(t *testing.T) {
	c := openCodeTest(t, 10, time.Minute)
	closed := make(chan struct{})
	c.random = readerFunc(func(b []byte) (int, error) {
		go func() { c.close(); close(closed) }()
		for c.codes.mu.TryLock() { // until close has it; it waits for the seal then
			c.codes.mu.Unlock()
			runtime.Gosched()
		}
		return rand.Read(b)
	})
	c.keep("a", "739")
	<-closed
	if n := c.counts(); n.entered != 0 || n.now != 0 {
		t.Errorf("counts %+v after closing, want none", n)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// TestCodeRecordsAreRetried: what cannot be recorded is destroyed all the same,
// and recorded later, once and in order.
func TestCodeRecordsAreRetried(t *testing.T) {
	const n = 2*codeBatch + 1
	c := openCodeTest(t, n, time.Minute)
	var want []string
	for i := range n {
		record := fmt.Sprintf("%024d", i)
		want = append(want, "tokn_"+record)
		c.keep(record, "739")
		c.drop(record, codeAttached)
	}
	c.refuse(true)
	c.flush(t.Context())
	if got := c.counts(); got.now != 0 || len(c.written) != 0 || c.unrecorded() != n {
		t.Fatalf("%d codes held, %d records written and %d kept; want 0, 0 and %d", got.now, len(c.written), c.unrecorded(), n)
	}
	c.keep("late", "739") // the queue of records is full: it must not grow
	if got := c.counts(); got.now != 0 || got.entered != n+1 || got.ended[codeFull] != 1 || c.digits("late") != "" {
		t.Errorf("a code beyond the queue: %+v, want it refused and counted", got)
	}
	c.refuse(false)
	c.close()
	c.flush(t.Context())
	c.flush(t.Context())
	var got []string
	for _, e := range c.written {
		got = append(got, e.Object)
	}
	if !slices.Equal(got, want) || c.unrecorded() != 0 {
		t.Errorf("%d records, %d kept; want each of %d once and in order", len(got), c.unrecorded(), n)
	}
}

// TestCodesMakeRoom: the code whose time is over first goes.
func TestCodesMakeRoom(t *testing.T) {
	c := openCodeTest(t, 3, time.Minute)
	defer c.close()
	for i := range 3 {
		c.keep(fmt.Sprint(i), "739")
		c.advance(time.Second)
	}
	c.settle("1", false) // has a minute left, less than the others
	for i, gone := range []string{"1", "0", "2"} {
		c.keep(fmt.Sprint("new ", i), "739")
		if c.held[gone] != nil || len(c.held) != 3 || c.counts().ended[codeFull] != uint64(i+1) {
			t.Errorf("new code %d: %v held, want %s to have gone", i, slices.Collect(maps.Keys(c.held)), gone)
		}
	}
	c.flush(t.Context())
	c.advance(time.Hour)
	c.keep("last", "739")
	if n := c.counts(); n.ended[codeLapsed] != 3 || n.ended[codeFull] != 3 || n.now != 1 {
		t.Errorf("counts %+v; codes that were due had to go first, as lapsed", n)
	}
}

// TestCodesConcurrently: of what many do at once, every code ends once.
func TestCodesConcurrently(t *testing.T) {
	const workers, each = 16, 200
	c := openCodeTest(t, 500, time.Minute)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				record := fmt.Sprint(i, " ", w/2) // two for each
				c.keep(record, "739")
				if got := c.digits(record); got != "" && got != "739" {
					t.Errorf("borrowed something else than was held")
				}
				switch (i + w) % 5 {
				case 0:
					c.settle(record, true)
				case 1:
					c.settle(record, false)
				case 2:
					c.drop(record, codeAttached)
				case 3:
					c.advance(time.Second)
				case 4:
					c.flush(t.Context())
				}
			}
		})
	}
	wg.Go(func() {
		for range each {
			if n := c.counts(); n.entered != sum(n.ended)+uint64(n.now) {
				t.Errorf("held %d, ended %d, now %d: they do not add up", n.entered, sum(n.ended), n.now)
			}
		}
	})
	wg.Wait()
	c.close()
	c.keep("after", "739")
	c.flush(t.Context())
	if n := c.counts(); n.now != 0 || n.entered != sum(n.ended) || uint64(len(c.written)) != n.entered {
		t.Errorf("counts %+v and %d records: not every code ended once", n, len(c.written))
	}
}

func sum(ended map[codeEnd]uint64) (n uint64) {
	for _, v := range ended {
		n += v
	}
	return n
}

// TestCodeIsNotHeld: what holds nothing counts nothing.
func TestCodeIsNotHeld(t *testing.T) {
	for name, open := range map[string]func() *codeTest{
		"a process without intake": func() *codeTest {
			c := openCodeTest(t, 10, time.Minute)
			c.key.Destroy()
			c.key = nil
			return c
		},
		"no random numbers": func() *codeTest {
			c := openCodeTest(t, 10, time.Minute)
			c.random = readerFunc(func([]byte) (int, error) { return 0, errors.New("no entropy") })
			return c
		},
		"a closed process": func() *codeTest {
			c := openCodeTest(t, 10, time.Minute)
			c.close()
			return c
		},
	} {
		c := open()
		c.keep("a", "739")
		c.hold("b", card.SecurityCode{}, true, "mrch_a", c.now().Add(time.Minute))
		c.settle("a", true)
		c.drop("b", codeAttached)
		if got := c.digits("a"); got != "" {
			t.Errorf("%s: a code is held", name)
		}
		c.close()
		c.flush(t.Context())
		if n := c.counts(); n.entered != 0 || n.now != 0 || sum(n.ended) != 0 || len(c.written) != 0 {
			t.Errorf("%s: counts %+v and %d records, want none", name, n, len(c.written))
		}
	}
	c := openCodeTest(t, 10, time.Minute)
	defer c.close()
	c.hold("a", card.SecurityCode{}, true, "mrch_a", c.now().Add(time.Minute))
	if n := c.counts(); n.entered != 0 {
		t.Error("a token without a code was counted as one with")
	}
}

// TestCodeOfAnotherPlace: what was sealed for one token opens for no other.
func TestCodeOfAnotherPlace(t *testing.T) {
	for name, move := range map[string]func(*heldCode){
		"record":   func(h *heldCode) { h.record = "b" },
		"merchant": func(h *heldCode) { h.merchant = "mrch_b" },
		"mode":     func(h *heldCode) { h.live = false },
		"bytes":    func(h *heldCode) { h.sealed[len(h.sealed)-1] ^= 1 },
	} {
		c := openCodeTest(t, 10, time.Minute)
		c.keep("a", "739")
		move(c.held["a"])
		if got := c.digits("a"); got != "" {
			t.Errorf("another %s: the code opens", name)
		}
		c.close()
	}
}

// TestNothingPrintsCodes: a value that holds a code prints none of its digits. A
// few digits occur by chance, but not for each of many codes.
func TestNothingPrintsCodes(t *testing.T) {
	const tries = 20
	found := make(map[string]int)
	for i := range tries {
		c := openCodeTest(t, 10, time.Minute)
		digits := fmt.Sprint(7391 + 83*i)
		c.keep("a", digits)
		var log strings.Builder
		logger := slog.New(slog.NewTextHandler(&log, nil))
		for _, v := range []any{c.codes, c.held["a"], *c.held["a"], c.queue, newCodeCollector(c.codes)} {
			logger.Info("m", "v", v)
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
				fmt.Fprintf(&log, verb, v)
			}
		}
		c.drop("a", codeAttached)
		fmt.Fprintf(&log, "%+v", c.batch())
		for _, form := range []string{digits, fmt.Sprint([]byte(digits)), fmt.Sprintf("%x", digits), fmt.Sprintf("%#v", []byte(digits))} {
			if strings.Contains(log.String(), strings.Trim(form, "[]byte{}")) {
				found[fmt.Sprint(len(form))]++
			}
		}
		c.close()
	}
	for form, n := range found {
		if n > tries/2 {
			t.Errorf("%d of %d codes are printed, in a form of %s characters", n, tries, form)
		}
	}
}
