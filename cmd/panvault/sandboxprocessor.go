package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/panvault/panvault/cmd/panvault/processor"
	"github.com/panvault/panvault/vault/card"
)

// processorDrain is how long the sandbox processor's answers may take once it
// stops. Those that are late on purpose are broken off at once.
const processorDrain = time.Second

func (c *cli) sandboxProcessorCommand() *cobra.Command {
	var listen string
	cmd := &cobra.Command{
		Use:   "sandbox-processor",
		Short: "Run a payment processor for tests: approves, declines, fails on request",
		Long: `Run a payment processor for the vault to forward card numbers to. It moves no
money. Test card numbers are declined as their family says; test amounts, 900001
and up, are answered late, never, half or with the card number in them. What is
received is counted by reference. A GET of / lists it all, and so does
deploy/sandbox-processor.md.

It speaks plain HTTP, on loopback only, and forgets everything when it stops:
Ctrl-C or SIGTERM. Never send it a real card.

With --json the only line on standard output, once requests are answered, is
  {"url"}`,
		Example: `  panvault sandbox-processor
  panvault sandbox-processor --listen 127.0.0.1:0 --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.sandboxProcessor(cmd.Context(), listen) },
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8450", "`address` of its API")
	return cmd
}

func (c *cli) sandboxProcessor(ctx context.Context, listen string) error {
	if c.configFile != "" || c.dataDir != "" {
		return hint(usageError{errors.New("sandbox-processor takes no --config and no --data")}, "panvault sandbox-processor --help")
	}
	logger, err := newLogger(logConfig{Level: "info", Format: "text"}, c.stderr)
	if err != nil {
		return err
	}
	p, err := startProcessor("--listen", listen, logger)
	if err != nil {
		return err
	}
	if err := c.announceProcessor(p); err != nil {
		return errors.Join(err, p.stop())
	}
	select {
	case err = <-p.failed:
	case <-ctx.Done():
	}
	return errors.Join(err, p.stop())
}

func (c *cli) announceProcessor(p *runningProcessor) error {
	if c.json {
		return c.printJSON(struct {
			URL string `json:"url"`
		}{p.url})
	}
	_, err := fmt.Fprintf(c.stdout, `
Sandbox processor is ready. Test cards only; no money moves.

  payments     %s/payments
  behaviours   %s/
  received     %s/statistics

Stop with Ctrl-C; it forgets everything then.

`, p.url, p.url, p.url)
	return err
}

// runningProcessor is a sandbox processor that answers. Stop it.
type runningProcessor struct {
	url       string
	processor *processor.Processor
	failed    chan error // gets the error that ended serving, if one did
	server    *http.Server
	release   context.CancelFunc // breaks off answers that are late on purpose
}

// startProcessor serves a new sandbox processor on an address of this machine,
// which was given with a flag.
func startProcessor(flag, addr string, logger *slog.Logger) (*runningProcessor, error) {
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	try := flag + " 127.0.0.1:0, which takes a free port"
	if err != nil {
		return nil, hinted{usageError{fmt.Errorf("%s must be HOST:PORT of this machine", flag)}, try}
	}
	if !tcp.IP.IsLoopback() {
		return nil, hinted{usageError{fmt.Errorf("%s: the sandbox processor serves loopback only", flag)}, try}
	}
	socket, err := listenTCP(tcp.String())
	if err != nil {
		return nil, hinted{fmt.Errorf("%s: %w", flag, err), try}
	}
	ctx, release := context.WithCancel(context.Background())
	p := &runningProcessor{
		url: "http://" + socket.Addr().String(), processor: processor.New(processor.Options{Logger: logger}),
		failed: make(chan error, 1), release: release,
	}
	// There is no limit on reading or writing: it would end the answers that
	// must never come, and the client's own limit is what they are for.
	p.server = &http.Server{
		Handler:           p.processor.Handler(),
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       120 * time.Second,
		ErrorLog:          log.New(processorLog{logger}, "", 0),
	}
	go func() {
		if err := p.server.Serve(socket); !errors.Is(err, http.ErrServerClosed) {
			p.failed <- err
		}
	}()
	return p, nil
}

// stop stops accepting, answers what is not late on purpose, and ends. What
// takes longer, such as a connection without a request, is closed.
func (p *runningProcessor) stop() error {
	p.release()
	ctx, cancel := context.WithTimeout(context.Background(), processorDrain)
	defer cancel()
	if err := p.server.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return p.server.Close()
}

// processorLog passes net/http's own complaints on, which may quote what a
// client sent.
type processorLog struct{ log *slog.Logger }

// Write logs one line.
func (w processorLog) Write(line []byte) (int, error) {
	w.log.Warn("http", "detail", card.RedactPANs(string(line)))
	return len(line), nil
}
