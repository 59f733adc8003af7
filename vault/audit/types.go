package audit

import "slices"

// Type says what happened. The catalogue maps to PCI DSS 10.2.1.
type Type string

// The catalogue. After each type: its requirement, then its details.
const (
	SystemInit  Type = "system.init"  // 10.2.1.7; version
	SystemStart Type = "system.start" // 10.2.1.6; version, tier, kms
	SystemStop  Type = "system.stop"  // 10.2.1.6

	KeyRotate    Type = "key.rotate"    // 10.2.1.7; before, reason, compromise
	KeyVersion   Type = "key.version"   // 10.2.1.7; version, state, reason, suspect
	KeyRewrap    Type = "key.rewrap"    // 10.2.1.7; job, version
	KeyRewrapped Type = "key.rewrapped" // 10.2.1.7; job, version, moved, skipped, failed
	KeyRetire    Type = "key.retire"    // 10.2.1.7; up_to, reason
	KeyRefuse    Type = "key.refuse"    // 10.2.1.4; reason
	KeyResume    Type = "key.resume"    // 10.2.1.7
	KeyDestroy   Type = "key.destroy"   // 10.2.1.7; up_to, approval, reason

	KeyCreate Type = "key.create" // 10.2.1.7; purpose, version, kek_version

	OperatorCreate  Type = "operator.create"  // 10.2.1.5; label
	MerchantCreate  Type = "merchant.create"  // 10.2.1.2
	MerchantDisable Type = "merchant.disable" // 10.2.1.2
	MerchantEnable  Type = "merchant.enable"  // 10.2.1.2

	APIKeyCreate Type = "apikey.create" // 10.2.1.5; kind, label
	APIKeyRevoke Type = "apikey.revoke" // 10.2.1.5; kind

	AuthDenied   Type = "auth.denied"   // 10.2.1.4; reason, count, first
	ActionDenied Type = "action.denied" // 10.2.1.4; action, reason, count, first

	TokenCreate Type = "token.create" // 10.2.1.7; brand
	TokenUse    Type = "token.use"    // 10.2.1.7; customer

	CodeRelease Type = "code.release" // 10.2.1.7; attempts, ended
	CodeExpire  Type = "code.expire"  // 10.2.1.7; reason, attempts, ended

	CustomerCreate Type = "customer.create" // 10.2.1.7
	CustomerUpdate Type = "customer.update" // 10.2.1.7
	CustomerDelete Type = "customer.delete" // 10.2.1.7; cards, shred_horizon

	CardUpdate  Type = "card.update"  // 10.2.1.7
	CardDestroy Type = "card.destroy" // 10.2.1.7; reason, shred_horizon, customer
	CardImport  Type = "card.import"  // 10.2.1.7; import, customer
	CardExport  Type = "card.export"  // 10.2.1.1; approval
	CardReveal  Type = "card.reveal"  // 10.2.1.1; reveal, fields, number, reason, approval, result

	CardVerify  Type = "card.verify"  // 10.2.1.1
	CardForward Type = "card.forward" // 10.2.1.1; forward, use, destination, charge
	ForwardEnd  Type = "forward.end"  // 10.2.1.2; state, status, masked, reason

	ChargeCreate Type = "charge.create" // 10.2.1.7; card
	ChargeUpdate Type = "charge.update" // 10.2.1.7
	ChargeSettle Type = "charge.settle" // 10.2.1.2; outcome, reason

	CardFind   Type = "card.find"   // 10.2.1.2; by
	RecordRead Type = "record.read" // 10.2.1.2

	ImportStart  Type = "import.start"  // 10.2.1.2
	ImportFinish Type = "import.finish" // 10.2.1.2; records, cards
	ExportStart  Type = "export.start"  // 10.2.1.2; recipient
	ExportFinish Type = "export.finish" // 10.2.1.2; cards, tampered, digest

	ApprovalRequest Type = "approval.request" // 10.2.1.2; action, subject, reason
	ApprovalGrant   Type = "approval.grant"   // 10.2.1.2; action, requested_by

	RecordTampered Type = "record.tampered" // 10.2.1.4; what
)

// Types lists the catalogue, sorted.
func Types() []Type {
	return []Type{
		ActionDenied, APIKeyCreate, APIKeyRevoke, ApprovalGrant, ApprovalRequest, AuthDenied,
		CardDestroy, CardExport, CardFind, CardForward, CardImport, CardReveal, CardUpdate, CardVerify, ChargeCreate, ChargeSettle, ChargeUpdate,
		CodeExpire, CodeRelease, CustomerCreate, CustomerDelete, CustomerUpdate, ExportFinish, ExportStart, ForwardEnd,
		ImportFinish, ImportStart, KeyCreate, KeyDestroy, KeyRefuse, KeyResume, KeyRetire, KeyRewrap, KeyRewrapped, KeyRotate, KeyVersion,
		MerchantCreate, MerchantDisable, MerchantEnable, OperatorCreate,
		RecordRead, RecordTampered, SystemInit, SystemStart, SystemStop, TokenCreate, TokenUse,
	}
}

// Known reports whether t is in the catalogue.
func (t Type) Known() bool { return slices.Contains(Types(), t) }
