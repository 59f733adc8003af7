package audit

import "slices"

// Type says what happened. The catalogue maps to PCI DSS 10.2.1.
type Type string

// The catalogue. After each type: its requirement, then its details.
const (
	SystemInit  Type = "system.init"  // 10.2.1.7; version
	SystemStart Type = "system.start" // 10.2.1.6; version, tier, kms
	SystemStop  Type = "system.stop"  // 10.2.1.6

	KeyCreate Type = "key.create" // 10.2.1.7; purpose, version, kek_version

	OperatorCreate  Type = "operator.create"  // 10.2.1.5; label
	MerchantCreate  Type = "merchant.create"  // 10.2.1.2
	MerchantDisable Type = "merchant.disable" // 10.2.1.2
	MerchantEnable  Type = "merchant.enable"  // 10.2.1.2

	APIKeyCreate Type = "apikey.create" // 10.2.1.5; kind, label
	APIKeyRevoke Type = "apikey.revoke" // 10.2.1.5; kind

	AuthDenied   Type = "auth.denied"   // 10.2.1.4; reason, count, first
	ActionDenied Type = "action.denied" // 10.2.1.4; action, count, first

	TokenCreate Type = "token.create" // 10.2.1.7; brand
	TokenUse    Type = "token.use"    // 10.2.1.7; customer

	CustomerCreate Type = "customer.create" // 10.2.1.7
	CustomerUpdate Type = "customer.update" // 10.2.1.7
	CustomerDelete Type = "customer.delete" // 10.2.1.7; cards

	CardUpdate  Type = "card.update"  // 10.2.1.7
	CardDestroy Type = "card.destroy" // 10.2.1.7; customer

	RecordTampered Type = "record.tampered" // 10.2.1.4; what
)

// Types lists the catalogue, sorted.
func Types() []Type {
	return []Type{
		ActionDenied, APIKeyCreate, APIKeyRevoke, AuthDenied, CardDestroy, CardUpdate,
		CustomerCreate, CustomerDelete, CustomerUpdate, KeyCreate,
		MerchantCreate, MerchantDisable, MerchantEnable, OperatorCreate,
		RecordTampered, SystemInit, SystemStart, SystemStop, TokenCreate, TokenUse,
	}
}

// Known reports whether t is in the catalogue.
func (t Type) Known() bool { return slices.Contains(Types(), t) }
