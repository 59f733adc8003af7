package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/store/sqlite"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/card"
)

// app is an opened vault: what every command but the simplest works with.
type app struct {
	cli      *cli
	cfg      config
	log      *slog.Logger
	registry *prometheus.Registry
	store    store.Store
	kms      *kms.Resilient
	svc      *vault.Service
	issuers  *card.IINSource

	keks        interface{ Locked() bool } // the KEKs that this process holds; nil if a KMS has them
	keyringMade bool                       // openKMS made the local keyring
}

// openMode says what a command needs of an app.
type openMode struct {
	create  bool // make keyring and database if they are missing, and bring the schema up to date
	intake  bool // prepare data keys
	sealing bool // refuse a KMS identity that may open cards
	forward bool // open the destinations, with their secrets
	sweep   bool // destroy what is due, in the background
}

// newApp returns an app with nothing open. Close it.
func (c *cli) newApp(cfg config) (*app, error) {
	logger, err := newLogger(cfg.Log, c.stderr)
	if err != nil {
		return nil, err
	}
	return &app{cli: c, cfg: cfg, log: logger, registry: newRegistry(), issuers: &card.IINSource{}}, nil
}

// openBackends opens store and KMS without the service: what init needs.
func (c *cli) openBackends(ctx context.Context, cfg config, mode openMode) (*app, error) {
	a, err := c.newApp(cfg)
	if err != nil {
		return nil, err
	}
	if err = a.openStore(ctx, mode.create); err == nil {
		err = a.openKMS(ctx, mode.create)
	}
	if err != nil {
		return nil, errors.Join(err, a.close(ctx))
	}
	return a, nil
}

// open opens a vault that init has prepared.
func (c *cli) open(ctx context.Context, cfg config, mode openMode) (*app, error) {
	a, err := c.openBackends(ctx, cfg, mode)
	if err != nil {
		return nil, err
	}
	if mode.sealing {
		err = a.refuseOpening(ctx)
	}
	if err == nil {
		err = a.openService(ctx, mode)
	}
	if err != nil {
		return nil, errors.Join(err, a.close(ctx))
	}
	return a, nil
}

func (a *app) openService(ctx context.Context, mode openMode) error {
	if err := a.reloadIssuers(); err != nil {
		return err
	}
	brands := card.AllBrands()
	if len(a.cfg.Cards.Brands) > 0 {
		var err error
		if brands, err = card.ParseBrands(a.cfg.Cards.Brands); err != nil {
			return fmt.Errorf("cards.brands: %w", err)
		}
	}
	var destinations []vault.Destination
	if mode.forward {
		var err error
		if destinations, err = a.cfg.openDestinations(); err != nil {
			return err
		}
	}
	policies, err := a.cfg.policies()
	if err != nil {
		return err
	}
	svc, err := vault.New(ctx, vault.Options{
		Store: a.store, KMS: a.kms, Intake: mode.intake, PoolSize: a.cfg.Cards.PreparedDataKeys,
		TokenTTL: a.cfg.Cards.TokenTTL, CodeRetry: a.cfg.codeRetry(), AllowExpired: a.cfg.Cards.AllowExpiredInTestMode,
		Brands: brands, Issuers: a.issuers, Retention: a.cfg.retention(), Sweep: mode.sweep, Serve: mode.sweep || mode.intake, KeyAge: a.cfg.keyAge(),
		Cryptoperiod: time.Duration(a.cfg.Keys.CryptoperiodDays) * 24 * time.Hour,
		HardCap:      time.Duration(a.cfg.Keys.HardCapDays) * 24 * time.Hour,
		Destinations: destinations, Resolver: resolver(),
		Policies: policies, Reveals: vault.Reveals(a.cfg.Reveals),
		Limits: vault.Limits{
			PerKey:     policy.Limit(a.cfg.Limits.TokensPerKey),
			PerAddress: policy.Limit(a.cfg.Limits.TokensPerAddress),
		},
		Node: a.cfg.node(), Logger: a.log, Metrics: a.registry, RetryAfter: a.kms.RetryAfter,
	})
	if err != nil {
		return err
	}
	a.svc = svc
	return nil
}

// reloadIssuers reads the IIN file again; without one nothing is known.
func (a *app) reloadIssuers() error {
	if a.cfg.Cards.IINFile == "" {
		return nil
	}
	f, err := os.Open(a.cfg.Cards.IINFile)
	if err != nil {
		return hint(fmt.Errorf("cards.iin_file: %w", err), "cards.iin_file: a CSV file, or leave it out")
	}
	defer f.Close()
	table, err := card.LoadIIN(f)
	if err != nil {
		return hint(fmt.Errorf("cards.iin_file: %s: %w", a.cfg.Cards.IINFile, err), "a first line iin_start,iin_end,bank,financing,country and rows to match")
	}
	a.issuers.Swap(table)
	return nil
}

func (a *app) close(ctx context.Context) error {
	var errs []error
	if a.svc != nil {
		a.svc.Close(ctx)
	}
	if a.kms != nil {
		errs = append(errs, a.kms.Close())
	}
	if a.store != nil {
		errs = append(errs, a.store.Close())
	}
	return errors.Join(errs...)
}

func (cfg config) retention() vault.Retention {
	r := cfg.Retention
	return vault.Retention{AfterExpiry: int(r.AfterExpiryDays), AfterUse: int(r.AfterUseDays), Backups: int(r.BackupDays)}
}

// keyAge is negative for none.
func (cfg config) keyAge() time.Duration {
	if cfg.Approvals.KeyAge == 0 {
		return -1
	}
	return cfg.Approvals.KeyAge
}

// codeRetry is negative for none.
func (cfg config) codeRetry() time.Duration {
	if cfg.Cards.SecurityCodeRetry == 0 {
		return -1
	}
	return cfg.Cards.SecurityCodeRetry
}

// node names this process in audit records.
func (cfg config) node() string {
	if cfg.Node != "" {
		return cfg.Node
	}
	if host, err := os.Hostname(); err == nil {
		return host
	}
	return "panvault"
}

func (cfg config) trustedProxies() []netip.Prefix {
	var out []netip.Prefix
	for _, text := range cfg.Listen.TrustedProxies {
		if prefix, err := netip.ParsePrefix(text); err == nil { // validated already
			out = append(out, prefix.Masked())
		}
	}
	return out
}

func (a *app) openStore(ctx context.Context, create bool) error {
	s, err := sqlite.Open(ctx, a.cfg.inDataDir(a.cfg.Store.SQLite.Path), sqlite.Options{
		Migrate: create, Logger: a.log, Observe: observeCommits(a.registry),
		Optimistic: true, // closures of package vault have no effect but their writes and results
	})
	if errors.Is(err, store.ErrOldSchema) && errors.Is(err, fs.ErrNotExist) {
		return hint(err, "%s", a.cli.preparation())
	}
	if err != nil {
		return err
	}
	a.store = s
	return nil
}

func newLogger(cfg logConfig, w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.Level)); err != nil {
		return nil, fmt.Errorf("log.level: must be debug, info, warn or error")
	}
	opts := &slog.HandlerOptions{Level: level}
	if cfg.Format == "text" {
		return slog.New(slog.NewTextHandler(w, opts)), nil
	}
	return slog.New(slog.NewJSONHandler(w, opts)), nil
}
