package main

import (
	"errors"
	"fmt"
	"net"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-playground/validator/v10"
	"go.yaml.in/yaml/v3"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/vault/card"
)

// tidyYAML rewrites the decoder's complaints without the values that they
// quote: one may be a secret that was written into the file.
func tidyYAML(err error) error {
	var te *yaml.TypeError
	if !errors.As(err, &te) {
		if line := regexp.MustCompile(`line \d+`).FindString(err.Error()); line != "" {
			return errors.New(line + ": not valid YAML")
		}
		return errors.New("not valid YAML")
	}
	var lines []string
	for _, line := range te.Errors {
		where, what, _ := strings.Cut(fmt.Sprint(line), ": ")
		name, unknown := strings.CutPrefix(what, "field ")
		name, _, _ = strings.Cut(name, " ")
		switch {
		case strings.HasPrefix(what, "cannot unmarshal"):
			what = "a value of the wrong type"
		case unknown:
			what = "there is no setting " + name + " here"
		}
		lines = append(lines, where+": "+what)
	}
	return errors.New(strings.Join(lines, "; "))
}

// validate reports every mistake at once, never with a value that may be a
// secret.
func (cfg *config) validate() error {
	problems, err := cfg.checkFields()
	if err != nil {
		return err
	}
	for _, secret := range []struct {
		name string
		ref  secretRef
	}{{"operator_key", cfg.OperatorKey}, {"kms.local.passphrase", cfg.KMS.Local.Passphrase}} {
		if secret.ref != "" && secret.ref.validate() != nil {
			problems = append(problems, secret.name+": "+errLiteralSecret.Error())
		}
	}
	if cfg.KMS.Backend == "transit" {
		problems = append(problems, cfg.checkTransit()...)
	}
	if len(cfg.Cards.Brands) > 0 {
		if _, err := card.ParseBrands(cfg.Cards.Brands); err != nil {
			problems = append(problems, "cards.brands: "+err.Error())
		}
	}
	problems = append(problems, cfg.checkDestinations()...)
	if len(problems) > 0 {
		return errors.New(strings.Join(problems, "; "))
	}
	return nil
}

// checkFields applies the rules of the struct's tags.
func (cfg *config) checkFields() (problems []string, err error) {
	v := validator.New(validator.WithRequiredStructEnabled())
	if err := v.RegisterValidation("listen", isListenAddress); err != nil {
		return nil, err
	}
	v.RegisterTagNameFunc(yamlName)
	var fields validator.ValidationErrors
	if err := v.Struct(cfg); errors.As(err, &fields) {
		for _, f := range fields {
			_, path, _ := strings.Cut(f.Namespace(), ".")
			problems = append(problems, path+": "+explain(f))
		}
	} else if err != nil {
		return nil, err
	}
	return problems, nil
}

func (cfg *config) checkTransit() []string {
	err := cfg.transit().Validate()
	if err == nil {
		return nil
	}
	var problems []string
	for line := range strings.SplitSeq(strings.TrimPrefix(err.Error(), kms.ErrInvalid.Error()+": "), "\n") {
		problems = append(problems, "kms.transit."+line)
	}
	return problems
}

func isListenAddress(f validator.FieldLevel) bool {
	_, port, err := net.SplitHostPort(f.Field().String())
	n, portErr := strconv.Atoi(port)
	return err == nil && portErr == nil && n >= 0 && n <= 65535
}

// yamlName is a field's name in the file.
func yamlName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	return name
}

// explain says what a rule wants, without the value that broke it.
func explain(f validator.FieldError) string {
	text := f.Kind() == reflect.String
	switch f.Tag() {
	case "required":
		return "is required"
	case "oneof":
		return "must be one of: " + strings.ReplaceAll(f.Param(), " ", ", ")
	case "min":
		return "must be at least " + f.Param()
	case "max":
		if text {
			return "must be at most " + f.Param() + " characters"
		}
		return "must be at most " + f.Param()
	case "printascii":
		return "must be printable ASCII"
	case "listen":
		return "must be HOST:PORT"
	case "http_url":
		return "must be an http or https URL"
	case "cidr":
		return "must be a network like 10.0.0.0/8"
	case "required_with":
		return "must be set together with the other of cert_file and key_file"
	}
	return "is not valid (" + f.Tag() + ")"
}
