package vault

import (
	"errors"
	"fmt"
	"slices"

	"github.com/panvault/panvault/vault/forward"
)

// Use is what a destination is for.
type Use string

// The uses. A destination for forwards is named by its merchants; the others
// are found by use, mode and merchant.
const (
	UseForward Use = "forward" // POST /v1/forwards
	UseCharge  Use = "charge"  // POST /charges
	UseCapture Use = "capture" // POST /charges/{id}/capture; gets no card
	UseReverse Use = "reverse" // POST /charges/{id}/reverse; gets no card
	UsePayment Use = "payment" // the PaymentOptions front
)

// Uses lists every Use, in a fixed order.
func Uses() []Use { return []Use{UseForward, UseCharge, UseCapture, UseReverse, UsePayment} }

// EveryMerchant in Destination.Merchants lets all merchants use it.
const EveryMerchant = "*"

// Destination is one endpoint of a processor and who may use it: configuration,
// never input. Test and live never meet, so that it belongs to one mode.
type Destination struct {
	Endpoint  *forward.Endpoint // required
	Use       Use               // required
	Live      bool
	Merchants []string // mrch_ ids, or EveryMerchant alone; required
}

// allows reports whether a caller's merchant and mode may use it.
func (d *Destination) allows(c Caller) bool {
	return d.Live == c.Live && c.Merchant != "" &&
		(slices.Contains(d.Merchants, EveryMerchant) || slices.Contains(d.Merchants, c.Merchant))
}

// validate reports the first mistake.
func (d *Destination) validate() error {
	if d.Endpoint == nil {
		return errors.New("a destination has no endpoint")
	}
	if !slices.Contains(Uses(), d.Use) {
		return fmt.Errorf("destination %s: use must be forward, charge, capture, reverse or payment", d.Endpoint.Name())
	}
	if len(d.Merchants) == 0 || slices.Contains(d.Merchants, "") {
		return fmt.Errorf("destination %s: merchants must name who may use it, or be *", d.Endpoint.Name())
	}
	return nil
}

// ValidateDestinations reports the first mistake of a set of destinations: one
// that names no merchant, a name that is there twice, or two that the same
// merchant would find for the same use. New returns the same error.
func ValidateDestinations(all []Destination) error {
	for i := range all {
		d := &all[i]
		if err := d.validate(); err != nil {
			return err
		}
		for j := range i {
			if all[j].Endpoint.Name() == d.Endpoint.Name() {
				return fmt.Errorf("destination %s is there twice", d.Endpoint.Name())
			}
			if d.Use != UseForward && d.Use == all[j].Use && d.Live == all[j].Live && overlap(d.Merchants, all[j].Merchants) {
				return fmt.Errorf("destinations %s and %s have the same use, mode and merchant", all[j].Endpoint.Name(), d.Endpoint.Name())
			}
		}
	}
	return nil
}

// overlap reports whether one merchant would find both. One that is named is
// preferred to EveryMerchant, so that these two do not overlap.
func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(m string) bool { return slices.Contains(b, m) })
}

// destinationNamed finds a destination for forwards. One that is absent and one
// that is not for this caller look the same.
func (s *Service) destinationNamed(c Caller, name string) (*Destination, error) {
	for i := range s.opts.Destinations {
		d := &s.opts.Destinations[i]
		if d.Use == UseForward && d.Endpoint.Name() == name && d.allows(c) {
			return d, nil
		}
	}
	return nil, notFound("destination", name)
}

// destinationFor finds the destination of a caller's use; nil if there is none.
func (s *Service) destinationFor(c Caller, use Use) *Destination {
	var everyone *Destination
	for i := range s.opts.Destinations {
		d := &s.opts.Destinations[i]
		switch {
		case d.Use != use || !d.allows(c):
		case slices.Contains(d.Merchants, c.Merchant):
			return d
		default:
			everyone = d
		}
	}
	return everyone
}
