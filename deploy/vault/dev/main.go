// Command vaultdev runs a real HashiCorp Vault core for development and tests:
// transit, AppRole and the file audit device, on plain HTTP, initialised and
// unsealed when its one JSON line appears on standard output.
//
// THIS IS A DEVELOPMENT SERVER. Its single unseal key and its root token are
// printed, and with -data they are written next to the storage they protect,
// so whoever reads that folder can decrypt everything in it. It refuses to
// listen anywhere but on loopback. Never point a production Panvault at it;
// deploy/vault/README.md says how to prepare a production Vault.
//
// It is a module of its own so that Vault's dependencies stay out of Panvault's.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

const usage = `vaultdev: a real HashiCorp Vault for development and tests. Never for production.

Prints one JSON line {"address","root_token","unseal_key"} when it is unsealed
and serving, and stops on SIGINT or SIGTERM.

  vaultdev                                      throw-away, in memory
  vaultdev -listen 127.0.0.1:8200 -data DIR     kept; comes back unsealed
  vaultdev -audit FILE                          two audit devices: FILE, FILE.second
  vaultdev -bootstrap deploy/vault/bootstrap.sh keys, policies and roles first

Flags:
`

// options are the command line, parsed.
type options struct {
	listen     string // host:port; port 0 picks a free one; loopback only
	data       string // storage folder; "" keeps everything in memory
	audit      string // first audit file; "" means no audit device
	bootstrap  string // script run with VAULT_ADDR and VAULT_TOKEN before ready
	logLevel   string // hclog level of Vault's own log on stderr
	stdinWatch bool   // stop when standard input closes
}

// ready is the one line on standard output.
type ready struct {
	Address   string `json:"address"`
	RootToken string `json:"root_token"`
	UnsealKey string `json:"unseal_key"` // base64, as sys/unseal takes it
}

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "vaultdev:", err)
		os.Exit(1)
	}
}

// run is main with its surroundings as arguments.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	opt, err := parse(args, stderr)
	if err == flag.ErrHelp {
		return nil
	}
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if opt.stdinWatch {
		go func() { _, _ = io.Copy(io.Discard, stdin); stop() }()
	}

	srv, err := start(ctx, opt, stderr)
	if err != nil {
		return err
	}
	defer srv.stop()
	if opt.bootstrap != "" {
		if err := srv.bootstrap(ctx, opt.bootstrap, stderr); err != nil {
			return err
		}
	}
	if err := json.NewEncoder(stdout).Encode(srv.ready); err != nil {
		return err
	}
	fmt.Fprintf(stderr, "Vault (development only) is ready at %s\n  export VAULT_ADDR=%s\n  export VAULT_TOKEN=%s\n",
		srv.ready.Address, srv.ready.Address, srv.ready.RootToken)

	select {
	case <-ctx.Done():
		return nil
	case err := <-srv.failed:
		return err
	}
}

func parse(args []string, stderr io.Writer) (options, error) {
	var opt options
	fs := flag.NewFlagSet("vaultdev", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Usage = func() { fmt.Fprint(stderr, usage); fs.PrintDefaults() }
	fs.StringVar(&opt.listen, "listen", "127.0.0.1:8200", "loopback `address` to serve on; port 0 picks a free one")
	fs.StringVar(&opt.data, "data", "", "keep the storage, the unseal key and the root token in this `folder`")
	fs.StringVar(&opt.audit, "audit", "", "enable two audit devices: this `file` and the same with .second")
	fs.StringVar(&opt.bootstrap, "bootstrap", "", "run this `script` with VAULT_ADDR and VAULT_TOKEN before ready")
	fs.StringVar(&opt.logLevel, "log-level", "error", "Vault's own log on stderr: trace, debug, info, warn, error, off")
	fs.BoolVar(&opt.stdinWatch, "stdin-watch", false, "stop when standard input closes")
	if err := fs.Parse(args); err != nil {
		return opt, err
	}
	if fs.NArg() > 0 {
		return opt, fmt.Errorf("unexpected argument %q; see -help", fs.Arg(0))
	}
	return opt, loopback(opt.listen)
}
