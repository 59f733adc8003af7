package processor

import "net/http"

// Statistics are counts since the start, but for the last three, which are of
// the payments that are remembered.
type Statistics struct {
	Received   int `json:"received"`   // payments; the next three are how they began
	Approved   int `json:"approved"`   //
	Declined   int `json:"declined"`   //
	Pending    int `json:"pending"`    //
	Captured   int `json:"captured"`   // at once or later
	Reversed   int `json:"reversed"`   //
	Dropped    int `json:"dropped"`    // payments whose answer was withheld or cut off
	Duplicates int `json:"duplicates"` // payments whose reference was known
	Malformed  int `json:"malformed"`  // requests that are no payment

	ByReference int `json:"by_reference"` // references with more than one payment
	Remembered  int `json:"remembered"`   // payments
	Limit       int `json:"limit"`        // of remembered
}

// ReferenceStatistics are what was received with one reference.
type ReferenceStatistics struct {
	Reference          string   `json:"reference"`
	Received           int      `json:"received"`
	DuplicateReference bool     `json:"duplicate_reference"` // received more than once
	Approved           int      `json:"approved"`            // this and the next two: as they are now
	Declined           int      `json:"declined"`            //
	Pending            int      `json:"pending"`             //
	Reversed           int      `json:"reversed"`            // of the approved
	Authorized         int      `json:"authorized"`          // approved, neither captured nor reversed
	Charges            int      `json:"charges"`             // captured and not reversed: more than one is a double charge
	Charged            bool     `json:"charged"`             // there is a charge
	ChargedAmount      int64    `json:"charged_amount"`      // of all charges
	Payments           []string `json:"payments"`            // ids, oldest first
}

func (s *ReferenceStatistics) add(p *payment) {
	s.Received++
	s.DuplicateReference = s.Received > 1
	s.Payments = append(s.Payments, p.id)
	switch p.status {
	case approved:
		s.Approved++
	case declined:
		s.Declined++
	case pending:
		s.Pending++
	}
	switch {
	case p.reversed:
		s.Reversed++
	case p.charged():
		s.Charges++
		s.Charged = true
		s.ChargedAmount += p.amount
	case p.status == approved:
		s.Authorized++
	}
}

// Statistics returns what GET /statistics answers.
func (p *Processor) Statistics() Statistics { return p.ledger.statistics() }

// Reference returns what GET /statistics/{reference} answers.
func (p *Processor) Reference(reference string) ReferenceStatistics {
	return p.ledger.reference(reference)
}

func (p *Processor) statistics(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, encode(p.Statistics()))
}

func (p *Processor) referenceStatistics(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, encode(p.Reference(r.PathValue("reference"))))
}
