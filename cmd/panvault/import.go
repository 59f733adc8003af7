package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/time/rate"

	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/cardfile"
)

// importFlags are an import as it is typed.
type importFlags struct {
	merchant, mode, name string
	mapFile, rejectFile  string
	format               string
	allowExpired         bool
	perSecond            int
}

func (c *cli) importCommand() *cobra.Command {
	var in importFlags
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Take cards over from another vault",
		Long: `Take cards over from another vault: CSV with a header line, or JSON lines; - reads
standard input, so that a decrypted file need not touch the disk.

Columns, or members, in any order: number, expiration_month and expiration_year
(or expiration), name, reference (what the other vault calls the card), customer
(what it calls the owner: cards of one owner share a customer), email,
description, street1, street2, city, state, postal_code, country, phone_number.
A file with security codes is refused: nobody may keep them.

Each card becomes a card_ of a customer. The map names it: reference, customer
reference, cust_ id, card_ id, brand, last four digits. The reject file names by
line, and never by number, what was not taken and why.

An import that was interrupted, even killed, goes on where it stopped when the
same command is run again, without a gap or a duplicate. Of a file that has
grown since it was imported only the new lines are taken.`,
		Example: `  panvault import cards.csv --config panvault.yaml --merchant mrch_… --mode live
  age -d -i key.txt cards.age | panvault import - --config panvault.yaml --merchant mrch_… --mode live --map map.csv --rejects rejects.csv
  panvault import cards.csv --config panvault.yaml --merchant mrch_… --mode live --rate 500   (beside live traffic)`,
		Args: oneArg("file"),
		RunE: func(cmd *cobra.Command, args []string) error { return c.importFile(cmd.Context(), args[0], in) },
	}
	flags := cmd.Flags()
	flags.StringVar(&in.merchant, "merchant", "", "`id` of the merchant that gets the cards")
	flags.StringVar(&in.mode, "mode", "", "`test` or live")
	flags.StringVar(&in.mapFile, "map", "", "reference map to write (default FILE.map.csv)")
	flags.StringVar(&in.rejectFile, "rejects", "", "reject `file` to write (default FILE.rejects.csv)")
	flags.StringVar(&in.format, "format", "", "`csv` or jsonl (default: what the file looks like)")
	flags.StringVar(&in.name, "name", "", "`name` that tells this import from another whose file begins alike")
	flags.BoolVar(&in.allowExpired, "allow-expired", false, "take cards whose last month is over")
	flags.IntVar(&in.perSecond, "rate", 0, "take so many cards a `second` at most (default: as many as possible)")
	return cmd
}

// importPool is how many data keys an import keeps ready.
const importPool = 4096

func (c *cli) importFile(ctx context.Context, path string, in importFlags) error {
	live, err := in.check(path)
	if err != nil {
		return err
	}
	if err := disableDumps(); err != nil {
		return err
	}
	source, size, err := c.openSource(path)
	if err != nil {
		return err
	}
	defer source.Close()
	cfg, err := c.loadConfig()
	if err != nil {
		return err
	}
	cfg.Cards.PreparedDataKeys = max(cfg.Cards.PreparedDataKeys, importPool)
	return c.administerWith(ctx, cfg, openMode{intake: true}, func(a *app, caller vault.Caller) error {
		run, err := a.startImport(ctx, caller, source, in, live)
		if err != nil {
			return explainImport(err)
		}
		defer run.close()
		if len(run.ignored) > 0 {
			fmt.Fprintf(c.stderr, "columns that are not read: %s\n", strings.Join(run.ignored, ", "))
		}
		run.progress = c.newProgress("cards", size, run.importer.Mark().Cards)
		err = run.all(ctx)
		run.progress.end()
		if err != nil {
			return explainImport(run.stopped(err))
		}
		return c.printImport(run)
	})
}

func (in *importFlags) check(path string) (live bool, err error) {
	if in.merchant == "" {
		return false, hint(usageError{errors.New("--merchant is missing")}, "panvault merchant list")
	}
	if live, err = parseMode(in.mode); err != nil {
		return false, err
	}
	if in.format != "" && in.format != string(cardfile.CSV) && in.format != string(cardfile.JSONLines) {
		return false, hint(usageError{errors.New("--format must be csv or jsonl")}, "--format csv")
	}
	if in.perSecond < 0 {
		return false, usageError{errors.New("--rate must be positive")}
	}
	if path == "-" && (in.mapFile == "" || in.rejectFile == "") {
		return false, hint(usageError{errors.New("an import from standard input needs --map and --rejects")}, "--map map.csv --rejects rejects.csv")
	}
	if in.mapFile == "" {
		in.mapFile = path + ".map.csv"
	}
	if in.rejectFile == "" {
		in.rejectFile = path + ".rejects.csv"
	}
	if filepath.Clean(in.mapFile) == filepath.Clean(in.rejectFile) {
		return false, hint(usageError{errors.New("--map and --rejects name the same file")}, "--map map.csv --rejects rejects.csv")
	}
	return live, nil
}

func (c *cli) openSource(path string) (source io.ReadCloser, size int64, err error) {
	if path == "-" {
		return io.NopCloser(c.stdin), 0, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, hint(err, "a file of cards, or - for standard input")
	}
	info, err := file.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, file.Close())
	}
	return file, info.Size(), nil
}

// startImport reads how the file begins and finds out where to go on.
func (a *app) startImport(ctx context.Context, caller vault.Caller, source io.Reader, in importFlags, live bool) (_ *importRun, err error) {
	format := cardfile.Format(in.format)
	begin := make([]byte, 4<<10) // no bufio.Reader: its buffer could not be wiped
	defer clear(begin)
	if format == "" {
		n, err := io.ReadFull(source, begin)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, err
		}
		format = cardfile.Detect(begin[:n])
		source = io.MultiReader(bytes.NewReader(begin[:n]), source)
	}
	run := &importRun{reader: cardfile.NewReader(source, format), batch: importBatch}
	if in.perSecond > 0 {
		run.limit = rate.NewLimiter(rate.Limit(in.perSecond), max(1, in.perSecond/10))
		run.batch = min(run.batch, in.perSecond) // a slow import commits every second too
	}
	defer func() {
		if err != nil {
			run.reader.Wipe()
		}
	}()
	header, err := run.reader.Header()
	if err != nil {
		return nil, err
	}
	header = append([]byte(nil), header...)
	run.next, err = run.reader.Next()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("the file holds no cards")
	}
	if err != nil {
		return nil, err
	}
	head := append(header[:len(header):len(header)], content(run.next)...)
	defer clear(head)
	run.importer, err = a.svc.StartImport(ctx, caller, vault.ImportSource{
		Merchant: in.merchant, Live: live, Name: in.name, Head: head, AllowExpired: in.allowExpired,
	})
	if err != nil {
		return nil, err
	}
	run.ignored = run.reader.Ignored()
	run.importer.Read(header)
	if err := run.skip(ctx); err != nil {
		return nil, err
	}
	run.files, err = run.openFiles(ctx, in.mapFile, in.rejectFile)
	return run, err
}

// explainImport adds what to do about an import that did not work.
func explainImport(err error) error {
	switch {
	case err == nil, errors.As(err, new(hinted)):
		return err
	case errors.Is(err, context.Canceled):
		return hint(errors.New("interrupted"), "the same command again, which goes on from there")
	case errors.Is(err, cardfile.ErrSensitive):
		return hint(err, "the same file without that column")
	case errors.Is(err, cardfile.ErrHeader):
		return hint(err, "panvault import --help lists the columns")
	}
	return err
}

func (c *cli) printImport(run *importRun) error {
	mark := run.importer.Mark()
	rejected := mark.Records - mark.Cards
	if c.json {
		return c.printJSON(struct {
			Import   string `json:"import"`
			Records  int64  `json:"records"`
			Cards    int64  `json:"cards"`
			Rejected int64  `json:"rejected"`
			Resumed  int64  `json:"resumed_at"` // records that an earlier run had read
			Map      string `json:"map"`
			Rejects  string `json:"rejects"`

			Ignored []string `json:"ignored_columns"` // they mean nothing here
		}{run.importer.ID(), mark.Records, mark.Cards, rejected, run.before.Records, run.files.mapPath, run.files.rejectPath, append([]string{}, run.ignored...)})
	}
	fmt.Fprintf(c.stdout, "%s  %d records, %d cards, %d rejected\n", run.importer.ID(), mark.Records, mark.Cards, rejected)
	if run.before.Records > 0 {
		fmt.Fprintf(c.stdout, "  went on after   %d records\n", run.before.Records)
	}
	fmt.Fprintf(c.stdout, "  reference map   %s\n", run.files.mapPath)
	if rejected > 0 {
		fmt.Fprintf(c.stdout, "  rejected lines  %s\n", run.files.rejectPath)
	}
	return nil
}
