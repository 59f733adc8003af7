package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/panvault/panvault/vault/forward"
)

// destinationConfig is one endpoint of a processor that cards are forwarded to:
// configuration, never input.
type destinationConfig struct {
	Name        string `yaml:"name"`
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
	MaxResponse    int           `yaml:"max_response,omitempty"` // bytes
	AnswerHeaders  []string      `yaml:"answer_headers,omitempty"`
	KeepDigits     []string      `yaml:"keep_digits,omitempty"`
}

// endpoint opens a destination: its secrets, certificates and templates.
func (d destinationConfig) endpoint() (*forward.Endpoint, error) {
	out := forward.Destination{
		Name: d.Name, URL: d.URL, Method: d.Method, Path: d.Path, ContentType: d.ContentType, Body: d.Body,
		Pins: d.Pins, ServerName: d.ServerName, AllowPlaintext: d.AllowPlaintext, AllowPrivate: d.AllowPrivate,
		Timeout: d.Timeout, ConnectTimeout: d.ConnectTimeout, MaxResponse: d.MaxResponse,
		AnswerHeaders: d.AnswerHeaders, KeepDigits: d.KeepDigits,
	}
	if out.Method == "" {
		out.Method = "POST"
	}
	if out.ContentType == "" && out.Body != "" {
		out.ContentType = "application/json"
	}
	for _, name := range slices.Sorted(maps.Keys(d.Headers)) {
		out.Headers = append(out.Headers, forward.Header{Name: name, Value: []byte(d.Headers[name])})
	}
	for _, name := range slices.Sorted(maps.Keys(d.SecretHeaders)) {
		secret, err := d.SecretHeaders[name].read()
		if err != nil {
			return nil, unreadable("secret_headers."+name, err)
		}
		out.Headers = append(out.Headers, forward.Header{Name: name, Value: []byte(secret), Secret: true})
	}
	if err := d.readCertificates(&out); err != nil {
		return nil, err
	}
	return forward.New(out)
}

func (d destinationConfig) readCertificates(out *forward.Destination) error {
	if d.CAFile != "" {
		pem, err := os.ReadFile(d.CAFile)
		if err != nil {
			return hint(err, "ca_file: a file of PEM certificates")
		}
		if out.RootCAs = x509.NewCertPool(); !out.RootCAs.AppendCertsFromPEM(pem) {
			return hint(fmt.Errorf("%s holds no certificate", d.CAFile), "ca_file: a file of PEM certificates")
		}
	}
	if (d.CertFile == "") != (d.KeyFile == "") {
		return errors.New("cert_file and key_file go together")
	}
	if d.CertFile == "" {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(d.CertFile, d.KeyFile)
	if err != nil {
		return hint(err, "cert_file and key_file: PEM, of one another")
	}
	out.ClientCertificate = &pair
	return nil
}

// destinations opens all destinations of a configuration, or the named one.
func (cfg config) destinations(name string) ([]*forward.Endpoint, error) {
	var out []*forward.Endpoint
	seen := make(map[string]bool)
	for _, d := range cfg.Destinations {
		if seen[d.Name] {
			return nil, fmt.Errorf("destination %s is there twice", d.Name)
		}
		seen[d.Name] = true
		if name != "" && d.Name != name {
			continue
		}
		e, err := d.endpoint()
		if err != nil {
			return nil, fmt.Errorf("destination %s: %w", d.Name, err)
		}
		out = append(out, e)
	}
	if len(out) == 0 {
		what := "there is no destination"
		if name != "" {
			what += " of that name"
		}
		names := slices.Sorted(maps.Keys(seen))
		return nil, hint(errors.New(what), "destinations in the configuration: %s", strings.Join(append(names, "(deploy/panvault.example.yaml shows one)"), ", "))
	}
	return out, nil
}
