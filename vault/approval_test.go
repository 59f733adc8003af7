package vault_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/vaulttest"
)

// office is a vault with a clock, a merchant and two operators.
type office struct {
	*vaulttest.Vault
	clock    *vaulttest.Clock
	bob      vault.Caller
	merchant string
	identity *age.X25519Identity
}

func newOffice(t *testing.T, change func(*vault.Options)) *office {
	t.Helper()
	o := &office{clock: vaulttest.NewClock()}
	o.Vault = vaulttest.New(t, func(opts *vault.Options) {
		opts.Clock = o.clock.Now
		if change != nil {
			change(opts)
		}
	})
	o.bob = o.hire(t, "bob")
	o.merchant = o.Merchant(t, vault.MerchantSettings{})
	var err error
	if o.identity, err = age.GenerateX25519Identity(); err != nil {
		t.Fatal(err)
	}
	o.clock.Advance(time.Second) // keys are older than what is asked for
	return o
}

// hire makes an operator.
func (o *office) hire(t *testing.T, label string) vault.Caller {
	t.Helper()
	_, secret, err := o.CreateAPIKey(t.Context(), o.Operator, vault.NewAPIKey{Kind: policy.Operator, Label: label})
	if err != nil {
		t.Fatal(err)
	}
	return o.Login(t, secret)
}

func (o *office) subject(live bool) vault.ExportSubject {
	return vault.ExportSubject{Merchant: o.merchant, Live: live, Recipient: o.identity.Recipient().String()}
}

// allowed is an export's subject as its approval shows it.
func allowed(s vault.ExportSubject) vault.ApprovalSubject {
	return vault.ApprovalSubject{Merchant: s.Merchant, Live: s.Live, Recipient: s.Recipient}
}

func (o *office) ask(t *testing.T, live bool) string {
	t.Helper()
	r, err := o.RequestExport(t.Context(), o.Operator, o.subject(live), "move to the new vault")
	if err != nil {
		t.Fatalf("request: %v", err)
	}
	return r.ID
}

// approved is an approval that was asked for and granted.
func (o *office) approved(t *testing.T, live bool) string {
	t.Helper()
	id := o.ask(t, live)
	if _, err := o.GrantApproval(t.Context(), o.bob, id); err != nil {
		t.Fatalf("grant: %v", err)
	}
	return id
}

// failingWriter takes so many bytes and no more.
type failingWriter struct{ room int }

func (w *failingWriter) Write(b []byte) (int, error) {
	if len(b) > w.room {
		return 0, io.ErrShortWrite
	}
	w.room -= len(b)
	return len(b), nil
}

// fullDisk takes everything, but not to the disk.
type fullDisk struct{ bytes.Buffer }

func (*fullDisk) Sync() error { return io.ErrShortWrite }

func TestGrantNeedsAnotherPerson(t *testing.T) {
	o := newOffice(t, nil)
	namesake := o.hire(t, o.Operator.Label)
	gone := o.hire(t, "gone")
	o.clock.Advance(time.Second)
	id := o.ask(t, true)
	young := o.hire(t, "young")
	if _, err := o.RevokeAPIKey(t.Context(), o.Operator, gone.Key); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		caller vault.Caller
		id     string
		want   vault.Code // "": granted
		says   string
	}{
		{"who asked", o.Operator, id, vault.Conflict, "another operator must approve what you asked for"},
		{"another key of who asked", namesake, id, vault.Conflict, "both keys are of one operator"},
		{"a key that was made meanwhile", young, id, vault.Conflict, "younger than the request"},
		{"a revoked key", gone, id, vault.Conflict, "revoked"},
		{"a merchant", o.Caller(t, o.merchant, policy.Secret, true), id, vault.Unauthenticated, ""},
		{"nobody", vault.Caller{}, id, vault.Unauthenticated, ""},
		{"absent", o.bob, "appr_000000000000000000000000", vault.NotFound, ""},
		{"empty", o.bob, "", vault.NotFound, ""},
		{"another operator", o.bob, id, "", ""},
		{"again", o.bob, id, vault.Conflict, "approved already"},
	} {
		r, err := o.GrantApproval(t.Context(), tt.caller, tt.id)
		if codeOr(err) != tt.want || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %q with %q", tt.name, err, tt.want, tt.says)
		}
		if err == nil && (r.GrantedBy != o.bob.Key || r.RequestedBy != o.Operator.Key || r.Subject != allowed(o.subject(true))) {
			t.Errorf("%s: granted %+v", tt.name, r)
		}
	}
	grants := events(t, o.Store, audit.ApprovalGrant)
	if len(grants) != 1 || grants[0].Object != id || grants[0].Actor.ID != o.bob.Key || grants[0].Details["requested_by"] != o.Operator.Key {
		t.Errorf("audit has %+v, want the one grant", grants)
	}
	asked := events(t, o.Store, audit.ApprovalRequest)
	if len(asked) != 1 || asked[0].Object != id || asked[0].Details["reason"] != "move to the new vault" || !strings.Contains(asked[0].Details["subject"], o.identity.Recipient().String()) {
		t.Errorf("audit has %+v, want the one request with its subject", asked)
	}
}

func TestRequestExportRefuses(t *testing.T) {
	o := newOffice(t, nil)
	good := o.subject(false)
	with := func(change func(*vault.ExportSubject)) vault.ExportSubject {
		s := good
		change(&s)
		return s
	}
	for _, tt := range []struct {
		name    string
		caller  vault.Caller
		subject vault.ExportSubject
		reason  string
		want    vault.Code
	}{
		{"good", o.Operator, good, "why", ""},
		{"a merchant", o.Caller(t, o.merchant, policy.Secret, false), good, "why", vault.Unauthenticated},
		{"no reason", o.Operator, good, "", vault.BadRequest},
		{"a number as reason", o.Operator, good, "card 4242424242424242", vault.BadRequest},
		{"lines in the reason", o.Operator, good, "a\nb", vault.BadRequest},
		{"no recipient", o.Operator, with(func(s *vault.ExportSubject) { s.Recipient = "" }), "why", vault.BadRequest},
		{"an identity as recipient", o.Operator, with(func(s *vault.ExportSubject) { s.Recipient = o.identity.String() }), "why", vault.BadRequest},
		{"two recipients", o.Operator, with(func(s *vault.ExportSubject) { s.Recipient += "\n" + s.Recipient }), "why", vault.BadRequest},
		{"absent merchant", o.Operator, with(func(s *vault.ExportSubject) { s.Merchant = "mrch_000000000000000000000000" }), "why", vault.NotFound},
	} {
		_, err := o.RequestExport(t.Context(), tt.caller, tt.subject, tt.reason)
		if codeOr(err) != tt.want {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		if err != nil && strings.Contains(strings.ToUpper(err.Error()), "AGE-SECRET") {
			t.Errorf("%s: the error quotes the identity", tt.name)
		}
	}
	if all, err := o.Approvals(t.Context(), o.Operator); err != nil || len(all) != 1 {
		t.Errorf("%d approvals (%v), want the good one", len(all), err)
	}
}

// TestApprovalIsInForce: what ends an approval before it is used.
func TestApprovalIsInForce(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(t *testing.T, o *office, id string)
		says string // "": the export runs
	}{
		{"granted", func(*testing.T, *office, string) {}, ""},
		{"almost a day later", func(t *testing.T, o *office, _ string) { o.clock.Advance(vault.ApprovalLife - time.Microsecond) }, ""},
		{"a day later", func(t *testing.T, o *office, _ string) { o.clock.Advance(vault.ApprovalLife) }, "older than a day"},
		{"the asker's key revoked", func(t *testing.T, o *office, _ string) { o.revoke(t, o.Operator) }, "revoked"},
		{"the approver's key revoked", func(t *testing.T, o *office, _ string) { o.revoke(t, o.bob) }, "revoked"},
		{"used", func(t *testing.T, o *office, id string) {
			if _, err := o.Export(t.Context(), o.bob, id, io.Discard, nil); err != nil {
				t.Error(err)
			}
		}, "was used"},
		{"the writer fails at once", func(t *testing.T, o *office, id string) { o.failTo(t, id, 0) }, ""},
		{"the disk is full at the end", func(t *testing.T, o *office, id string) {
			if _, err := o.Export(t.Context(), o.bob, id, new(fullDisk), nil); err == nil {
				t.Error("an export that is not on the disk works")
			}
		}, ""},
		{"the writer fails later", func(t *testing.T, o *office, id string) { o.failTo(t, id, 300) }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := newOffice(t, nil)
			begin(t, o.Service, o.Operator, source(o.merchant, true)).take(t, line("4242424242424242", ""))
			id := o.approved(t, true)
			tt.do(t, o, id)
			_, err := o.Export(t.Context(), o.bob, id, io.Discard, nil)
			if tt.says == "" && err != nil || tt.says != "" && (vault.CodeOf(err) != vault.Conflict || !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("got %v, want %q", err, tt.says)
			}
			used := events(t, o.Store, audit.ExportFinish)
			if want := 1; (tt.says == "" || tt.name == "used") && len(used) != want {
				t.Errorf("%d exports have finished, want %d", len(used), want)
			}
		})
	}
	o := newOffice(t, nil)
	id := o.ask(t, true)
	if _, err := o.Export(t.Context(), o.bob, id, io.Discard, nil); vault.CodeOf(err) != vault.Conflict {
		t.Errorf("without a grant: %v, want conflict", err)
	}
	carol := o.hire(t, "carol") // neither of the two
	if _, err := o.Export(t.Context(), carol, o.approved(t, true), io.Discard, nil); vault.CodeOf(err) != vault.Conflict || !strings.Contains(err.Error(), "only the operator who asked") {
		t.Errorf("a third operator runs it: %v, want conflict", err)
	}
	o.clock.Advance(vault.ApprovalLife)
	if _, err := o.GrantApproval(t.Context(), o.bob, id); vault.CodeOf(err) != vault.Conflict {
		t.Errorf("granting after a day: %v, want conflict", err)
	}
	if _, err := o.Export(t.Context(), o.Caller(t, o.merchant, policy.Secret, true), id, io.Discard, nil); vault.CodeOf(err) != vault.Unauthenticated {
		t.Errorf("a merchant runs it: %v, want unauthenticated", err)
	}
	if got := events(t, o.Store, audit.ExportStart); len(got) != 0 {
		t.Errorf("%d starts are on record, want none", len(got))
	}
}

func (o *office) revoke(t *testing.T, c vault.Caller) {
	t.Helper()
	if _, err := o.RevokeAPIKey(t.Context(), o.Operator, c.Key); err != nil {
		t.Fatal(err)
	}
}

// failTo runs an export whose file has so much room.
func (o *office) failTo(t *testing.T, id string, room int) {
	t.Helper()
	if _, err := o.Export(t.Context(), o.bob, id, &failingWriter{room}, nil); err == nil {
		t.Errorf("an export into %d bytes works", room)
	}
}

// TestYoungKeysGiveNoLiveCards: who has one operator's key and makes himself
// another has to wait where somebody can see it; test cards need no wait.
func TestYoungKeysGiveNoLiveCards(t *testing.T) {
	for name, young := range map[string]func(o *office, mallory vault.Caller) (asks, grants vault.Caller){
		"who grants": func(o *office, mallory vault.Caller) (vault.Caller, vault.Caller) { return o.bob, mallory },
		"who asks":   func(o *office, mallory vault.Caller) (vault.Caller, vault.Caller) { return mallory, o.bob },
	} {
		o := newOffice(t, func(opts *vault.Options) { opts.KeyAge = 0 }) // the default
		o.clock.Advance(vault.DefaultKeyAge)
		mallory := o.hire(t, "mallory")
		asks, grants := young(o, mallory)
		grant := func(live bool) error {
			o.clock.Advance(time.Second)
			r, err := o.RequestExport(t.Context(), asks, o.subject(live), "why")
			if err != nil {
				t.Fatal(err)
			}
			_, err = o.GrantApproval(t.Context(), grants, r.ID)
			return err
		}
		if err := grant(false); err != nil {
			t.Errorf("%s is young, test cards: %v", name, err)
		}
		if err := grant(true); vault.CodeOf(err) != vault.Conflict || !strings.Contains(err.Error(), "younger than 24h0m0s") {
			t.Errorf("%s is young, live cards: %v, want conflict", name, err)
		}
		o.clock.Advance(vault.DefaultKeyAge)
		if err := grant(true); err != nil {
			t.Errorf("%s a day later: %v", name, err)
		}
	}
}
