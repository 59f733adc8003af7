package store

import "context"

// Approval is something that one operator asked for and another must grant.
type Approval struct {
	ID          string // appr_ + 24
	Action      string // what it allows, e.g. "export"
	Subject     []byte // of what exactly, in a form that the action defines; up to 4096 bytes
	Reason      string // 1..255 runes
	RequestedBy string // akey_ id
	RequestedAt int64
	GrantedBy   string // akey_ id of another operator; "" until then
	GrantedAt   int64
	ExpiresAt   int64  // it can be granted and used until then
	UsedAt      int64  // 0 until used
	Tag         []byte // 20 bytes over all other columns
}

// ApprovalReader reads approvals.
type ApprovalReader interface {
	// Approval returns one row. ErrNotFound.
	Approval(ctx context.Context, id string) (Approval, error)
	// Approvals lists the newest rows first, at most limit.
	Approvals(ctx context.Context, limit int) ([]Approval, error)
}

// ApprovalWriter writes approvals.
type ApprovalWriter interface {
	// InsertApproval adds a row. ErrConflict if the id exists.
	InsertApproval(ctx context.Context, a *Approval) error
	// UpdateApproval replaces the row with the same id whose tag is was.
	// ErrConflict if there is none: somebody else changed it.
	UpdateApproval(ctx context.Context, a *Approval, was []byte) error
}
