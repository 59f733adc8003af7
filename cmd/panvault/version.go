package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// release is set when a release is built: -ldflags "-X main.release=1.2.3".
var release = "dev"

// buildInfo describes this binary.
type buildInfo struct {
	Version  string `json:"version"`
	Revision string `json:"revision"` // "" when built without version control
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func currentBuild() buildInfo {
	b := buildInfo{Version: release, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			b.Revision = s.Value
		}
	}
	return b
}

func (c *cli) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this binary",
		Example: `  panvault version
  panvault version --json`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			b := currentBuild()
			if c.json {
				return c.printJSON(b)
			}
			fmt.Fprintf(c.stdout, "panvault %s (%s, %s)\n", b.Version, b.Go, b.Platform)
			if b.Revision != "" {
				fmt.Fprintln(c.stdout, "revision", b.Revision)
			}
			return nil
		},
	}
}
