package vault

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/envelope"
)

// TestRowsAsDocumented: the tag of a row covers every column, in the order and
// with the types that envelope/FORMAT.md §3 gives.
func TestRowsAsDocumented(t *testing.T) {
	format, err := os.ReadFile("envelope/FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	var (
		apiKey     store.APIKey
		workingKey store.WorkingKey
		customer   store.Customer
		request    store.Idempotency
		imported   store.Import
		approval   store.Approval
		reveal     store.Reveal
		keyVersion store.KeyVersion
		node       store.Node
		keyJob     store.KeyJob
		forward    store.Forward
		charge     store.Charge
	)
	for _, tt := range []struct {
		table string
		row   any // pointer to a struct of package store
		of    func() *envelope.Row
		free  string // the column that no tag covers
	}{
		{"api_keys", &apiKey, func() *envelope.Row { return apiKeyRow(&apiKey) }, "LastUsed"},
		{"working_keys", &workingKey, func() *envelope.Row { return workingKeyRow(&workingKey) }, ""},
		{"customers", &customer, func() *envelope.Row { return customerRow(&customer) }, ""},
		{"idempotency", &request, func() *envelope.Row { return idempotencyRow(&request) }, ""},
		{"imports", &imported, func() *envelope.Row { return importRow(&imported) }, ""},
		{"approvals", &approval, func() *envelope.Row { return approvalRow(&approval) }, ""},
		{"reveals", &reveal, func() *envelope.Row { return revealRow(&reveal) }, ""},
		{"forwards", &forward, func() *envelope.Row { return forwardRow(&forward) }, ""},
		{"charges", &charge, func() *envelope.Row { return chargeRow(&charge) }, ""},
		{"key_versions", &keyVersion, func() *envelope.Row { return keyVersionRow(&keyVersion) }, ""},
		{"nodes", &node, func() *envelope.Row { return nodeRow(&node) }, ""},
		{"key_jobs", &keyJob, func() *envelope.Row { return keyJobRow(&keyJob) }, ""},
	} {
		_, line, found := strings.Cut(string(format), "\n| `"+tt.table+"` | ")
		if !found {
			t.Errorf("%s: FORMAT.md does not have it", tt.table)
			continue
		}
		line, _, _ = strings.Cut(line, " |\n")
		_, columns, _ := strings.Cut(line, " | ")

		row := reflect.ValueOf(tt.row).Elem()
		open := make(map[string]bool)
		for i := range row.NumField() {
			name := row.Type().Field(i).Name
			fill(row.Field(i), name, i)
			open[name] = name != "Tag" && name != tt.free
		}
		want := envelope.NewRow(tt.table)
		for column := range strings.SplitSeq(columns, ", ") {
			name, kind, _ := strings.Cut(column, " ")
			field, ok := row.Type().FieldByNameFunc(func(s string) bool {
				return strings.EqualFold(s, strings.ReplaceAll(name, "_", ""))
			})
			if !ok || !open[field.Name] {
				t.Errorf("%s: FORMAT.md has a column %q, which the row has not, or twice", tt.table, name)
				continue
			}
			open[field.Name] = false
			add(t, want, kind, row.FieldByIndex(field.Index))
		}
		for name, missing := range open {
			if missing {
				t.Errorf("%s: FORMAT.md has no column for %s", tt.table, name)
			}
		}
		if !reflect.DeepEqual(tt.of(), want) {
			t.Errorf("%s: the tag is not over the columns of FORMAT.md in their order", tt.table)
		}
	}
}

// fill gives a field a value that no other field of the row has.
func fill(field reflect.Value, name string, i int) {
	switch field.Kind() {
	case reflect.String:
		field.SetString(name)
	case reflect.Bool:
		field.SetBool(true)
	case reflect.Slice:
		field.SetBytes([]byte(name))
	case reflect.Uint32:
		field.SetUint(uint64(1000 + i))
	default:
		field.SetInt(int64(1000 + i))
	}
}

// add adds a column of the type that FORMAT.md gives.
func add(t *testing.T, row *envelope.Row, kind string, field reflect.Value) {
	t.Helper()
	switch {
	case kind == "t" && field.Kind() == reflect.String:
		row.Text(field.String())
	case kind == "b" && field.Kind() == reflect.Slice:
		row.Blob(field.Bytes())
	case kind == "f" && field.Kind() == reflect.Bool:
		row.Bool(field.Bool())
	case kind == "i" && field.CanUint():
		row.Int(int64(field.Uint()))
	case kind == "i" && field.CanInt():
		row.Int(field.Int())
	default:
		t.Errorf("FORMAT.md gives type %q for a %s", kind, field.Kind())
	}
}
