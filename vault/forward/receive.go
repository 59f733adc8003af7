package forward

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
)

const (
	maxHead     = 64 << 10 // bytes of an answer's head, and of those before it
	maxInterim  = 5        // 1xx answers
	readBuffer  = 4 << 10
	bodyOverrun = 16 << 10 // bytes that may come with a body: chunk sizes, trailers
)

var (
	errHeadSize = errors.New("forward: head too large")
	errBodySize = errors.New("forward: body too large")
)

// receive reads one answer. Every error is ErrUnknown.
func receive(conn net.Conn, e *endpoint) (*Answer, error) {
	in := &inflow{from: conn, left: maxHead, over: errHeadSize}
	defer in.wipe()
	masked, err := in.readHead()
	in.failed = err // after what came before it
	buffered := bufio.NewReaderSize(in, readBuffer)
	for range maxInterim + 1 {
		resp, err := http.ReadResponse(buffered, &http.Request{Method: e.Method})
		if err != nil {
			return nil, unknown(receiveReason(err, in), nil)
		}
		if resp.ProtoMajor != 1 || resp.StatusCode < 100 || resp.StatusCode == http.StatusSwitchingProtocols {
			return nil, unknown("the answer is malformed", nil)
		}
		if resp.StatusCode < 200 {
			continue
		}
		if resp.ContentLength > int64(e.MaxResponse) {
			return nil, unknown("the answer is too large", nil)
		}
		// Chunks of one byte take six on the wire.
		in.left, in.over = 6*e.MaxResponse+bodyOverrun, errBodySize
		body, err := readBody(resp.Body, e.MaxResponse, resp.ContentLength)
		if err != nil {
			return nil, unknown(receiveReason(err, in), nil)
		}
		a := newAnswer(e, resp, body)
		a.reach().masked = masked
		return a, nil
	}
	return nil, unknown("the answer is malformed", nil)
}

// receiveReason says in fixed words why there is no whole answer. The error
// itself is dropped: those of net/http quote what they read.
func receiveReason(err error, in *inflow) string {
	var op *net.OpError
	switch {
	case errors.Is(err, errHeadSize):
		return "the answer's head is too large"
	case errors.Is(err, errBodySize):
		return "the answer is too large"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "the time was over before the answer"
	case errors.As(err, &op) && op.Op == "remote error":
		return "the host ended TLS, perhaps for want of a client certificate"
	case !in.got:
		return "no answer"
	case in.ended, errors.Is(err, io.ErrUnexpectedEOF), op != nil:
		return "answer cut short"
	}
	return "the answer is malformed"
}

// readBody reads at most limit bytes. A buffer that is outgrown is wiped.
func readBody(from io.Reader, limit int, announced int64) ([]byte, error) {
	size := 8 << 10
	if announced >= 0 {
		size = int(announced) + 1 // and the read that finds its end
	}
	b := make([]byte, 0, min(size, limit+1))
	for {
		if len(b) == cap(b) {
			if len(b) > limit {
				clear(b)
				return nil, errBodySize
			}
			larger := append(make([]byte, 0, min(2*cap(b), limit+1)), b...)
			clear(b)
			b = larger
		}
		n, err := from.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if errors.Is(err, io.EOF) {
			if len(b) > limit {
				clear(b)
				return nil, errBodySize
			}
			return b, nil
		}
		if err != nil {
			clear(b)
			return nil, err
		}
	}
}

// inflow reads a connection within a limit. It remembers the buffer that bufio
// reads through, where parts of an answer stay until it is wiped.
type inflow struct {
	from   io.Reader
	left   int
	over   error // when left is spent
	got    bool  // any byte
	ended  bool  // the peer sends no more
	buffer []byte
	ahead  []byte // read and not yet taken
	taken  int    // bytes of ahead
	failed error  // what ended reading ahead
}

// Read gives what was read ahead, then reads within the limit.
func (i *inflow) Read(p []byte) (int, error) {
	if i.buffer == nil {
		i.buffer = p
	}
	if i.taken < len(i.ahead) {
		n := copy(p, i.ahead[i.taken:])
		i.taken += n
		return n, nil
	}
	if i.failed != nil {
		return 0, i.failed
	}
	return i.read(p)
}

func (i *inflow) read(p []byte) (int, error) {
	if i.left <= 0 {
		return 0, i.over
	}
	n, err := i.from.Read(p[:min(len(p), i.left)])
	i.left -= n
	i.got = i.got || n > 0
	i.ended = i.ended || errors.Is(err, io.EOF)
	return n, err
}

func (i *inflow) wipe() {
	clear(i.buffer)
	clear(i.ahead[:cap(i.ahead)])
}

// headersOf keeps the headers that may be given back.
func headersOf(resp *http.Response, allowed map[string]bool) http.Header {
	kept := make(http.Header)
	for name, values := range resp.Header {
		if allowed[name] {
			kept[strings.Clone(name)] = values
		}
	}
	return kept
}
