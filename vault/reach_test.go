package vault

// What tests of the package need of its inside.
var (
	CardRow        = cardRow
	FingerprintRow = fingerprintRow
	WorkingKeyRow  = workingKeyRow
)

// SetReach makes searches look at fewer rows.
func (s *Service) SetReach(window, most int) { s.reach = reach{window, most} }
