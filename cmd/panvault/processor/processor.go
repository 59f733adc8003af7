package processor

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/panvault/panvault/vault/card"
)

// DefaultLimit is how many payments a processor remembers.
const DefaultLimit = 100_000

// maxBody bounds a request, in bytes.
const maxBody = 64 << 10

// Options are what a processor is made of. The zero value is good.
type Options struct {
	Clock  func() time.Time // when payments are made; default time.Now
	Random io.Reader        // ids, codes and chaos; default crypto/rand.Reader
	Logger *slog.Logger     // default none
	Limit  int              // payments to remember; default DefaultLimit
}

// Processor is a payment processor with its payments. It is safe for concurrent
// use.
type Processor struct {
	clock  func() time.Time
	random *lockedReader
	log    *slog.Logger
	ledger *ledger
}

// New makes a processor without payments.
func New(opts Options) *Processor {
	if opts.Clock == nil {
		opts.Clock = time.Now
	}
	if opts.Random == nil {
		opts.Random = rand.Reader
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Limit <= 0 {
		opts.Limit = DefaultLimit
	}
	return &Processor{
		clock: opts.Clock, random: &lockedReader{from: opts.Random},
		log: opts.Logger, ledger: newLedger(opts.Limit),
	}
}

// Handler serves the processor's API. The server that it is put into must have
// no limit on the time of an answer, or timeouts become closed connections.
func (p *Processor) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.index)
	mux.HandleFunc("POST /payments", p.pay)
	mux.HandleFunc("GET /payments/{id}", p.change(nil))
	mux.HandleFunc("POST /payments/{id}/capture", p.change(capture))
	mux.HandleFunc("POST /payments/{id}/reverse", p.change(reverse))
	mux.HandleFunc("GET /payments/{id}/authenticate", p.change(authenticate))
	mux.HandleFunc("POST /paymentoptions/payment", p.payWithOptions)
	mux.HandleFunc("GET /statistics", p.statistics)
	mux.HandleFunc("GET /statistics/{reference}", p.referenceStatistics)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeError(w, http.StatusNotFound, "not_found", "no such route; GET / lists what there is")
	})
	return mux
}

// lockedReader lets many requests draw from a source that need not allow it.
type lockedReader struct {
	mu   sync.Mutex
	from io.Reader
}

// Read fills b whole.
func (r *lockedReader) Read(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return io.ReadFull(r.from, b)
}

// draw is what chance decides about one payment.
type draw struct {
	id     string // with letters only: digits could pass for a card number, which the vault cuts out
	uuid   string // the id at the PaymentOptions front
	code   string // the authorization code
	chance byte
}

func (p *Processor) draw() (draw, error) {
	var b [16 + 4 + 1]byte
	if _, err := p.random.Read(b[:]); err != nil {
		return draw{}, fmt.Errorf("draw random bytes: %w", err)
	}
	letters := make([]byte, 16)
	for i, v := range b[:16] {
		letters[i] = 'a' + v%26
	}
	code := (uint32(b[16])<<24 | uint32(b[17])<<16 | uint32(b[18])<<8 | uint32(b[19])) % 1_000_000
	u := b[:16]
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80 // version 4 of RFC 9562
	h := hex.EncodeToString(u)
	return draw{
		id:   "pay_" + string(letters),
		uuid: strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-"),
		code: fmt.Sprintf("%06d", code), chance: b[20],
	}, nil
}

// errMalformed is a request whose body cannot be read. It quotes nothing of it:
// what is there may be a card number.
var errMalformed = errors.New("the body must be one JSON object of at most 64 KiB, as application/json, with the documented fields")

// readJSON decodes the body of a request, and reads it to its end: only then
// does the server see that a client has left.
func readJSON(r *http.Request, into any, strict bool) error {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	body := io.LimitReader(r.Body, maxBody+1)
	text, readErr := io.ReadAll(body)
	if err != nil || media != "application/json" || readErr != nil || len(text) > maxBody {
		return errMalformed
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	if strict {
		dec.DisallowUnknownFields()
	}
	if err := dec.Decode(into); err != nil {
		return errMalformed
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errMalformed
	}
	return nil
}

// encode is JSON without a line end, so that a field can be added to it. Every
// value of this package can be encoded.
func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone
}

type errorAnswer struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

func errorBody(code, message string) []byte {
	var a errorAnswer
	a.Error.Code, a.Error.Message = code, message
	return encode(a)
}

func writeError(w http.ResponseWriter, status int, code, message string) {
	writeJSON(w, status, errorBody(code, message))
}

// logPayment writes what happened, with the last four digits only. A reference
// is free text, so what looks like a number in it is cut out.
func (p *Processor) logPayment(pay payment, b behaviour) {
	p.log.Info("payment", "id", pay.id, "reference", card.RedactPANs(pay.reference), "status", pay.status,
		"amount", pay.amount, "currency", pay.currency, "brand", pay.brand, "last_digits", pay.last4,
		"behaviour", b.Name, "duplicate_reference", pay.duplicate)
}
