package main

import (
	"crypto/tls"
	"fmt"
	"sync"
	"time"

	"github.com/panvault/panvault/vault/httpapi"
)

// certificate is the server's certificate, read again at most once a minute.
// While the files cannot be read the last good one stays in use.
type certificate struct {
	files tlsConfig

	mu     sync.Mutex
	loaded *tls.Certificate
	read   time.Time
}

// load reads the certificate; nil if none is configured. A renewed one is
// picked up without a restart.
func (t tlsConfig) load() (*tls.Config, error) {
	if t.CertFile == "" {
		return nil, nil
	}
	source := &certificate{files: t}
	if _, err := source.get(); err != nil {
		return nil, hint(fmt.Errorf("listen.tls: %w", err), "cert_file: PEM, leaf first; key_file: its key, readable by this user")
	}
	return httpapi.TLSConfig(source.get), nil
}

func (c *certificate) get() (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.loaded != nil && time.Since(c.read) < time.Minute {
		return c.loaded, nil
	}
	pair, err := tls.LoadX509KeyPair(c.files.CertFile, c.files.KeyFile)
	c.read = time.Now()
	if err == nil {
		c.loaded = &pair
	}
	if c.loaded != nil {
		return c.loaded, nil
	}
	return nil, err
}
