package main

import (
	"crypto/tls"
	"sync"
	"time"
)

// certificate is the server's certificate, read again at most once a minute.
// While the files cannot be read the last good one stays in use.
type certificate struct {
	files tlsConfig

	mu     sync.Mutex
	loaded *tls.Certificate
	read   time.Time
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
