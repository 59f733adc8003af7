package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/forward"
)

func (c *cli) forwardCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "forward",
		Short: "Check the destinations that cards are to be forwarded to",
		Long: `A destination is one endpoint of a payment processor: URL, headers and the
template of a request, in the configuration and never in a request.`,
		Example: `  panvault forward check --config panvault.yaml processor --fields '{"amount":1000,"currency":"thb"}'`,
	}
	return group(cmd, c.forwardCheck())
}

func (c *cli) forwardCheck() *cobra.Command {
	var fields string
	cmd := &cobra.Command{
		Use:   "check [DESTINATION]",
		Short: "Render a destination's request with a test card and show it masked",
		Long: `Check the settings of all destinations, or of one, and render their requests with
a test card: what is shown is what would be sent, but for the number, the
security code and the values of secret headers. Nothing is sent and no name is
resolved.`,
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
			endpoints, err := cfg.destinations(name)
			if err != nil {
				return err
			}
			return c.checkDestinations(endpoints, fields)
		},
	}
	cmd.Flags().StringVar(&fields, "fields", "{}", "the merchant's own fields, a `JSON` object")
	return cmd
}

// renderedJSON is a masked request.
type renderedJSON struct {
	Destination string `json:"destination"`
	Body        string `json:"body"`
}

func (c *cli) checkDestinations(endpoints []*forward.Endpoint, fields string) error {
	values, err := testValues(fields)
	if err != nil {
		return err
	}
	out := make([]renderedJSON, 0, len(endpoints))
	for _, e := range endpoints {
		request, err := e.Render(values, rand.Reader)
		if err != nil {
			return hint(fmt.Errorf("destination %s: %w", e.Name(), err), "--fields with what the template asks for")
		}
		out = append(out, renderedJSON{e.Name(), string(request.Masked())})
		request.Wipe()
	}
	if c.json {
		return c.printJSON(out)
	}
	for _, r := range out {
		fmt.Fprintf(c.stdout, "%s\n%s\n\n", r.Destination, r.Body)
	}
	return nil
}

// testValues are those of a published test card (contract 7.2).
func testValues(fields string) (forward.Values, error) {
	number, err := card.NewPAN([]byte("4242424242424242"))
	if err != nil {
		return forward.Values{}, err
	}
	code, err := card.NewSecurityCode([]byte("123"))
	if err != nil {
		return forward.Values{}, err
	}
	values := forward.Values{
		Number: number, Code: code, Expiry: card.Expiry{Month: 12, Year: time.Now().Year() + 4},
		Holder:    card.Holder{Name: "JOHN DOE", City: "Bangkok", Country: "th", PostalCode: "10320"},
		Reference: "fwrd_test_000000000000000000000000",
	}
	if card.ContainsPAN([]byte(fields)) { // it would be shown, and has no place in them
		return values, hint(usageError{errors.New("--fields holds a card number; the test card has one already")}, `--fields '{"amount":1000}'`)
	}
	dec := json.NewDecoder(bytes.NewReader([]byte(fields)))
	dec.UseNumber()
	if err := dec.Decode(&values.Fields); err != nil || values.Fields == nil {
		return values, hint(usageError{errors.New("--fields is not a JSON object")}, `--fields '{"amount":1000}'`)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return values, hint(usageError{errors.New("--fields is more than one JSON object")}, `--fields '{"amount":1000}'`)
	}
	return values, nil
}
