package transit

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
)

// maxAnswer bounds an answer, in bytes. The largest legitimate one, a full
// batch, has about 150 KiB.
const maxAnswer = 1 << 20

// secretBody is a request body with key material in it. It is cleared when its
// owner and every reader the HTTP transport took have let go, because the
// transport may still be sending after the call has returned.
type secretBody struct {
	buf  []byte
	refs atomic.Int32
}

func newSecretBody(buf []byte) *secretBody {
	b := &secretBody{buf: buf}
	b.refs.Store(1)
	return b
}

// release lets go of one reference. The owner calls it once.
func (b *secretBody) release() {
	if b.refs.Add(-1) == 0 {
		clear(b.buf)
	}
}

func (b *secretBody) reader() io.ReadCloser {
	b.refs.Add(1)
	return &bodyReader{Reader: bytes.NewReader(b.buf), release: sync.OnceFunc(b.release)}
}

type bodyReader struct {
	*bytes.Reader
	release func()
}

// Close lets the body be cleared; the transport calls it, perhaps twice.
func (r *bodyReader) Close() error { r.release(); return nil }

type bodyKey struct{}

// withBody hands body to the transport below HashiCorp's client.
func withBody(ctx context.Context, body *secretBody) context.Context {
	return context.WithValue(ctx, bodyKey{}, body)
}

// guard is the RoundTripper between HashiCorp's client and net/http. It sends
// the counted body instead of the client's reader, and bounds the answer.
type guard struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (g guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if body, ok := req.Context().Value(bodyKey{}).(*secretBody); ok && req.Body != nil {
		_ = req.Body.Close()
		counted := *req
		counted.Body = body.reader()
		counted.GetBody = func() (io.ReadCloser, error) { return body.reader(), nil }
		req = &counted
	}
	res, err := g.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	res.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(res.Body, maxAnswer+1), res.Body}
	return res, nil
}

// CloseIdleConnections lets http.Client reach the pool.
func (g guard) CloseIdleConnections() {
	if t, ok := g.next.(*http.Transport); ok {
		t.CloseIdleConnections()
	}
}

// readAnswer reads all of r. Unlike io.ReadAll it clears what it outgrows. The
// caller clears the result.
func readAnswer(r io.Reader) ([]byte, error) {
	buf := make([]byte, 0, 4096)
	for {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case len(buf) > maxAnswer:
			clear(buf)
			return nil, errors.New("answer too large")
		case err == io.EOF:
			return buf, nil
		case err != nil:
			clear(buf)
			return nil, err
		case len(buf) == cap(buf):
			grown := make([]byte, len(buf), 4*cap(buf))
			copy(grown, buf)
			clear(buf)
			buf = grown
		}
	}
}
