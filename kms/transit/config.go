package transit

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"time"

	"github.com/panvault/panvault/kms"
)

// Defaults that New puts in for empty fields of Config.
const (
	DefaultMount        = "transit"
	DefaultPrefix       = "panvault-"
	DefaultAppRoleMount = "approle"
	DefaultTimeout      = 30 * time.Second
)

// Config says where Vault is and who this process is there. It holds no
// secret, only the files that do, so it may be printed. VAULT_* environment
// variables are not consulted, and neither is a proxy.
type Config struct {
	// Address is Vault's URL, such as https://vault.example:8200. Plain http is
	// accepted on loopback only, or with AllowPlaintext.
	Address string
	// AllowPlaintext accepts http to another machine. Keys then cross the
	// network in clear: for a mesh that encrypts by itself, and nothing else.
	AllowPlaintext bool
	// TLS says whom to trust and what to show.
	TLS TLS
	// Namespace is sent as X-Vault-Namespace; empty sends no header.
	Namespace string
	// Mount is the path of the transit engine; empty means DefaultMount.
	Mount string
	// Prefix is put before a kms.Key to name the transit key; empty means
	// DefaultPrefix, so that kms.CardLive is "panvault-card-live".
	Prefix string
	// TokenFile is a file that holds a Vault token and that somebody else, such
	// as Vault Agent, keeps fresh. Exactly one of TokenFile and AppRole is set.
	TokenFile string
	// AppRole logs in with a role.
	AppRole AppRole
	// Timeout bounds one HTTP request; 0 means DefaultTimeout. The deadline of
	// the caller's context still applies.
	Timeout time.Duration
}

// TLS names PEM files. Every field may be empty: the system's roots, no client
// certificate, the name in the address.
type TLS struct {
	CAFile     string // roots to trust instead of the system's; read by New
	CertFile   string // client certificate; read again for each handshake
	KeyFile    string // its private key
	ServerName string // expected name, if it is not the address's
}

// AppRole names the files of an AppRole login. They are read again at every
// login, so they can be replaced while the server runs.
type AppRole struct {
	Mount        string // path of the auth method; empty means DefaultAppRoleMount
	RoleIDFile   string
	SecretIDFile string
	// Wrapped says that SecretIDFile holds a response-wrapping token. It is
	// unwrapped once; the secret_id stays in memory until the file changes.
	Wrapped bool
}

func (a AppRole) set() bool { return a.RoleIDFile != "" || a.SecretIDFile != "" }

// Validate reports every mistake in c at once, each with what to do about it.
// The errors match kms.ErrInvalid. It reads no file and calls nobody.
func (c Config) Validate() error {
	errs := []error{
		c.validateAddress(),
		checkPath("mount", c.Mount),
		checkPath("approle mount", c.AppRole.Mount),
		checkPath("namespace", c.Namespace),
		c.validateLogin(),
	}
	if c.Prefix != "" && !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`).MatchString(c.Prefix) {
		errs = append(errs, errors.New("prefix: use up to 64 letters, digits, '_', '.' and '-'"))
	}
	if (c.TLS.CertFile == "") != (c.TLS.KeyFile == "") {
		errs = append(errs, errors.New("tls: set the client certificate and its key, or neither"))
	}
	if c.Timeout < 0 {
		errs = append(errs, errors.New("timeout: must not be negative"))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%w: %w", kms.ErrInvalid, err)
	}
	return nil
}

func (c Config) validateAddress() error {
	u, err := url.Parse(c.Address)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("address: use Vault's URL, such as https://vault.example:8200")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("address: leave out user, query and fragment")
	case u.Scheme == "http" && !c.AllowPlaintext && !loopback(u.Hostname()):
		return errors.New("address: plain http to another machine would show keys on the network; use https")
	}
	return nil
}

func (c Config) validateLogin() error {
	a := c.AppRole
	switch {
	case c.TokenFile != "" && a.set():
		return errors.New("login: set token_file or approle, not both")
	case c.TokenFile == "" && !a.set():
		return errors.New("login: set token_file, or approle with role_id and secret_id files")
	case a.set() && (a.RoleIDFile == "" || a.SecretIDFile == ""):
		return errors.New("login: approle needs both files; deploy/vault/bootstrap.sh secret-id writes them")
	}
	return nil
}

// withDefaults fills the empty fields that have one.
func (c Config) withDefaults() Config {
	c.Mount = cmp.Or(c.Mount, DefaultMount)
	c.Prefix = cmp.Or(c.Prefix, DefaultPrefix)
	c.AppRole.Mount = cmp.Or(c.AppRole.Mount, DefaultAppRoleMount)
	c.Timeout = cmp.Or(c.Timeout, DefaultTimeout)
	return c
}

// checkPath accepts an empty path or plain segments between single slashes.
func checkPath(name, path string) error {
	if path == "" || regexp.MustCompile(`^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$`).MatchString(path) {
		return nil
	}
	return fmt.Errorf("%s: use letters, digits, '_' and '-', in segments separated by '/', no slash at the ends", name)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
