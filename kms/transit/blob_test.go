package transit

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

func TestParseBlob(t *testing.T) {
	body := base64.StdEncoding.EncodeToString(make([]byte, overhead+32))
	for _, tt := range []struct {
		in   string
		want blob
		ok   bool
	}{
		{"vault:v1:" + body, blob{1, 32}, true},
		{"vault:v4294967295:" + body, blob{4294967295, 32}, true},
		{"vault:v4294967296:" + body, blob{}, false},
		{"vault:v0:" + body, blob{}, false},
		{"vault:v01:" + body, blob{}, false},
		{"vault:v+1:" + body, blob{}, false},
		{"vault:v1:" + body + "\n", blob{}, false},
		{"vault:v1:" + body[:8] + "\r\n" + body[8:], blob{}, false},
		{"vault:v1:" + strings.TrimRight(body, "="), blob{}, strings.TrimRight(body, "=") == body},
		{"vault:v1:" + base64.StdEncoding.EncodeToString(make([]byte, overhead)), blob{}, false},
		{"vault:v1:" + base64.StdEncoding.EncodeToString(make([]byte, 2000)), blob{}, false},
		{"Vault:v1:" + body, blob{}, false},
		{"", blob{}, false},
	} {
		got, ok := parseBlob([]byte(tt.in))
		if ok != tt.ok || ok && tt.want.version != 0 && got != tt.want {
			t.Errorf("parseBlob(%.30q) = %v, %v, want %v, %v", tt.in, got, ok, tt.want, tt.ok)
		}
	}
}

// FuzzParseBlob: whatever parses is spelled in the one way there is.
func FuzzParseBlob(f *testing.F) {
	for _, n := range []int{29, 30, 31, 60, 92} {
		f.Add([]byte("vault:v1:" + base64.StdEncoding.EncodeToString(make([]byte, n))))
	}
	f.Add([]byte("vault:v0:AAAA"))
	f.Add([]byte("vault:v1:AA\nAA"))
	f.Fuzz(func(t *testing.T, in []byte) {
		b, ok := parseBlob(in)
		if !ok {
			return
		}
		raw, err := base64.StdEncoding.DecodeString(string(in[strings.LastIndexByte(string(in), ':')+1:]))
		if err != nil || len(raw) != b.size+overhead {
			t.Fatalf("%q: %v, %d bytes", in, err, len(raw))
		}
		if again := fmt.Sprintf("vault:v%d:%s", b.version, base64.StdEncoding.EncodeToString(raw)); again != string(in) {
			t.Errorf("%q parses and is spelled %q", in, again)
		}
	})
}
