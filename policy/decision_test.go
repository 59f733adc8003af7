package policy

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// picky permits by every input there is, so that mixing up two questions shows.
const picky = `
permit (principal == Key::"akey_1", action == Action::"token:create", resource == Vault::"mrch_a");
permit (principal, action == Action::"token:read", resource)
when { principal.merchant == resource.merchant && principal.live == resource.live && principal.kind == "secret" };
forbid (principal == Key::"akey_2", action, resource) when { principal.live };
permit (principal, action, resource == Vault::"mrch_b") unless { resource.live || principal.kind == "public" };
`

var drawQuestion = rapid.Custom(func(t *rapid.T) question {
	merchant := rapid.SampledFrom([]string{"", "mrch_a", "mrch_b"})
	return question{
		Principal{
			Key:  rapid.SampledFrom([]string{"", "akey_1", "akey_2"}).Draw(t, "key"),
			Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Merchant: merchant.Draw(t, "merchant"),
			Live: rapid.Bool().Draw(t, "live"),
		},
		rapid.SampledFrom(actions).Draw(t, "action"),
		Resource{Merchant: merchant.Draw(t, "of"), Live: rapid.Bool().Draw(t, "mode")},
	}
})

// One engine asked many questions in any order answers each as a new engine
// would, which remembers nothing.
func TestDecisionsAreRight(t *testing.T) {
	engine := mustEngine(t, picky)
	fresh := mustEngine(t, picky)
	rapid.Check(t, func(t *rapid.T) {
		for _, q := range rapid.SliceOfN(drawQuestion, 1, 50).Draw(t, "questions") {
			want := fresh.evaluate(q)
			if got := engine.Allows(q.principal, q.action, q.resource); got != want {
				t.Errorf("Allows(%+v) = %v, want %v", q, got, want)
			}
		}
	})
}

// Every field of the inputs is part of what a decision is remembered under.
func TestDecisionsTellEveryFieldApart(t *testing.T) {
	for i := range reflect.TypeFor[question]().NumField() {
		if field := reflect.TypeFor[question]().Field(i); field.Type.Kind() == reflect.Struct {
			for j := range field.Type.NumField() {
				t.Run(field.Name+"."+field.Type.Field(j).Name, func(t *testing.T) { changesQuestion(t, i, j) })
			}
		}
	}
}

func changesQuestion(t *testing.T, i, j int) {
	var d decisions
	inputs := [2]any{Principal{Key: "k", Kind: "k", Merchant: "m"}, Resource{Merchant: "m"}}
	at := map[int]int{0: 0, 2: 1}[i]
	changed := inputs
	v := reflect.New(reflect.TypeOf(inputs[at])).Elem()
	v.Set(reflect.ValueOf(inputs[at]))
	switch f := v.Field(j); f.Kind() {
	case reflect.String:
		f.SetString("other")
	case reflect.Bool:
		f.SetBool(!f.Bool())
	default:
		t.Fatalf("a field of kind %v", f.Kind())
	}
	changed[at] = v.Interface()
	q := question{inputs[0].(Principal), "a", inputs[1].(Resource)}
	other := question{changed[0].(Principal), "a", changed[1].(Resource)}
	d.decide(q, func(question) bool { return true })
	if d.decide(other, func(question) bool { return false }) {
		t.Error("the decision of another question was returned")
	}
	if !d.decide(q, func(question) bool { return false }) {
		t.Error("the decision was not remembered")
	}
}

func TestEnginesShareNothing(t *testing.T) {
	all, none := mustEngine(t, "permit (principal, action, resource);"), mustEngine(t, "")
	for range 2 {
		if !all.Allows(Principal{}, ReadToken, Resource{}) || none.Allows(Principal{}, ReadToken, Resource{}) {
			t.Error("an engine answers for another")
		}
	}
}

func TestDecisionsAreBounded(t *testing.T) {
	engine := mustEngine(t, `permit (principal, action, resource) when { principal.live };`)
	for i := range 3*maxDecisions + 7 {
		p := Principal{Key: fmt.Sprintf("akey_%d", i), Live: i%2 == 0}
		if got := engine.Allows(p, ReadToken, Resource{}); got != p.Live {
			t.Fatalf("question %d: %v, want %v", i, got, p.Live)
		}
		if n := len(engine.known.answers); n > maxDecisions {
			t.Fatalf("%d decisions are remembered", n)
		}
	}
}

func TestDecisionsConcurrently(t *testing.T) {
	engine := mustEngine(t, `permit (principal, action, resource) when { principal.live };`)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 2000 {
				n := rand.IntN(2 * maxDecisions)
				p := Principal{Key: fmt.Sprintf("akey_%d", n), Live: n%3 == 0}
				if got := engine.Allows(p, ReadToken, Resource{}); got != p.Live {
					t.Errorf("key %d: %v, want %v", n, got, p.Live)
				}
			}
		})
	}
	wg.Wait()
}
