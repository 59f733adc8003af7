// Package card knows what a payment card is: its number, brand, expiry,
// security code and holder, and how a request for a token is checked.
//
// It promises that a card number (PAN) or security code that has entered a
// PAN or SecurityCode comes out only through Use or AppendPadded: every way
// of printing, logging or marshalling one yields at most the last four
// digits. It promises that no sentence or error it returns quotes its input.
//
// It must never keep or convert to a string the slices it is given: they
// alias request buffers that the caller wipes. It does no I/O, apart from
// reading an issuer table from an io.Reader, and imports no other package of
// this module.
//
// Functions and methods are safe for concurrent use unless their comment says
// otherwise.
package card
