package forward

import (
	"bytes"

	"github.com/panvault/panvault/vault/card"
)

// readHead reads ahead to the end of an answer's head, past interim answers, and
// masks in it what looks like a card number: net/http makes strings of headers,
// which nothing can wipe. Numbers in other encodings are left to Scrub. A head
// that does not end within the limit is left to net/http to refuse.
func (i *inflow) readHead() (masked int, err error) {
	buf := make([]byte, 0, readBuffer)
	defer func() { i.ahead = buf }()
	for from := 0; ; {
		end := headEnd(buf, from)
		if end > 0 && interim(buf[from:end]) {
			from = end
			continue
		}
		if end > 0 {
			return maskDigits(buf[:end]), nil
		}
		if len(buf) == cap(buf) {
			larger := append(make([]byte, 0, 2*cap(buf)), buf...)
			clear(buf)
			buf = larger
		}
		n, err := i.read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err != nil {
			return maskDigits(buf), err
		}
	}
}

// headEnd returns where the head that starts at from ends; 0 if it does not yet.
func headEnd(b []byte, from int) int {
	for i := from; i < len(b); i++ {
		if b[i] != '\n' {
			continue
		}
		if rest := b[i+1:]; bytes.HasPrefix(rest, []byte("\n")) {
			return i + 2
		} else if bytes.HasPrefix(rest, []byte("\r\n")) {
			return i + 3
		}
	}
	return 0
}

// interim reports whether a head is of a 1xx answer.
func interim(head []byte) bool {
	_, status, ok := bytes.Cut(head, []byte(" "))
	return ok && len(status) > 3 && status[0] == '1'
}

// maskDigits overwrites all but the last four digits of what looks like a card
// number, and counts.
func maskDigits(b []byte) int {
	masked := 0
	for i := 0; i < len(b); {
		if !isDigit(b[i]) {
			i++
			continue
		}
		end, digits := runAt(b, i)
		if digits >= 13 && card.ContainsPAN(b[i:end]) && !inUUID(b, i, end) {
			masked++
			for at, left := i, digits-4; left > 0; at++ {
				if isDigit(b[at]) {
					b[at], left = '*', left-1
				}
			}
		}
		i = end
	}
	return masked
}
