package transit

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// TestSecretBodyIsCleared by whoever lets go last.
func TestSecretBodyIsCleared(t *testing.T) {
	buf := []byte("key material")
	b := newSecretBody(buf)
	first, second := b.reader(), b.reader()
	_ = first.Close()
	_ = first.Close() // the transport may close twice
	b.release()
	if got, _ := io.ReadAll(second); string(got) != "key material" {
		t.Errorf("a reader that is still open reads %q", got)
	}
	_ = second.Close()
	if !bytes.Equal(buf, make([]byte, len(buf))) {
		t.Errorf("after the last reader: %q, want zeros", buf)
	}
}

func TestReadAnswer(t *testing.T) {
	for _, n := range []int{0, 1, 4095, 4096, 4097, 100_000, maxAnswer} {
		got, err := readAnswer(iotest.HalfReader(strings.NewReader(strings.Repeat("x", n))))
		if err != nil || len(got) != n {
			t.Errorf("readAnswer of %d bytes = %d, %v", n, len(got), err)
		}
	}
	if _, err := readAnswer(strings.NewReader(strings.Repeat("x", maxAnswer+1))); err == nil {
		t.Error("readAnswer accepts more than maxAnswer")
	}
	if _, err := readAnswer(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("xy")))); err == nil {
		t.Error("readAnswer hides a broken connection")
	}
}
