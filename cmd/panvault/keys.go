package main

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/vault"
)

func (c *cli) keysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "See and rotate the encryption keys",
		Long: `The key-encryption keys (KEKs) are card-live and card-test, which wrap the data
key of each card, and work, which wraps the working keys. A KEK has versions:

  active         wraps what is written
  decrypt-only   opens what it wrapped
  retired        opens nothing; the KMS could bring it back
  destroyed      gone

Rotate a key, rewrap what the old version wraps, retire the old version, destroy it
once no backup needs it: all of it beside live traffic, each step safe to run
twice. With HashiCorp Vault rotate and rewrap need the identity of a rotator, retire
and destroy that of a destroyer (deploy/vault/README.md).`,
		Example: `  panvault keys status --config rotator.yaml
  panvault keys rotate card-live --reason "yearly" --config rotator.yaml
  panvault keys rewrap card-live --config rotator.yaml
  panvault keys retire card-live --version 1 --reason "yearly" --config rotator.yaml`,
	}
	return group(cmd, c.keysStatus(), c.keysRotate(), c.keysRewrap(), c.keysRetire(), c.keysDestroy(), c.keysVerify())
}

// keyVersionJSON is a version of a KEK for programs.
type keyVersionJSON struct {
	Key           string  `json:"key"`
	Version       uint32  `json:"version"`
	State         string  `json:"state"`
	Suspect       bool    `json:"suspect"`
	BornAt        *string `json:"born_at"`
	ActivatedAt   *string `json:"activated_at"`
	DeactivatedAt *string `json:"deactivated_at"`
	RetiredAt     *string `json:"retired_at"`
	DestroyedAt   *string `json:"destroyed_at"`
	DueAt         *string `json:"due_at"` // end of its cryptoperiod
	Records       int     `json:"records"`
	OldestAt      *string `json:"oldest_at"`
	ChangedBy     string  `json:"changed_by"`
	Reason        string  `json:"reason"`
	Next          string  `json:"next"` // "" for nothing
}

func newKeyVersionJSON(v vault.KeyVersion) keyVersionJSON {
	return keyVersionJSON{
		Key: string(v.Key), Version: v.Version, State: string(v.State), Suspect: v.Suspect,
		BornAt: stamp(v.BornAt), ActivatedAt: stamp(v.ActivatedAt), DeactivatedAt: stamp(v.DeactivatedAt),
		RetiredAt: stamp(v.RetiredAt), DestroyedAt: stamp(v.DestroyedAt), DueAt: stamp(v.Due),
		Records: v.Records, OldestAt: stamp(v.Oldest), ChangedBy: v.ChangedBy, Reason: v.Reason, Next: v.Next,
	}
}

type keyStatusJSON struct {
	Key      string           `json:"key"`
	Name     string           `json:"name"` // in the KMS
	Records  int              `json:"records"`
	Current  float64          `json:"current_percent"` // of them, wrapped by the newest version
	Versions []keyVersionJSON `json:"versions"`
}

func (c *cli) keysStatus() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show every version of every KEK, what it protects, and what to do next",
		Example: `  panvault keys status --config panvault.yaml
  panvault keys status --config panvault.yaml --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.administer(cmd.Context(), func(a *app, caller vault.Caller) error {
				all, err := a.svc.KeyStatus(cmd.Context(), caller)
				if err != nil {
					return err
				}
				if c.json {
					return c.printJSON(keyStatuses(all))
				}
				return c.printTable([]string{"KEY", "VERSION", "STATE", "BORN", "AGE", "RECORDS", "OF ALL", "OLDEST", "NEXT"}, keyRows(all, time.Now()))
			})
		},
	}
}

func keyStatuses(all []vault.KeyStatus) []keyStatusJSON {
	out := make([]keyStatusJSON, len(all))
	for i, k := range all {
		out[i] = keyStatusJSON{string(k.Key), k.Name, k.Records, math.Floor(k.Current*1000) / 10, make([]keyVersionJSON, len(k.Versions))}
		for j, v := range k.Versions {
			out[i].Versions[j] = newKeyVersionJSON(v)
		}
	}
	return out
}

func keyRows(all []vault.KeyStatus, now time.Time) [][]string {
	var rows [][]string
	for _, k := range all {
		for _, v := range k.Versions {
			state := string(v.State)
			if v.Suspect {
				state += ", SUSPECT"
			}
			share := "-"
			if k.Records > 0 {
				share = fmt.Sprintf("%d %%", v.Records*100/k.Records)
			}
			rows = append(rows, []string{
				string(v.Key), strconv.FormatUint(uint64(v.Version), 10), state, day(v.BornAt), inWholeDays(now.Sub(v.BornAt)),
				strconv.Itoa(v.Records), share, day(v.Oldest), cmp.Or(v.Next, "-"),
			})
		}
	}
	return rows
}

func inWholeDays(d time.Duration) string { return fmt.Sprintf("%d d", int(max(0, d.Hours()/24))) }

func (c *cli) keysRotate() *cobra.Command {
	var in vault.RotateRequest
	cmd := &cobra.Command{
		Use:   "rotate KEY",
		Short: "Add a version to a KEK, which wraps from now on",
		Long: `Add exactly one version to a KEK. From then on no older version wraps; what they
wrapped opens as before, until it is rewrapped and they are retired. Servers drop
the data keys that they have prepared within a second or two.

--compromise marks the versions before as suspect.`,
		Example: `  panvault keys rotate card-live --reason "yearly" --config rotator.yaml
  panvault keys rotate card-live --reason "a node was broken into" --compromise --config rotator.yaml`,
		Args: oneArg("key"),
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Key = kms.Key(args[0])
			return c.administer(cmd.Context(), func(a *app, caller vault.Caller) error {
				v, err := a.svc.RotateKey(cmd.Context(), caller, in)
				if err != nil {
					return err
				}
				return c.printKeyVersion(v, "panvault keys rewrap "+string(v.Key))
			})
		},
	}
	cmd.Flags().StringVar(&in.Reason, "reason", "", "`why`, for the audit log")
	cmd.Flags().BoolVar(&in.Compromise, "compromise", false, "somebody may know the versions so far")
	return cmd
}

func (c *cli) printKeyVersion(v vault.KeyVersion, next string) error {
	if c.json {
		return c.printJSON(newKeyVersionJSON(v))
	}
	err := c.printFields(fmt.Sprintf("%s version %d", v.Key, v.Version), append([][2]string{
		{"state", string(v.State)}, {"reason", v.Reason},
	}, moments([]moment{{"born", v.BornAt}, {"active since", v.ActivatedAt}, {"inactive since", v.DeactivatedAt}, {"retired", v.RetiredAt}, {"destroyed", v.DestroyedAt}})...))
	fmt.Fprintln(c.stderr, "next: "+next)
	return err
}

func (c *cli) keysRewrap() *cobra.Command {
	var rate float64
	cmd := &cobra.Command{
		Use:   "rewrap KEY",
		Short: "Move everything that older versions wrap to the newest",
		Long: `Move every data key, or working key, that an older version of a KEK wraps to the
newest. The keys stay inside the KMS; no card is opened. It runs beside live
traffic. Stop it at any time: the next run goes on where this one stopped, and
another one beside it is refused.`,
		Example: `  panvault keys rewrap card-live --config rotator.yaml
  panvault keys rewrap card-live --rate 2000 --config rotator.yaml --json`,
		Args: oneArg("key"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if rate < 0 {
				return usageError{fmt.Errorf("--rate must not be negative")}
			}
			return c.administer(cmd.Context(), func(a *app, caller vault.Caller) error {
				var bar *progress
				job, err := a.svc.RewrapKey(cmd.Context(), caller, kms.Key(args[0]), vault.RewrapOptions{Rate: rate, Progress: func(j vault.KeyJob) {
					if bar == nil {
						bar = c.newProgress("records", int64(j.Total)+j.Moved, j.Moved)
					}
					bar.at(j.Moved, j.Moved)
				}})
				if bar != nil {
					bar.end()
				}
				if err != nil {
					return err
				}
				return c.printJob(job)
			})
		},
	}
	cmd.Flags().Float64Var(&rate, "rate", 0, "at most `N` records a second (default no limit)")
	return cmd
}

func (c *cli) printJob(j vault.KeyJob) error {
	if c.json {
		return c.printJSON(struct {
			ID      string `json:"id"`
			Verb    string `json:"verb"`
			Key     string `json:"key"`
			Version uint32 `json:"version"`
			Moved   int64  `json:"moved"`
			Skipped int64  `json:"skipped"`
			Failed  int64  `json:"failed"`
			Done    bool   `json:"done"`
		}{j.ID, j.Verb, string(j.Key), j.Target, j.Moved, j.Skipped, j.Failed, j.Done})
	}
	err := c.printFields(j.ID, [][2]string{
		{"key", fmt.Sprintf("%s, to version %d", j.Key, j.Target)}, {"moved", fmt.Sprint(j.Moved)},
		{"moved by others", fmt.Sprint(j.Skipped)}, {"edited, left as they are", fmt.Sprint(j.Failed)},
	})
	fmt.Fprintln(c.stderr, "next: panvault keys status; then panvault keys retire "+string(j.Key)+" --version N")
	return err
}

func (c *cli) keysRetire() *cobra.Command {
	var upTo uint32
	var reason string
	cmd := &cobra.Command{
		Use:   "retire KEY",
		Short: "End what old versions of a KEK can open, once nothing needs them",
		Long: `End what the versions of a KEK up to --version can open. It is refused, and says
what is in the way, while a record is wrapped by one of them, a server does not
know of the rotation yet, or a backup is kept that does.`,
		Example: `  panvault keys retire card-live --version 1 --reason "yearly" --config rotator.yaml`,
		Args:    oneArg("key"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.administer(cmd.Context(), func(a *app, caller vault.Caller) error {
				v, err := a.svc.RetireKey(cmd.Context(), caller, kms.Key(args[0]), upTo, reason)
				if err != nil {
					return err
				}
				return c.printKeyVersion(v, "panvault keys status")
			})
		},
	}
	cmd.Flags().Uint32Var(&upTo, "version", 0, "the newest `version` to retire")
	cmd.Flags().StringVar(&reason, "reason", "", "`why`, for the audit log")
	return cmd
}
