package card

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// The composite types redact as a whole. There are two gaps, both of fmt: it
// calls no methods on unexported struct fields, nor for the verbs %p and %w
// outside Errorf (which vet reports). PAN and SecurityCode hold there too;
// the plain strings of a Holder or Profile and the bytes of an Input do not,
// so keep none of these three in an unexported field.

// String returns a fixed text without any cardholder data.
func (Holder) String() string { return holderMask }

// GoString is String: %#v redacts too.
func (Holder) GoString() string { return holderMask }

// Format writes String for every verb and flag.
func (Holder) Format(f fmt.State, _ rune) { mask(f, holderMask) }

// MarshalJSON returns String as a JSON string; Profile.Encode is the codec.
func (Holder) MarshalJSON() ([]byte, error) { return json.Marshal(holderMask) }

// MarshalText returns String.
func (Holder) MarshalText() ([]byte, error) { return []byte(holderMask), nil }

// LogValue returns String for structured logs.
func (Holder) LogValue() slog.Value { return slog.StringValue(holderMask) }

// String returns a fixed text without any cardholder data.
func (Profile) String() string { return profileMask }

// GoString is String: %#v redacts too.
func (Profile) GoString() string { return profileMask }

// Format writes String for every verb and flag.
func (Profile) Format(f fmt.State, _ rune) { mask(f, profileMask) }

// MarshalJSON returns String as a JSON string; Profile.Encode is the codec.
func (Profile) MarshalJSON() ([]byte, error) { return json.Marshal(profileMask) }

// MarshalText returns String.
func (Profile) MarshalText() ([]byte, error) { return []byte(profileMask), nil }

// LogValue returns String for structured logs.
func (Profile) LogValue() slog.Value { return slog.StringValue(profileMask) }

// String returns a fixed text without any of the parameters.
func (Input) String() string { return inputMask }

// GoString is String: %#v redacts too.
func (Input) GoString() string { return inputMask }

// Format writes String for every verb and flag.
func (Input) Format(f fmt.State, _ rune) { mask(f, inputMask) }

// MarshalJSON returns String as a JSON string.
func (Input) MarshalJSON() ([]byte, error) { return json.Marshal(inputMask) }

// MarshalText returns String.
func (Input) MarshalText() ([]byte, error) { return []byte(inputMask), nil }

// LogValue returns String for structured logs.
func (Input) LogValue() slog.Value { return slog.StringValue(inputMask) }

// String returns the masked number only, as "[card ************1091]".
func (c Card) String() string { return cardMaskOpen + c.PAN.String() + "]" }

// GoString is String: %#v redacts too.
func (c Card) GoString() string { return c.String() }

// Format writes String for every verb and flag.
func (c Card) Format(f fmt.State, _ rune) { mask(f, c.String()) }

// MarshalJSON returns String as a JSON string.
func (c Card) MarshalJSON() ([]byte, error) { return json.Marshal(c.String()) }

// MarshalText returns String.
func (c Card) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// LogValue returns String for structured logs.
func (c Card) LogValue() slog.Value { return slog.StringValue(c.String()) }
