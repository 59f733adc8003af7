package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/card"
)

func (c *cli) forwardCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "forward",
		Short: "Check destinations, and see what was sent to them",
		Long: `A destination is one endpoint of a payment processor: URL, headers and the
template of a request, in the configuration and never in a request. The ledger
has a line for each request that was to go to one.`,
		Example: `  panvault forward check --config panvault.yaml processor --fields '{"amount":1000,"currency":"thb"}'
  panvault forward list --state unknown --config panvault.yaml`,
	}
	return group(cmd, c.forwardCheck(), c.forwardList(), c.forwardShow())
}

func (c *cli) forwardCheck() *cobra.Command {
	var fields string
	cmd := &cobra.Command{
		Use:   "check [DESTINATION]",
		Short: "Render a destination's request with a test card and show it masked",
		Long: `Check the settings of all destinations, or of one, read their secrets, and render
their requests with a test card: what is shown is the body that would be sent, but
for the number and the security code, and who may have it sent. Nothing is sent
and no name is resolved.

A charge, capture, reverse or payment has made-up fields; --fields replaces some.
A forward has those of --fields only.`,
		Example: `  panvault forward check --config panvault.yaml
  panvault forward check --config panvault.yaml processor --fields '{"amount":1000,"currency":"thb"}'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			cfg, err := c.loadConfig()
			if err != nil {
				return err
			}
			name := ""
			if len(args) == 1 {
				name = args[0]
			}
			destinations, err := cfg.destination(name)
			if err != nil {
				return err
			}
			return c.renderDestinations(destinations, fields)
		},
	}
	cmd.Flags().StringVar(&fields, "fields", "{}", "fields of the request, a `JSON` object")
	return cmd
}

// renderedJSON is a masked request, and who may have it sent.
type renderedJSON struct {
	Destination string    `json:"destination"`
	Use         vault.Use `json:"use"`
	Mode        string    `json:"mode"`
	Merchants   []string  `json:"merchants"`
	Body        string    `json:"body"`
}

func (c *cli) renderDestinations(destinations []vault.Destination, fields string) error {
	given, err := parseFields(fields)
	if err != nil {
		return err
	}
	out := make([]renderedJSON, 0, len(destinations))
	for _, d := range destinations {
		rendered, err := render(d, given)
		if err != nil {
			return hint(fmt.Errorf("destination %s: %w", d.Endpoint.Name(), err), "--fields with what the template asks for")
		}
		out = append(out, rendered)
	}
	if c.json {
		return c.printJSON(out)
	}
	for _, r := range out {
		fmt.Fprintf(c.stdout, "%s\n  use %s, %s mode, merchants %s\n%s\n\n", r.Destination, r.Use, r.Mode, strings.Join(r.Merchants, ", "), r.Body)
	}
	return nil
}

// render makes a destination's request with a test card.
func render(d vault.Destination, fields map[string]any) (renderedJSON, error) {
	values, err := sampleValues(d, fields)
	if err != nil {
		return renderedJSON{}, err
	}
	request, err := d.Endpoint.Render(values, rand.Reader)
	if err != nil {
		return renderedJSON{}, err
	}
	defer request.Wipe()
	out := renderedJSON{d.Endpoint.Name(), d.Use, modeTest, d.Merchants, string(request.Masked())}
	if d.Live {
		out.Mode = modeLive
	}
	return out, nil
}

// parseFields reads --fields. No error quotes it.
func parseFields(text string) (map[string]any, error) {
	const try = `--fields '{"amount":1000}'`
	if card.ContainsPAN([]byte(text)) { // it would be shown, and has no place in them
		return nil, hint(usageError{errors.New("--fields holds a card number; the test card has one already")}, try)
	}
	var fields map[string]any
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&fields); err != nil || fields == nil {
		return nil, hint(usageError{errors.New("--fields is not a JSON object")}, try)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, hint(usageError{errors.New("--fields is more than one JSON object")}, try)
	}
	return fields, nil
}
