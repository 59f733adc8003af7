package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/forward"
)

// confined applies landlock as a server with its data in dir/data and a
// destination at an address does, and says what it can still do.
func confined(dir, address string) string {
	cfg := defaultConfig()
	cfg.DataDir = filepath.Join(dir, "data")
	cfg.Destinations = []destinationConfig{{
		Name: "processor", Mode: modeTest, Merchants: []string{"*"}, URL: address, Path: "/", AllowPrivate: true,
		Body: `{"number": "{{.Number}}"}`,
	}}
	destinations, err := cfg.openDestinations()
	if err != nil {
		return err.Error()
	}
	var out strings.Builder
	note := func(what string, err error) {
		result := "works"
		var denied *fs.PathError
		if errors.As(err, &denied) {
			result = denied.Err.Error()
		} else if err != nil {
			result = err.Error()
		}
		fmt.Fprintf(&out, "%s: %s\n", what, result)
	}
	if m := landlock(cfg); m.ok {
		fmt.Fprintln(&out, "landlock: in force")
	} else {
		fmt.Fprintln(&out, "landlock:", m.note)
	}
	for _, file := range []string{"data/inside", "outside"} {
		_, err := os.ReadFile(filepath.Join(dir, file))
		note("read "+file, err)
	}
	for _, file := range []string{"/etc/hosts", "/proc/sys/net/core/somaxconn", "/proc/stat", "/proc/1/environ"} {
		_, err := os.ReadFile(file)
		note("read "+file, err)
	}
	for _, file := range []string{"data/new", "new"} {
		note("write "+file, os.WriteFile(filepath.Join(dir, file), nil, 0o600))
	}
	_, err = os.ReadDir(dir)
	note("list", err)
	note("run a program", exec.Command("/bin/sh", "-c", "true").Run())
	note("forward", send(destinations[0]))
	return out.String()
}

// send forwards the test card and wants an answer.
func send(d vault.Destination) error {
	values, err := sampleValues(d, nil)
	if err != nil {
		return err
	}
	request, err := d.Endpoint.Render(values, rand.Reader)
	if err != nil {
		return err
	}
	answer, err := forward.NewSender(resolver(), nil).Send(context.Background(), request, nil)
	if err != nil {
		return err
	}
	answer.Wipe()
	return nil
}
