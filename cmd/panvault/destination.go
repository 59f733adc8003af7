package main

import (
	"maps"
	"slices"
	"time"

	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/forward"
)

// destinationConfig is one endpoint of a processor that cards are forwarded to,
// and who may use it: configuration, never input.
type destinationConfig struct {
	Name      string   `yaml:"name"`
	Use       string   `yaml:"use,omitempty"` // default forward
	Mode      string   `yaml:"mode"`          // test or live
	Merchants []string `yaml:"merchants"`     // mrch_ ids, or * alone

	URL         string `yaml:"url"`
	Method      string `yaml:"method,omitempty"` // default POST
	Path        string `yaml:"path"`
	ContentType string `yaml:"content_type,omitempty"` // default application/json
	Body        string `yaml:"body,omitempty"`

	Headers       map[string]string    `yaml:"headers,omitempty"`        // templates, as path is
	SecretHeaders map[string]secretRef `yaml:"secret_headers,omitempty"` // where their values are

	CAFile     string   `yaml:"ca_file,omitempty"`
	Pins       []string `yaml:"pins,omitempty"`
	CertFile   string   `yaml:"cert_file,omitempty"`
	KeyFile    string   `yaml:"key_file,omitempty"`
	ServerName string   `yaml:"server_name,omitempty"`

	AllowPlaintext bool `yaml:"allow_plaintext,omitempty"`
	AllowPrivate   bool `yaml:"allow_private,omitempty"`

	Timeout        time.Duration `yaml:"timeout,omitempty"`
	ConnectTimeout time.Duration `yaml:"connect_timeout,omitempty"`
	MaxRequest     int           `yaml:"max_request,omitempty"`  // bytes
	MaxResponse    int           `yaml:"max_response,omitempty"` // bytes

	AnswerHeaders   []string      `yaml:"answer_headers,omitempty"`
	ShowFirstDigits bool          `yaml:"show_first_digits,omitempty"`
	KeepDigits      []string      `yaml:"keep_digits,omitempty"`
	Outcome         outcomeConfig `yaml:"outcome,omitempty"`
}

// outcomeConfig says how an answer tells what became of a charge.
type outcomeConfig struct {
	StatusFrom int      `yaml:"status_from,omitempty"`
	StatusTo   int      `yaml:"status_to,omitempty"`
	Path       string   `yaml:"path,omitempty"`
	Approved   []string `yaml:"approved,omitempty"`
	Declined   []string `yaml:"declined,omitempty"`
	Code       string   `yaml:"code,omitempty"`
	Message    string   `yaml:"message,omitempty"`
	Auth       string   `yaml:"auth,omitempty"`
	Reference  string   `yaml:"reference,omitempty"`
}

// The modes of a destination in the configuration.
const (
	modeTest = "test"
	modeLive = "live"
)

// use is the setting or its default.
func (d destinationConfig) use() vault.Use {
	if d.Use == "" {
		return vault.UseForward
	}
	return vault.Use(d.Use)
}

// settings are the destination without what is in files and the environment.
func (d destinationConfig) settings() forward.Destination {
	out := forward.Destination{
		Name: d.Name, URL: d.URL, Method: d.Method, Path: d.Path, ContentType: d.ContentType, Body: d.Body,
		Pins: d.Pins, ServerName: d.ServerName, AllowPlaintext: d.AllowPlaintext, AllowPrivate: d.AllowPrivate,
		Timeout: d.Timeout, ConnectTimeout: d.ConnectTimeout, MaxRequest: d.MaxRequest, MaxResponse: d.MaxResponse,
		AnswerHeaders: d.AnswerHeaders, ShowFirstDigits: d.ShowFirstDigits, KeepDigits: d.KeepDigits,
		Outcome: forward.OutcomeRules(d.Outcome),
	}
	if out.Method == "" {
		out.Method = "POST"
	}
	if out.ContentType == "" && out.Method != "GET" {
		out.ContentType = "application/json"
	}
	for _, name := range slices.Sorted(maps.Keys(d.Headers)) {
		out.Headers = append(out.Headers, forward.Header{Name: name, Value: []byte(d.Headers[name])})
	}
	return out
}

// longestTimeout is how long a request to a destination takes at most; 0
// without destinations.
func (cfg config) longestTimeout() time.Duration {
	longest := time.Duration(0)
	for _, d := range cfg.Destinations {
		timeout := d.Timeout
		if timeout == 0 {
			timeout = forward.DefaultTimeout
		}
		longest = max(longest, timeout)
	}
	return longest
}
