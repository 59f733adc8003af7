package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// group makes cmd the parent of others: alone it prints its help, and an
// unknown name below it is a usage error.
func group(cmd *cobra.Command, commands ...*cobra.Command) *cobra.Command {
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return unknownCommand(cmd, args[0])
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.AddCommand(commands...)
	return cmd
}

func unknownCommand(parent *cobra.Command, name string) error {
	err := usageError{fmt.Errorf("unknown command %q for %q", name, parent.CommandPath())}
	if parent.SuggestionsMinimumDistance <= 0 {
		parent.SuggestionsMinimumDistance = 2
	}
	if near := parent.SuggestionsFor(name); len(near) > 0 {
		return hint(err, "%s %s", parent.CommandPath(), near[0])
	}
	return hint(err, "%s --help", parent.CommandPath())
}

// helpCommand is cobra's, but for an unknown topic being a usage error.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [command]",
		Short: "Help about any command",
		Example: `  panvault help
  panvault help apikey create`,
		RunE: func(cmd *cobra.Command, args []string) error {
			target, rest, err := cmd.Root().Find(args)
			if err != nil {
				return usageError{err}
			}
			if len(rest) > 0 {
				return unknownCommand(target, rest[0])
			}
			target.InitDefaultHelpFlag()
			return target.Help()
		},
	}
}
