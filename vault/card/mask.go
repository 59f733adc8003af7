package card

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// What the redacting types print instead of their content. None contains a
// length.
const (
	panMask      = "************" // followed by the last four digits
	noPAN        = "[no PAN]"
	codeMask     = "[security code]"
	noCode       = "[no security code]"
	holderMask   = "[cardholder data]"
	profileMask  = "[card profile]"
	inputMask    = "[card parameters]"
	cardMaskOpen = "[card "
)

// String returns twelve stars and the last four digits, or "[no PAN]".
func (p PAN) String() string {
	if p.IsZero() {
		return noPAN
	}
	return panMask + p.Last4()
}

// GoString is String: %#v redacts too.
func (p PAN) GoString() string { return p.String() }

// Format writes String for every verb and flag.
func (p PAN) Format(f fmt.State, _ rune) { mask(f, p.String()) }

// MarshalJSON returns String as a JSON string. There is no UnmarshalJSON.
func (p PAN) MarshalJSON() ([]byte, error) { return json.Marshal(p.String()) }

// MarshalText returns String.
func (p PAN) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// LogValue returns String for structured logs.
func (p PAN) LogValue() slog.Value { return slog.StringValue(p.String()) }

// String says whether there is a code, and nothing of it.
func (c SecurityCode) String() string {
	if c.IsZero() {
		return noCode
	}
	return codeMask
}

// GoString is String: %#v redacts too.
func (c SecurityCode) GoString() string { return c.String() }

// Format writes String for every verb and flag.
func (c SecurityCode) Format(f fmt.State, _ rune) { mask(f, c.String()) }

// MarshalJSON returns String as a JSON string. There is no UnmarshalJSON.
func (c SecurityCode) MarshalJSON() ([]byte, error) { return json.Marshal(c.String()) }

// MarshalText returns String.
func (c SecurityCode) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// LogValue returns String for structured logs.
func (c SecurityCode) LogValue() slog.Value { return slog.StringValue(c.String()) }

// mask writes a redaction. Printing cannot report a failed write.
func mask(f fmt.State, s string) { _, _ = io.WriteString(f, s) }
