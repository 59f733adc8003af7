package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/forward"
)

// merchantShape is a merchant's id.
var merchantShape = regexp.MustCompile(`^mrch_[0-9a-z]{24}$`)

// destinationShape is what a destination's name may be repeated as.
var destinationShape = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)

// checkDestinations reports every mistake of the destinations, each with the
// destination and the setting, and opens nothing.
func (cfg *config) checkDestinations() []string {
	var problems []string
	all := make([]vault.Destination, 0, len(cfg.Destinations))
	for i, d := range cfg.Destinations {
		name := "destination " + d.Name
		if !destinationShape.MatchString(d.Name) {
			name = fmt.Sprintf("destinations[%d]", i)
		}
		destination, found := d.check()
		for _, problem := range found {
			problems = append(problems, name+": "+problem)
		}
		all = append(all, destination)
	}
	if len(problems) == 0 {
		if err := vault.ValidateDestinations(all); err != nil {
			problems = append(problems, err.Error())
		}
	}
	return problems
}

// check reports every mistake of one destination, or returns it without its
// secrets.
func (d destinationConfig) check() (out vault.Destination, problems []string) {
	problems = append(d.checkUse(), d.checkMerchants()...)
	problems = append(problems, d.checkFiles()...)
	e, err := forward.New(d.withoutSecrets())
	if err != nil {
		return out, append(problems, settingsOnly(err))
	}
	out = vault.Destination{Endpoint: e, Use: d.use(), Live: d.Mode == modeLive, Merchants: d.Merchants}
	if err := tryFields(out); err != nil {
		problems = append(problems, err.Error())
	}
	return out, problems
}

func (d destinationConfig) checkUse() []string {
	var problems []string
	if !slices.Contains(vault.Uses(), d.use()) {
		problems = append(problems, "use: must be forward, charge, capture, reverse or payment")
	} else if d.use() != vault.UseForward && d.Outcome.Path == "" {
		problems = append(problems, "outcome.path: is required: without it no answer is an approval")
	}
	if d.Mode != modeTest && d.Mode != modeLive {
		problems = append(problems, "mode: must be test or live")
	}
	return problems
}

// checkFiles looks at references to secrets and files, not into them.
func (d destinationConfig) checkFiles() []string {
	var problems []string
	for _, name := range slices.Sorted(maps.Keys(d.SecretHeaders)) {
		if err := d.SecretHeaders[name].validate(); err != nil {
			problems = append(problems, "secret_headers."+name+": "+err.Error())
		}
	}
	if (d.CertFile == "") != (d.KeyFile == "") {
		problems = append(problems, "cert_file and key_file: go together")
	}
	return problems
}

func (d destinationConfig) checkMerchants() []string {
	if len(d.Merchants) == 0 {
		return []string{`merchants: is required: mrch_ ids, or "*" for all`}
	}
	if slices.Equal(d.Merchants, []string{vault.EveryMerchant}) {
		return nil
	}
	var problems []string
	for i, m := range d.Merchants {
		switch {
		case m == vault.EveryMerchant:
			problems = append(problems, fmt.Sprintf("merchants[%d]: * stands alone", i))
		case !merchantShape.MatchString(m):
			problems = append(problems, fmt.Sprintf("merchants[%d]: must be the id of a merchant, mrch_ and 24 of 0-9 and a-z", i))
		case slices.Contains(d.Merchants[:i], m):
			problems = append(problems, fmt.Sprintf("merchants[%d]: is there twice", i))
		}
	}
	return problems
}

// withoutSecrets has a place holder for the value of every secret header.
func (d destinationConfig) withoutSecrets() forward.Destination {
	out := d.settings()
	for _, name := range slices.Sorted(maps.Keys(d.SecretHeaders)) {
		out.Headers = append(out.Headers, forward.Header{Name: name, Value: []byte("secret"), Secret: true})
	}
	return out
}

// settingsOnly is an error of forward.New without what its caller says again.
func settingsOnly(err error) string {
	text := strings.TrimPrefix(err.Error(), forward.ErrInvalid.Error()+": ")
	_, text, _ = strings.Cut(text, ": ") // the destination's name
	return text
}

// tryFields renders the templates of a use whose fields are fixed, with all of
// them and with those left out that may be: a template that asks for more would
// fail with the first payment.
func tryFields(d vault.Destination) error {
	for _, fields := range []map[string]any{sampleFields(d.Use), sparseFields(d.Use)} {
		if fields == nil {
			continue
		}
		values, err := sampleValues(d, fields)
		if err != nil {
			return err
		}
		request, err := d.Endpoint.Render(values, rand.Reader)
		if errors.Is(err, forward.ErrTemplate) {
			return fmt.Errorf("path, headers and body: with the fields of use %s: %s", d.Use, forward.Reason(err))
		}
		if err != nil {
			return err
		}
		request.Wipe()
	}
	return nil
}
