package envelope

// The fields a record has sealed.
const (
	FieldPAN      = "pan"      // under the record's data key
	FieldProfile  = "profile"  // under the profile key of the mode
	FieldCustomer = "customer" // under the profile key of the mode
	FieldAnswer   = "answer"   // under the profile key of the mode
	FieldCharge   = "charge"   // under the profile key of the mode
	FieldCode     = "code"     // under an EphemeralKey, in memory: never written anywhere
)

// Binding is the place a sealed value belongs to. Opening it anywhere else
// fails as ErrTampered.
type Binding struct {
	Mode       Mode
	Merchant   string // mrch_ id
	Record     string // record id
	Field      string // one of the Field constants
	Generation uint32 // of the data key, or version of the working key; from 1
}

// fits reports whether every part has a length that can be bound.
func (b Binding) fits() bool {
	return max(len(b.Mode), len(b.Merchant), len(b.Record), len(b.Field)) <= MaxPlaintext
}

// appendAAD appends the additional data of FORMAT.md §2.
func (b Binding) appendAAD(dst []byte) []byte {
	dst = lp(dst, protocol)
	dst = lp(dst, []byte{aes256})
	dst = lp(dst, string(b.Mode))
	dst = lp(dst, b.Merchant)
	dst = lp(dst, b.Record)
	dst = lp(dst, b.Field)
	return lpUint32(dst, b.Generation)
}

// DataKeyContext returns the KMS context that binds a wrapped data key to its
// record (FORMAT.md §1). It never changes in the life of the record.
func DataKeyContext(mode Mode, record string) []byte {
	dst := make([]byte, 0, 64)
	dst = lp(dst, protocol)
	dst = lp(dst, string(mode))
	return lp(dst, record)
}

// WorkingKeyContext returns the KMS context that binds a wrapped working key to
// its name and version.
func WorkingKeyContext(purpose Purpose, mode Mode, version uint32) []byte {
	dst := make([]byte, 0, 64)
	dst = lp(dst, protocol)
	dst = lp(dst, string(mode))
	dst = lp(dst, "work/"+string(purpose))
	return lpUint32(dst, version)
}
