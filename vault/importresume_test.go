package vault_test

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/envelope"
	"github.com/panvault/panvault/vault/vaulttest"
)

// TestImportResumes: the next process finds the mark of the last commit, and
// knows the bytes that were read until then.
func TestImportResumes(t *testing.T) {
	v := vaulttest.New(t, nil)
	merchant := v.Merchant(t, vault.MerchantSettings{})
	first := begin(t, v.Service, v.Operator, source(merchant, false))
	if first.Resumed || first.Finished || first.Mark() != (vault.ImportMark{}) {
		t.Errorf("a new import is resumed %v, finished %v, at %+v", first.Resumed, first.Finished, first.Mark())
	}
	first.take(t, line("4242424242424242", "jane"), line("5555555555554444", "john"))
	want := vault.ImportMark{Records: 2, Cards: 2, ReadTo: 20, MapSize: 14, RejectSize: 1}
	first.seal(t, line("378282246310005", "")) // lost with its process

	second := begin(t, v.Service, v.Operator, source(merchant, false))
	if !second.Resumed || second.Finished || second.Mark() != want || second.ID() != first.ID() {
		t.Fatalf("resumed %v, finished %v, at %+v; want the mark %+v", second.Resumed, second.Finished, second.Mark(), want)
	}
	for _, tt := range []struct {
		read string
		want bool
	}{{"record   0", false}, {"record   0record  10", true}} {
		im := begin(t, v.Service, v.Operator, source(merchant, false))
		im.Read([]byte(tt.read))
		if got := im.Resumes(); got != tt.want {
			t.Errorf("after reading %q: resumes %v, want %v", tt.read, got, tt.want)
		}
	}
	second.Read([]byte("record   0record  10"))
	second.take(t, line("378282246310005", ""))
	if rows := rowCounts(t, v); rows[2] != 3 {
		t.Errorf("%d cards, want 3", rows[2])
	}
	for name, other := range map[string]vault.ImportSource{
		"another merchant": source(v.Merchant(t, vault.MerchantSettings{}), false),
		"another mode":     source(merchant, true),
		"another name":     {Merchant: merchant, Name: "x", Head: []byte(importHead)},
		"another head":     {Merchant: merchant, Head: []byte(importHead + "x")},
		"cut elsewhere":    {Merchant: merchant, Name: importHead[:1], Head: []byte(importHead[1:])},
	} {
		if im := begin(t, v.Service, v.Operator, other); im.Resumed {
			t.Errorf("%s goes on with the import", name)
		}
	}
}

// TestImportConflict: of two processes that go on with one import the second to
// commit finds out, and leaves nothing.
func TestImportConflict(t *testing.T) {
	v := vaulttest.New(t, nil)
	merchant := v.Merchant(t, vault.MerchantSettings{})
	one, two := begin(t, v.Service, v.Operator, source(merchant, false)), begin(t, v.Service, v.Operator, source(merchant, false))
	one.take(t, line("4242424242424242", "jane"))
	before := append(rowCounts(t, v), len(events(t, v.Store, audit.CardImport)))
	sealed := two.seal(t, line("4242424242424242", "jane"))
	if err := two.Commit(t.Context(), []*vault.SealedCard{sealed}, two.mark(1), two.Prefix()); vault.CodeOf(err) != vault.Conflict {
		t.Errorf("the second commits: %v, want conflict", err)
	}
	if err := two.Finish(t.Context()); vault.CodeOf(err) != vault.Conflict {
		t.Errorf("the second finishes: %v, want conflict", err)
	}
	if after := append(rowCounts(t, v), len(events(t, v.Store, audit.CardImport))); !slices.Equal(before, after) {
		t.Errorf("rows before %v and after %v", before, after)
	}
	one.take(t, line("5555555555554444", ""))
}

func TestImportGrowsAfterItsEnd(t *testing.T) {
	clock := vaulttest.NewClock()
	v := vaulttest.New(t, func(o *vault.Options) { o.Clock = clock.Now })
	merchant := v.Merchant(t, vault.MerchantSettings{})
	im := begin(t, v.Service, v.Operator, source(merchant, false))
	im.take(t, line("4242424242424242", "jane"))
	if err := im.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Hour)
	grown := begin(t, v.Service, v.Operator, source(merchant, false))
	if !grown.Finished {
		t.Fatal("the import is not finished")
	}
	grown.Read([]byte("record   0"))
	grown.take(t, line("5555555555554444", "jane"))
	if again := begin(t, v.Service, v.Operator, source(merchant, false)); again.Finished || again.Mark().Cards != 2 {
		t.Errorf("while it grows: finished %v, %d cards; want unfinished and 2", again.Finished, again.Mark().Cards)
	}
	if err := grown.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ends := events(t, v.Store, audit.ImportFinish); len(ends) != 2 || ends[1].Details["cards"] != "2" {
		t.Errorf("the ends on record are %+v, want two, the second of 2 cards", ends)
	}
}

// TestImportOfADeletedCustomer: his cards do not come back under his name.
func TestImportOfADeletedCustomer(t *testing.T) {
	v := vaulttest.New(t, nil)
	merchant := v.Merchant(t, vault.MerchantSettings{})
	im := begin(t, v.Service, v.Operator, source(merchant, false))
	made := im.take(t, line("4242424242424242", "jane"))
	if _, err := v.DeleteCustomer(t.Context(), v.Caller(t, merchant, policy.Secret, false), made[0].Customer); err != nil {
		t.Fatal(err)
	}
	sealed := im.seal(t, line("5555555555554444", "jane"))
	before := rowCounts(t, v)
	if err := im.Commit(t.Context(), []*vault.SealedCard{sealed}, im.mark(1), im.Prefix()); vault.CodeOf(err) != vault.Conflict {
		t.Errorf("got %v, want conflict", err)
	}
	if after := rowCounts(t, v); !slices.Equal(before, after) {
		t.Errorf("rows before %v and after %v", before, after)
	}
	im.take(t, line("5555555555554444", "john"))
}

// TestImportKeepsItsKey: a newer idempotency key does not make an import that
// was begun a new one, nor its customers.
func TestImportKeepsItsKey(t *testing.T) {
	v := vaulttest.New(t, nil)
	merchant := v.Merchant(t, vault.MerchantSettings{})
	made := begin(t, v.Service, v.Operator, source(merchant, false)).take(t, line("4242424242424242", "jane"))
	addIdempotencyKey(t, v)
	svc, err := vault.New(t.Context(), vault.Options{Store: v.Store, KMS: v.KMS, Intake: true, PoolSize: 8})
	if err != nil {
		t.Fatal(err)
	}
	defer svc.Close(context.Background())
	again := begin(t, svc, v.Operator, source(merchant, false))
	if !again.Resumed {
		t.Fatal("the import is not found under a newer key")
	}
	again.Read([]byte("record   0"))
	if !again.Resumes() {
		t.Error("what was read is not recognised under a newer key")
	}
	if later := again.take(t, line("5555555555554444", "jane")); later[0].Customer != made[0].Customer {
		t.Errorf("jane is %s and %s", made[0].Customer, later[0].Customer)
	}
	fresh := source(merchant, false)
	fresh.Name = "begun with the newer key"
	begin(t, svc, v.Operator, fresh).take(t, line("4242424242424242", "jane"))
	if im := begin(t, v.Service, v.Operator, fresh); im.Resumed {
		t.Error("a process with the old key alone finds an import of the newer")
	}
}

// addIdempotencyKey makes the second version of the key of test mode.
func addIdempotencyKey(t *testing.T, v *vaulttest.Vault) {
	t.Helper()
	var rows []store.WorkingKey
	err := v.Store.View(t.Context(), func(r store.Reader) (err error) {
		rows, err = r.WorkingKeys(t.Context())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var wrapped []envelope.WrappedKey
	for _, row := range rows {
		name := envelope.KeyName{Purpose: envelope.Purpose(row.Purpose), Mode: envelope.Mode(row.Mode)}
		wrapped = append(wrapped, envelope.WrappedKey{KeyName: name, Version: row.Version, KEKVersion: row.KEKVersion, Wrapped: row.Wrapped})
	}
	ring, err := envelope.LoadKeyring(t.Context(), v.KMS, wrapped)
	if err != nil {
		t.Fatal(err)
	}
	defer ring.Destroy()
	name := envelope.KeyName{Purpose: envelope.PurposeIdempotency, Mode: envelope.ModeTest}
	made, err := envelope.NewWorkingKeys(t.Context(), v.KMS, rand.Reader, []envelope.KeyName{name}, 2)
	if err != nil {
		t.Fatal(err)
	}
	row := store.WorkingKey{
		Purpose: string(name.Purpose), Mode: string(name.Mode), Version: 2, State: "active",
		KEKVersion: made[0].KEKVersion, Wrapped: made[0].Wrapped, CreatedAt: time.Now().UnixMicro(),
	}
	row.Tag, err = ring.Tag(envelope.ModeAll, envelope.NewRow("working_keys").
		Text(row.Purpose).Text(row.Mode).Int(int64(row.Version)).Text(row.State).
		Int(int64(row.KEKVersion)).Blob(row.Wrapped).Int(row.CreatedAt))
	if err == nil {
		err = v.Store.Update(t.Context(), func(tx store.Tx) error { return tx.InsertWorkingKey(t.Context(), &row) })
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestImportWithoutRecord: invariant 2, of a whole batch.
func TestImportWithoutRecord(t *testing.T) {
	good := vaulttest.New(t, nil)
	merchant := good.Merchant(t, vault.MerchantSettings{})
	im := begin(t, good.Service, good.Operator, source(merchant, false))
	im.take(t, line("4242424242424242", "jane"))
	broken, err := vault.New(t.Context(), vault.Options{
		Store: failingLog{good.Store, store.ErrFull}, KMS: good.KMS, Intake: true, PoolSize: 8,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer broken.Close(context.Background())
	before := append(rowCounts(t, good), tableRows(t, good, "customers"), tableRows(t, good, "imports"))
	going := begin(t, broken, good.Operator, source(merchant, false))
	sealed := []*vault.SealedCard{going.seal(t, line("4242424242424242", "jane")), going.seal(t, line("5555555555554444", ""))}
	fresh := source(merchant, true)
	for name, do := range map[string]func() error{
		"commit": func() error { return going.Commit(t.Context(), sealed, going.mark(2), going.Prefix()) },
		"finish": func() error { return going.Finish(t.Context()) },
		"start":  func() error { _, err := broken.StartImport(t.Context(), good.Operator, fresh); return err },
	} {
		if err := do(); vault.CodeOf(err) != vault.Unavailable {
			t.Errorf("%s without an audit log: %v, want unavailable", name, err)
		}
	}
	after := append(rowCounts(t, good), tableRows(t, good, "customers"), tableRows(t, good, "imports"))
	if !slices.Equal(before, after) {
		t.Errorf("rows before %v and after %v: something was written without its record", before, after)
	}
	if again := begin(t, good.Service, good.Operator, source(merchant, false)); again.Mark() != im.Mark() || again.Finished {
		t.Errorf("the mark is %+v, finished %v; want %+v", again.Mark(), again.Finished, im.Mark())
	}
	im.take(t, line("5555555555554444", "jane")) // nothing of the failure is left in the way
}

func tableRows(t *testing.T, v *vaulttest.Vault, table string) (n int) {
	t.Helper()
	if err := rawDB(t, v).QueryRow("SELECT count(*) FROM " + table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestImportNeedsAnOperator(t *testing.T) {
	v := vaulttest.New(t, nil)
	merchant := v.Merchant(t, vault.MerchantSettings{})
	for _, tt := range []struct {
		name   string
		caller vault.Caller
		from   vault.ImportSource
		want   vault.Code
	}{
		{"nobody", vault.Caller{}, source(merchant, false), vault.Unauthenticated},
		{"public key", v.Caller(t, merchant, policy.Public, false), source(merchant, false), vault.Unauthenticated},
		{"secret key", v.Caller(t, merchant, policy.Secret, false), source(merchant, false), vault.Unauthenticated},
		{"operator", v.Operator, source(merchant, false), ""},
		{"absent merchant", v.Operator, source("mrch_000000000000000000000000", false), vault.NotFound},
		{"no head", v.Operator, vault.ImportSource{Merchant: merchant}, vault.BadRequest},
	} {
		if _, err := v.StartImport(t.Context(), tt.caller, tt.from); codeOr(err) != tt.want {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	serving, err := vault.New(t.Context(), vault.Options{Store: v.Store, KMS: v.KMS})
	if err != nil {
		t.Fatal(err)
	}
	defer serving.Close(context.Background())
	im := begin(t, serving, v.Operator, source(merchant, false))
	if _, err := im.Seal(t.Context(), line("4242424242424242", "")); vault.CodeOf(err) != vault.Internal {
		t.Errorf("sealing without intake: %v, want internal", err)
	}
}

// TestImportOutage: without a KMS sealing is unavailable, what was committed
// stands, and the import goes on when the KMS is back.
func TestImportOutage(t *testing.T) {
	backend := &sealed{KMS: vaulttest.Keyring(t)}
	v := vaulttest.New(t, func(o *vault.Options) { o.KMS, o.PoolSize = backend, 8 })
	im := begin(t, v.Service, v.Operator, source(v.Merchant(t, vault.MerchantSettings{}), false))
	im.take(t, line("4242424242424242", "jane"))
	backend.set(true)
	var err error
	for range 1000 {
		if _, err = im.Seal(t.Context(), line("5555555555554444", "jane")); err != nil {
			break
		}
	}
	var e *vault.Error
	if !errors.As(err, &e) || e.Code != vault.Unavailable || !errors.Is(err, kms.ErrUnavailable) {
		t.Fatalf("sealing in an outage: %v, want unavailable", err)
	}
	if rows := rowCounts(t, v); rows[2] != 1 {
		t.Errorf("%d cards, want the one that was committed", rows[2])
	}
	backend.set(false)
	for {
		_, err := im.Seal(t.Context(), line("5555555555554444", "jane"))
		if err == nil {
			break
		}
		if vault.CodeOf(err) != vault.Unavailable {
			t.Fatalf("while recovering: %v", err)
		}
	}
	im.take(t, line("5555555555554444", "jane"))
}
