package cardfile

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strconv"
)

// String returns the record's line and nothing of what it holds.
func (rec Record) String() string { return "[record of line " + strconv.FormatInt(rec.Line, 10) + "]" }

// GoString is String: %#v redacts too.
func (rec Record) GoString() string { return rec.String() }

// Format writes String for every verb and flag.
func (rec Record) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, rec.String()) }

// MarshalJSON returns String as a JSON string.
func (rec Record) MarshalJSON() ([]byte, error) { return json.Marshal(rec.String()) }

// LogValue returns String for structured logs.
func (rec Record) LogValue() slog.Value { return slog.StringValue(rec.String()) }
