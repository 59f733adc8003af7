package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"
)

func (c *cli) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "config", Short: "Look at the configuration",
		Long: `The configuration is one YAML file. deploy/panvault.example.yaml has every setting
with its default; an environment variable such as PANVAULT_LISTEN_PUBLIC overrides
listen.public.`,
		Example: `  panvault config check --config panvault.yaml`,
	}
	return group(cmd, &cobra.Command{
		Use:   "check",
		Short: "Validate the configuration and print what applies",
		Long: `Validate the configuration, with the environment's overrides, and print every
setting that applies. Secrets are references and are printed as such; of all files
only that of the policies is opened. A variable PANVAULT_… that is no setting is a
warning on standard error.`,
		Example: `  panvault config check --config panvault.yaml
  PANVAULT_LISTEN_PUBLIC=0.0.0.0:8440 panvault config check --config panvault.yaml`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := c.loadConfig()
			if err != nil {
				return err
			}
			if _, err := cfg.policies(); err != nil {
				return err
			}
			for _, f := range c.checkEnvironment(cfg, os.Environ()) {
				fmt.Fprintf(c.stderr, "panvault: warning: %s\n  try: %s\n", f.Note, f.Try)
			}
			text, err := yaml.Marshal(cfg)
			if err != nil {
				return err
			}
			if c.json {
				var tree map[string]any
				if err := yaml.Unmarshal(text, &tree); err != nil {
					return err
				}
				return c.printJSON(tree)
			}
			_, err = c.stdout.Write(text)
			return err
		},
	})
}
