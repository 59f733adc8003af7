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

	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/forward"
)

// open reads a destination's secrets and certificates. roots are the system's.
func (d destinationConfig) open(roots *x509.CertPool) (vault.Destination, error) {
	out := d.settings()
	for _, name := range slices.Sorted(maps.Keys(d.SecretHeaders)) {
		secret, err := d.SecretHeaders[name].read()
		if err != nil {
			return vault.Destination{}, unreadable("secret_headers."+name, err)
		}
		out.Headers = append(out.Headers, forward.Header{Name: name, Value: []byte(secret), Secret: true})
	}
	if strings.HasPrefix(d.URL, "https:") { // plain HTTP has no TLS settings
		out.RootCAs = roots
	}
	if err := d.readCertificates(&out); err != nil {
		return vault.Destination{}, err
	}
	e, err := forward.New(out)
	return vault.Destination{Endpoint: e, Use: d.use(), Live: d.Mode == modeLive, Merchants: d.Merchants}, err
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

// openDestinations opens all destinations: secrets, certificates and the
// system's roots are read now, since a confined process may not later.
func (cfg config) openDestinations() ([]vault.Destination, error) {
	roots, err := cfg.systemRoots()
	if err != nil {
		return nil, err
	}
	out := make([]vault.Destination, 0, len(cfg.Destinations))
	for _, d := range cfg.Destinations {
		opened, err := d.open(roots)
		if err != nil {
			return nil, fmt.Errorf("destination %s: %w", d.Name, err)
		}
		out = append(out, opened)
	}
	return out, nil
}

// systemRoots are nil if no destination needs them.
func (cfg config) systemRoots() (*x509.CertPool, error) {
	needed := slices.ContainsFunc(cfg.Destinations, func(d destinationConfig) bool {
		return d.CAFile == "" && strings.HasPrefix(d.URL, "https:")
	})
	if !needed {
		return nil, nil
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, hint(fmt.Errorf("the system's roots of trust: %w", err), "install ca-certificates, or set the destinations' ca_file")
	}
	return roots, nil
}

// destination opens the named destination alone, or all for "".
func (cfg config) destination(name string) ([]vault.Destination, error) {
	names := make([]string, 0, len(cfg.Destinations)+1)
	for _, d := range cfg.Destinations {
		if d.Name == name {
			cfg.Destinations = []destinationConfig{d}
			return cfg.openDestinations()
		}
		names = append(names, d.Name)
	}
	switch {
	case len(names) == 0:
		return nil, hint(errors.New("there is no destination"), "destinations in the configuration: deploy/destinations.md has examples")
	case name != "":
		return nil, hint(errors.New("there is no destination of that name"), "destinations in the configuration: %s", strings.Join(names, ", "))
	}
	return cfg.openDestinations()
}
