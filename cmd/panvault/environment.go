package main

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// envPrefix starts the name of every variable that overrides a setting.
const envPrefix = "PANVAULT"

// unknownVariables lists the variables of an environment that look like
// settings and are none, never their values.
func (cfg *config) unknownVariables(environ []string) []string {
	known := map[string]bool{
		"PANVAULT_TEST_VAULT": true, "PANVAULT_REQUIRE_VAULT": true, "PANVAULT_REQUIRE_NODE": true, // of the tests
	}
	refs := []secretRef{cfg.OperatorKey, cfg.KMS.Local.Passphrase}
	for _, d := range cfg.Destinations {
		refs = slices.AppendSeq(refs, maps.Values(d.SecretHeaders))
	}
	for _, ref := range refs {
		if ref.is("env") {
			known[ref.target()] = true
		}
	}
	empty := defaultConfig()
	_ = override(reflect.ValueOf(&empty).Elem(), envPrefix, func(name string) (string, bool) {
		known[name] = true
		return "", false // so that nothing can be wrong with it
	})
	var unknown []string
	for _, variable := range environ {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, envPrefix+"_") && !known[name] {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	return unknown
}

// checkEnvironment finds mistyped variables. They are no errors, because
// Kubernetes sets some for a service that is called panvault. A sandbox reads
// none.
func (c *cli) checkEnvironment(cfg config, environ []string) []finding {
	unknown := cfg.unknownVariables(environ)
	if len(unknown) == 0 || c.configFile == "" {
		return nil
	}
	return []finding{{
		Check: "environment", Status: statusWarning,
		Note: "no setting has the name of " + strings.Join(unknown, ", "),
		Try:  "the setting's path in capitals: PANVAULT_LISTEN_PUBLIC is listen.public; in Kubernetes, enableServiceLinks: false",
	}}
}
