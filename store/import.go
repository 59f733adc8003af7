package store

import "context"

// Import is how far the import of one file has come.
type Import struct {
	Source     []byte // keyed hash that names the file's beginning, the merchant and the mode, 32 bytes
	ID         string // impt_ + 24
	Merchant   string
	Live       bool
	CreatedAt  int64
	FinishedAt int64  // 0 until its end was reached
	Records    int64  // read so far
	Cards      int64  // of them imported; the others were rejected
	ReadTo     int64  // bytes of the file
	Prefix     []byte // keyed hash of those bytes, 32 bytes
	MapSize    int64  // bytes of the reference map that are valid
	RejectSize int64  // bytes of the reject file that are valid
	Tag        []byte // 20 bytes over all other columns
}

// ImportReader reads imports.
type ImportReader interface {
	// Import returns the import of a source. ErrNotFound.
	Import(ctx context.Context, source []byte) (Import, error)
}

// ImportWriter writes imports.
type ImportWriter interface {
	// InsertImport adds a row. ErrConflict if the source exists.
	InsertImport(ctx context.Context, i *Import) error
	// UpdateImport replaces the row of the same source whose tag is was.
	// ErrConflict if there is none: somebody else goes on with it.
	UpdateImport(ctx context.Context, i *Import, was []byte) error
}
