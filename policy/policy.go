// Package policy decides who may do what: principals, actions, Cedar policies
// and rate limits.
//
// It promises that whatever no policy permits is denied, and that a decision
// depends on its arguments only: no clock but the one given, no I/O.
//
// It must never see card data; it imports no other package of this module.
package policy

import (
	_ "embed" // the default policies
	"errors"
	"fmt"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
)

//go:embed default.cedar
var defaultPolicies []byte

// DefaultPolicies returns the Cedar text that applies unless an operator
// supplies another.
func DefaultPolicies() []byte { return append([]byte(nil), defaultPolicies...) }

// Kind is the kind of a credential.
type Kind string

// The kinds. Each is one prefix of contract: pkey_, skey_, rkey_, and okey_ for
// operators, who belong to no merchant.
const (
	Public   Kind = "public"   // may create and read tokens
	Secret   Kind = "secret"   // a merchant's server
	Reveal   Kind = "reveal"   // may see stored cards of its merchant, and nothing else
	Operator Kind = "operator" // a person who runs the vault
)

// Principal is who asks.
type Principal struct {
	Key      string // akey_ id
	Kind     Kind
	Merchant string // "" for operators
	Live     bool
}

// Action is what is asked for.
type Action string

// The actions.
const (
	CreateToken    Action = "token:create"
	ReadToken      Action = "token:read"
	ManageCustomer Action = "customer:manage" // customers and their cards, masked
	ForwardCard    Action = "card:forward"    // to a configured destination
	ManageCharge   Action = "charge:manage"   // at a configured destination
	SettleCharge   Action = "charge:settle"   // say what became of a pending one
	CreatePayment  Action = "payment:create"  // at a configured destination
	ManageMerchant Action = "merchant:manage"
	ManageKey      Action = "key:manage" // rotate, rewrap, retire and destroy encryption keys
	ManageAPIKey   Action = "apikey:manage"
	ReadOperations Action = "operations:read"
	FindCard       Action = "card:find"   // masked, of every merchant
	ImportCard     Action = "card:import" // into a merchant
	ExportCard     Action = "card:export" // with the approval of two operators

	RevealMasked Action = "reveal:masked" // a stored card, its number masked and its holder hidden
	RevealNumber Action = "reveal:number" // the number too
	RevealHolder Action = "reveal:holder" // the holder's name too

	GrantApproval Action = "approval:grant" // see and grant what takes the consent of an operator
)

// Resource is what it is asked of.
type Resource struct {
	Merchant string // "" for the installation itself
	Live     bool
}

// ErrPolicies: the policy text does not parse, or names what does not exist.
var ErrPolicies = errors.New("policy: the policies are not valid")

// Engine evaluates a set of Cedar policies, which never change. It is safe for
// concurrent use.
type Engine struct {
	policies *cedar.PolicySet
	known    decisions
}

// New parses Cedar policies; file names the text in errors. An action that does
// not exist is refused: a policy that forbids a misspelled one forbids nothing.
// ErrPolicies, with the file and the place in it.
func New(file string, text []byte) (*Engine, error) {
	set, err := cedar.NewPolicySetFromBytes(file, text)
	if err == nil {
		err = checkActions(set)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrPolicies, file, err)
	}
	return &Engine{policies: set}, nil
}

// Default returns an engine with the default policies.
func Default() (*Engine, error) { return New("default.cedar", defaultPolicies) }

// Allows reports whether p may do a on r. An evaluation error of any policy
// denies.
func (e *Engine) Allows(p Principal, a Action, r Resource) bool {
	return e.known.decide(question{p, a, r}, e.evaluate)
}

// evaluate asks the policies. What they see is in q and nothing else: no
// context, no clock.
func (e *Engine) evaluate(q question) bool {
	p, r := q.principal, q.resource
	principal := types.NewEntityUID("Key", types.String(p.Key))
	resource := types.NewEntityUID("Vault", types.String(r.Merchant))
	entities := types.EntityMap{
		principal: {UID: principal, Attributes: attributes(p.Merchant, p.Live, p.Kind)},
		resource:  {UID: resource, Attributes: attributes(r.Merchant, r.Live, "")},
	}
	decision, diagnostic := cedar.Authorize(e.policies, entities, types.Request{
		Principal: principal,
		Action:    types.NewEntityUID("Action", types.String(q.action)),
		Resource:  resource,
	})
	return decision == types.Allow && len(diagnostic.Errors) == 0
}

func attributes(merchant string, live bool, kind Kind) types.Record {
	return types.NewRecord(types.RecordMap{
		"merchant": types.String(merchant),
		"live":     types.Boolean(live),
		"kind":     types.String(kind),
	})
}
