package httpapi

import (
	"slices"
	"strings"
	"testing"
)

func TestHead(t *testing.T) {
	tests := []struct {
		name, bytes string
		sound       bool
	}{
		{"nothing", "", true},
		{"plain", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", true},
		{"length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na\nb", true},
		{"two requests", strings.Repeat("POST / HTTP/1.1\r\nContent-Length: 3\r\nHost: x\r\n\r\na\nb", 2), true},
		{"body of line feeds", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n{\n\"a\":\n\n 1}GET / HTTP/1.1\r\nHost: x\r\n\r\n", true},
		{"body that looks like a head", "POST / HTTP/1.1\r\nContent-Length: 38\r\n\r\nContent-Length: 1\nContent-Length: 1\n\n\nGET / HTTP/1.1\r\n\r\n", true},
		{"body that was not announced", "POST / HTTP/1.1\r\nHost: x\r\n\r\n{\n}", false},
		{"longer names", "GET / HTTP/1.1\r\nHost: x\r\nContent-Length-X: 1\r\nX-Content-Length: 1\r\nContent-Length: 0\r\n\r\n", true},
		{"chunked", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", true},
		{"both lengths", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n", false},
		{"both lengths, other order", "POST / HTTP/1.1\r\nCONTENT-LENGTH: 1\r\nHost: x\r\ntransfer-encoding: chunked\r\n", false},
		{"length twice", "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n", false},
		{"bare line feed", "GET / HTTP/1.1\nHost: x\r\n", false},
		{"bare line feed at the end", "GET / HTTP/1.1\r\nHost: x\r\n\n", false},
		{"folded", "GET / HTTP/1.1\r\nHost: x\r\n y\r\n", false},
		{"folded by a tab", "GET / HTTP/1.1\r\nHost: x\r\n\ty\r\n", false},
		{"space at first", " GET / HTTP/1.1\r\n", false},
		{"second: both lengths", "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nTransfer-Encoding: x\r\nContent-Length: 1\r\n", false},
		{"second: bare line feed", "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\nHost: x\r\n", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := drain([]byte(tt.bytes)); (err == nil) != tt.sound {
				t.Errorf("whole: %v, want sound %t", err, tt.sound)
			}
			for size := 1; size <= 7; size++ {
				if err := drain(slices.Collect(slices.Chunk([]byte(tt.bytes), size))...); (err == nil) != tt.sound {
					t.Errorf("in pieces of %d: %v, want sound %t", size, err, tt.sound)
				}
			}
		})
	}
}

func TestRefusal(t *testing.T) {
	const headers = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
	tests := []struct {
		answer string
		status int // 0: passes as it is
	}{
		{"HTTP/1.1 400 Bad Request" + headers + "400 Bad Request", 400},
		{"HTTP/1.1 431 Request Header Fields Too Large" + headers + "x", 413},
		{"HTTP/1.1 501 Not Implemented" + headers + "x", 400},
		{"HTTP/1.1 505 HTTP Version Not Supported: x" + headers + "x", 400},
		{"HTTP/1.1 417 Expectation Failed\r\nConnection: close\r\n\r\n", 400},
		{"HTTP/1.1 200 OK" + headers, 0},
		{"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json; charset=utf-8\r\n\r\n{}", 0},
		{"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n\r\n", 0},
		{"HTTP/1.1 100 Continue\r\n\r\n", 0},
		{`{"a":"HTTP/1.1 400"}`, 0},
		{"", 0}, {"H", 0}, {"HTTP/1.1 4", 0}, {"HTTP/1.1 400", 0},
	}
	for _, tt := range tests {
		p, ok := refusal([]byte(tt.answer))
		if ok != (tt.status != 0) || p.status != tt.status {
			t.Errorf("%.40q: got %d, want %d", tt.answer, p.status, tt.status)
		}
	}
}
