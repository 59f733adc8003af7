package forward

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReadHead(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nX: 4242424242424242\r\nY: 4242-4242-4242-4242, 5555555555554444\r\nContent-Length: 16\r\n\r\n"
	const clean = "HTTP/1.1 200 OK\r\nX: ************4242\r\nY: ****-****-****-4242, ************4444\r\nContent-Length: 16\r\n\r\n"
	const body = "4242424242424242"
	for _, test := range []struct {
		name, in, want string
		masked         int
	}{
		{"numbers", head + body, clean + body, 3},
		{"line feeds alone", strings.ReplaceAll(head, "\r", "") + body, strings.ReplaceAll(clean, "\r", "") + body, 3},
		{"interim answers", "HTTP/1.1 103 Early Hints\r\nX: 4242424242424242\r\n\r\n" + head + body,
			"HTTP/1.1 103 Early Hints\r\nX: ************4242\r\n\r\n" + clean + body, 4},
		{"a date, a length and an id", "HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 03:50:20 GMT\r\nX: 42424242-4242-4242-8242-42424242424f\r\n\r\n", "", 0},
		{"cut short", head[:40], strings.Replace(head[:40], "424242424242", "************", 1), 1},
		{"nothing", "", "", 0},
	} {
		if test.want == "" {
			test.want = test.in
		}
		for chunk, from := range map[string]io.Reader{
			"at once": strings.NewReader(test.in), "byte by byte": iotest.OneByteReader(strings.NewReader(test.in)),
		} {
			in := &inflow{from: from, left: maxHead, over: errHeadSize}
			masked, err := in.readHead()
			in.failed = err
			got, err := io.ReadAll(in)
			if err != nil || string(got) != test.want || masked != test.masked {
				t.Errorf("%s, %s: %d masked (%v) in %q, want %d in %q", test.name, chunk, masked, err, got, test.masked, test.want)
			}
			in.wipe()
			if strings.Trim(string(in.ahead[:cap(in.ahead)]), "\x00") != "" {
				t.Errorf("%s, %s: the buffer is not wiped", test.name, chunk)
			}
		}
	}
	in := &inflow{from: strings.NewReader(strings.Repeat("x", 2*maxHead)), left: maxHead, over: errHeadSize}
	if _, err := in.readHead(); !errors.Is(err, errHeadSize) {
		t.Errorf("an endless head: %v, want %v", err, errHeadSize)
	}
}
