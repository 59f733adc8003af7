// Package vault is the domain: what may be done with a card, one file per verb.
//
// It promises that a PAN enters by Tokenize and Importer.Seal only and is sealed
// before the call returns, that every change commits together with its audit record, and that
// what is absent and what is not the caller's look the same.
//
// It must never log, count or keep a card number or a security code, but for a
// code in memory, sealed, until the first use of its token. Two verbs alone give
// numbers out: an export, to whoever can read the file's one recipient, and a
// reveal, to a key that has this right and no other.
package vault

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/envelope"
	"github.com/panvault/panvault/vault/forward"
)

// Options are the parts a Service is made of. Zero values of the optional ones
// take the defaults.
type Options struct {
	Store store.Store // required
	KMS   kms.KMS     // required

	Intake       bool          // prepare data keys, so that Tokenize works
	PoolSize     int           // data keys kept ready per mode; see envelope.PoolOptions
	TokenTTL     time.Duration // life of an unused token; default 30 minutes
	CodeRetry    time.Duration // how long a token whose forward failed can be forwarded again, with its security code; default DefaultCodeRetry, negative for not at all
	AllowExpired bool          // accept past expiry dates in test mode only
	Brands       card.Brands   // enabled brands; default all
	Issuers      *card.IINSource
	Limits       Limits
	Retention    Retention
	Serve        bool           // this process serves: it follows changes of keys, and says that it runs
	Sweep        bool           // destroy what is due, in the background
	KeyAge       time.Duration  // of the keys of two operators who give live cards out; default DefaultKeyAge, negative for none
	Cryptoperiod time.Duration  // how long a version of a KEK may protect what is written; default a year
	HardCap      time.Duration  // after which it protects nothing new; default two years
	Policies     *policy.Engine // default policy.Default()
	Reveals      Reveals

	Destinations []Destination    // where cards may be forwarded to
	Resolver     forward.Resolver // finds their addresses; default the system's

	Node       string                // this process in audit records
	Clock      func() time.Time      // default time.Now
	Random     io.Reader             // default crypto/rand.Reader
	Logger     *slog.Logger          // default discards
	Metrics    prometheus.Registerer // default a registry of its own
	RetryAfter func() time.Duration  // when the KMS may be tried again
}

// Limits are the rates of token creation, the surface of card testing.
type Limits struct {
	PerKey     policy.Limit // for each public key
	PerAddress policy.Limit // for each client address
}

// Service is the card vault. It is safe for concurrent use.
type Service struct {
	opts     Options
	store    store.Store
	keyring  *envelope.Keyring
	pools    map[envelope.Mode]*envelope.Pool
	audit    *audit.Log
	policies *policy.Engine
	metrics  *metrics
	denials  *denials
	codes    *codes
	usage    *usage
	perKey   *policy.Limiter
	perAddr  *policy.Limiter
	random   io.Reader
	log      *slog.Logger
	stop     context.CancelFunc
	stopping <-chan struct{} // closed by stop
	tasks    sync.WaitGroup  // of the background

	unscrubbed atomic.Bool // bytes were destroyed that may still be in the store's files
	evidence   evidence
	reach      reach
}

// New opens a vault that Initialize has prepared. It refuses KEKs that are
// unsafe or shared between test and live. Errors are those of the store and
// the KMS, and envelope.ErrNoKey. Close it.
func New(ctx context.Context, opts Options) (*Service, error) {
	if err := opts.setDefaults(); err != nil {
		return nil, err
	}
	if err := checkKEKs(ctx, opts.KMS); err != nil {
		return nil, err
	}
	keyring, err := loadKeyring(ctx, opts.Store, opts.KMS)
	if err != nil {
		return nil, err
	}
	s := &Service{
		opts: opts, store: opts.Store, keyring: keyring, policies: opts.Policies,
		audit:  audit.NewLog(opts.Node, opts.Clock, opts.Random),
		random: opts.Random, log: opts.Logger, reach: defaultReach(),
		usage:   newUsage(opts.Store, opts.Logger),
		perKey:  policy.NewLimiter(opts.Limits.PerKey, opts.Clock),
		perAddr: policy.NewLimiter(opts.Limits.PerAddress, opts.Clock),
	}
	if err := s.checkPins(ctx); err != nil {
		s.refuseToStart(ctx, err)
		keyring.Destroy()
		return nil, err
	}
	s.denials = newDenials(opts.Clock, opts.Logger, s.recordAll)
	if err = s.openCodes(); err == nil {
		err = s.openPools()
	}
	if err != nil {
		s.closeSecrets()
		return nil, err
	}
	s.metrics = newMetrics(opts.Metrics, s)
	background, cancel := context.WithCancel(context.Background())
	s.stop, s.stopping = cancel, background.Done()
	s.tasks.Go(func() { s.housekeeping(background) })
	if opts.Serve {
		s.tasks.Go(func() { s.watchKeys(background) })
	}
	if opts.Sweep {
		s.unscrubbed.Store(true) // a process that was killed may have left bytes
		s.tasks.Go(func() { s.sweeping(background) })
	}
	return s, nil
}

func (o *Options) setDefaults() error {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = prometheus.NewRegistry()
	}
	if o.TokenTTL == 0 {
		o.TokenTTL = 30 * time.Minute
	}
	if o.CodeRetry == 0 {
		o.CodeRetry = DefaultCodeRetry
	}
	if o.Cryptoperiod == 0 {
		o.Cryptoperiod = 365 * day
	}
	if o.HardCap == 0 {
		o.HardCap = 2 * 365 * day
	}
	if o.KeyAge == 0 {
		o.KeyAge = DefaultKeyAge
	}
	if err := o.Reveals.setDefaults(); err != nil {
		return err
	}
	if o.Brands == (card.Brands{}) {
		o.Brands = card.AllBrands()
	}
	if err := ValidateDestinations(o.Destinations); err != nil {
		return err
	}
	if o.Policies == nil {
		engine, err := policy.Default()
		if err != nil {
			return err
		}
		o.Policies = engine
	}
	return nil
}

// keyAge is how long a data key may wait for its card. The card's record id is
// as old as its key, so that ids lag behind creation by up to this.
const keyAge = 10 * time.Minute

func (s *Service) openPools() error {
	s.pools = make(map[envelope.Mode]*envelope.Pool)
	if !s.opts.Intake {
		return nil
	}
	for _, mode := range []envelope.Mode{envelope.ModeTest, envelope.ModeLive} {
		pool, err := envelope.NewPool(envelope.PoolOptions{
			Mode: mode, KMS: s.opts.KMS, NewID: store.NewID, Size: s.opts.PoolSize, MaxAge: keyAge,
			Clock: s.opts.Clock, Random: s.opts.Random, Logger: s.log,
		})
		if err != nil {
			return err
		}
		s.pools[mode] = pool
	}
	return nil
}

// Close writes down what is pending, removes destroyed bytes from the store's
// files, and wipes every key and every security code. Requests must have
// ended. The store and the KMS stay open.
func (s *Service) Close(ctx context.Context) {
	s.stop()
	s.tasks.Wait()
	s.codes.close()
	s.flush(ctx)
	s.scrub(ctx, 0)
	s.closeSecrets()
}

func (s *Service) closeSecrets() {
	s.codes.close()
	for _, pool := range s.pools {
		pool.Close()
	}
	s.keyring.Destroy()
}

// housekeeping destroys security codes that are due, and writes their ends,
// refusals and key usage down, about once a second.
func (s *Service) housekeeping(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			s.flush(ctx)
		case <-ctx.Done():
			return
		}
	}
}

func (s *Service) flush(ctx context.Context) {
	s.codes.flush(ctx) // first: what is due is destroyed before anything waits for the store
	s.denials.flush(ctx)
	s.usage.flush(ctx)
}

func (s *Service) now() time.Time { return s.opts.Clock() }

// append writes an audit record in a transaction.
func (s *Service) append(ctx context.Context, tx store.EventWriter, e audit.Event) error {
	_, err := s.audit.Append(ctx, tx, e)
	return err
}

// record writes an audit record in a transaction of its own.
func (s *Service) record(ctx context.Context, e audit.Event) error {
	return s.recordAll(ctx, []audit.Event{e})
}

func (s *Service) recordAll(ctx context.Context, events []audit.Event) error {
	return s.store.Update(ctx, func(tx store.Tx) error {
		for _, e := range events {
			if err := s.append(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	})
}
