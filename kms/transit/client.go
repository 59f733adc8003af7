package transit

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	hcvault "github.com/hashicorp/vault/api"

	"github.com/panvault/panvault/kms"
)

// Client is a kms.KMS on Vault transit. It is safe for concurrent use. Close
// it: it runs one goroutine that keeps its token alive.
type Client struct {
	cfg     Config
	conn    *conn
	session *session
	stop    context.CancelFunc
	done    chan struct{} // closed when the renewal goroutine has ended
	close   sync.Once
}

var (
	_ kms.KMS       = (*Client)(nil)
	_ kms.Versioner = (*Client)(nil)
)

// New checks cfg, logs in and starts to keep the token alive until Close; ctx
// bounds the login only. It does not look at the keys: Describe each and
// refuse the unsafe before use. A nil log discards. Errors: kms.ErrInvalid
// (cfg, files), kms.ErrDenied (login refused), kms.ErrUnavailable.
func New(ctx context.Context, cfg Config, log *slog.Logger) (*Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	cfg = cfg.withDefaults()
	cn, err := dial(cfg)
	if err != nil {
		return nil, err
	}
	s := newSession(newAuthority(cfg, cn), log)
	if err := s.open(ctx); err != nil {
		cn.close()
		return nil, err
	}
	run, stop := context.WithCancel(context.Background())
	c := &Client{cfg: cfg, conn: cn, session: s, stop: stop, done: make(chan struct{})}
	go func() { defer close(c.done); s.run(run) }()
	return c, nil
}

// Close stops the renewal, revokes the token if an AppRole login made it (best
// effort, two seconds at most) and closes the connections. It always returns
// nil; later calls do nothing.
func (c *Client) Close() error {
	c.close.Do(func() {
		c.stop()
		<-c.done
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		c.session.close(ctx)
		c.conn.close()
	})
	return nil
}

// name maps a known key to transit's name for it.
func (c *Client) name(key kms.Key) string { return c.cfg.Prefix + string(key) }

// call sends r with the session's token. On 403 it finds out whether the token
// or the policy is to blame, and tries once more if there is a newer token.
func (c *Client) call(ctx context.Context, r request) (answer, error) {
	token, err := c.session.token()
	if err != nil {
		return answer{}, err
	}
	ans, err := c.conn.send(ctx, token, r)
	if err != nil || ans.status != http.StatusForbidden {
		return ans, err
	}
	ans.wipe()
	fresh, err := c.session.replace(ctx, token)
	if err != nil {
		return answer{}, err
	}
	if fresh.equal(token) {
		return ans, nil
	}
	return c.conn.send(ctx, fresh, r)
}

// request is one HTTP request to Vault.
type request struct {
	op     string // for errors
	name   string // for errors
	method string
	path   string      // below /v1/
	query  url.Values  // nil for none
	body   *secretBody // nil for none
	event  string      // X-Panvault-Event; "" for none
	root   bool        // without the namespace header
}

// answer is a status and a body, which the caller wipes.
type answer struct {
	status int
	body   []byte
}

func (a answer) wipe() { clear(a.body) }

// conn is the HTTP side: it knows addresses and TLS, and no token.
type conn struct {
	spaced  *hcvault.Client // with the namespace header, if there is one
	root    *hcvault.Client // without
	http    *http.Client
	timeout time.Duration
}

func dial(cfg Config) (*conn, error) {
	tr, err := newTransport(cfg.TLS)
	if err != nil {
		return nil, err
	}
	hc := &http.Client{
		Transport:     guard{tr},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	cn := &conn{http: hc, timeout: cfg.Timeout}
	if cn.root, err = newAPIClient(cfg.Address, hc); err != nil {
		return nil, err
	}
	if cn.spaced, err = newAPIClient(cfg.Address, hc); err != nil {
		return nil, err
	}
	if cfg.Namespace != "" {
		cn.spaced.SetNamespace(cfg.Namespace)
	}
	return cn, nil
}

// newAPIClient builds a client that ignores the VAULT_* environment, follows
// no redirect (it would send the token elsewhere) and never retries.
func newAPIClient(address string, hc *http.Client) (*hcvault.Client, error) {
	c, err := hcvault.NewClient(&hcvault.Config{
		Address:          address,
		HttpClient:       hc,
		DisableRedirects: true,
		CheckRetry:       func(ctx context.Context, _ *http.Response, _ error) (bool, error) { return false, ctx.Err() },
	})
	if err != nil {
		return nil, &callError{op: "configure", kind: kms.ErrInvalid, hint: "check the address, and unset VAULT_* variables"}
	}
	c.ClearToken()
	c.ClearNamespace()
	c.SetHeaders(http.Header{hcvault.RequestHeaderName: {"true"}})
	return c, nil
}

// send makes one request and returns whatever was answered, of any status. An
// error means there was no usable answer; it matches kms.ErrUnavailable.
func (cn *conn) send(ctx context.Context, token secret, r request) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, cn.timeout)
	defer cancel()
	client := cn.spaced
	if r.root {
		client = cn.root
	}
	req := client.NewRequest(r.method, "/v1/"+r.path)
	req.ClientToken = token.reveal()
	if r.query != nil {
		req.Params = r.query
	}
	if r.event != "" {
		req.Headers.Set("X-Panvault-Event", r.event)
	}
	if r.body != nil {
		req.Headers.Set("Content-Type", "application/json")
		req.BodyBytes = r.body.buf
		ctx = withBody(ctx, r.body)
	}
	res, err := client.RawRequestWithContext(ctx, req)
	if res == nil || res.Response == nil || res.Body == nil {
		if ctx.Err() != nil {
			err = errors.Join(err, ctx.Err())
		}
		return answer{}, networkError(r.op, r.name, err)
	}
	// A status of 4xx or 5xx also comes as an error, whose text echoes the
	// server; the body is still there and is all that is looked at.
	defer res.Body.Close()
	body, err := readAnswer(res.Body)
	if err != nil {
		return answer{}, networkError(r.op, r.name, err)
	}
	return answer{status: res.StatusCode, body: body}, nil
}

func (cn *conn) close() { cn.http.CloseIdleConnections() }
