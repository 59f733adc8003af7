package main

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
)

// devOptions are the flags of dev.
type devOptions struct {
	listen       string
	admin        string
	processor    string
	allowExpired bool
}

// validate refuses addresses that others reach: a sandbox is one developer's.
func (o devOptions) validate() error {
	if err := checkDevAddress("--listen", o.listen); err != nil {
		return err
	}
	for _, f := range []struct{ flag, addr string }{{"--admin-listen", o.admin}, {"--processor-listen", o.processor}} {
		if f.addr == "" {
			continue
		}
		if err := checkDevAddress(f.flag, f.addr); err != nil {
			return err
		}
	}
	return nil
}

func checkDevAddress(flag, addr string) error {
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return hint(usageError{fmt.Errorf("%s must be HOST:PORT of this machine", flag)}, "%s 127.0.0.1:0", flag)
	}
	if !tcp.IP.IsLoopback() {
		return hint(usageError{fmt.Errorf("%s: dev serves loopback only", flag)}, "panvault serve, or %s 127.0.0.1:0", flag)
	}
	return nil
}

// devBindError names the flag, not the setting, of a listener that cannot be
// had.
func devBindError(err error) error {
	var bind bindError
	if !errors.As(err, &bind) {
		return err
	}
	flag := "--listen"
	if bind.name == "admin" {
		flag = "--admin-listen"
	}
	return hint(fmt.Errorf("%s: %w", flag, bind.error), "%s 127.0.0.1:0, which takes a free port", flag)
}

func adminAddress(opts devOptions) string {
	switch {
	case opts.admin != "":
		return opts.admin
	case strings.HasSuffix(opts.listen, ":0"):
		return "127.0.0.1:0"
	}
	return "127.0.0.1:8441"
}

// portTaken reports whether an address cannot be bound now.
func portTaken(addr string) bool {
	l, err := listenTCP(addr)
	if err != nil {
		return errors.Is(err, syscall.EADDRINUSE)
	}
	return l.Close() != nil
}
