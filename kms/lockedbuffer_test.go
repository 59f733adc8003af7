package kms_test

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/panvault/panvault/kms"
)

func newLocked(t *testing.T, size int) *kms.LockedBuffer {
	t.Helper()
	b, err := kms.NewLockedBuffer(size)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Destroy)
	return b
}

func TestLockedBufferSizes(t *testing.T) {
	for _, size := range []int{1, 32, 4095, 4096, 4097, 1 << 20} {
		b := newLocked(t, size)
		got := b.Bytes()
		if len(got) != size || cap(got) != size {
			t.Errorf("size %d: len %d, cap %d, want both the size", size, len(got), cap(got))
		}
		if !bytes.Equal(got, make([]byte, size)) {
			t.Errorf("size %d: not zeroed", size)
		}
		got[0], got[size-1] = 1, 1
		b.Destroy()
	}
	for _, size := range []int{-1, 0, kms.MaxLockedBuffer + 1} {
		if _, err := kms.NewLockedBuffer(size); !errors.Is(err, kms.ErrInvalid) {
			t.Errorf("size %d: error %v, want ErrInvalid", size, err)
		}
	}
}

func TestLockedBufferWipeAndDestroy(t *testing.T) {
	b := newLocked(t, 32)
	copy(b.Bytes(), "0123456789abcdef0123456789abcdef")
	b.Wipe()
	if !bytes.Equal(b.Bytes(), make([]byte, 32)) {
		t.Error("Wipe left bytes behind")
	}
	b.Destroy()
	b.Destroy()
	b.Wipe()
	if b.Bytes() != nil || b.Locked() {
		t.Error("a destroyed buffer still has bytes or is locked")
	}
	var none *kms.LockedBuffer
	none.Destroy()
	var zero kms.LockedBuffer
	zero.Wipe()
	zero.Destroy()
	if zero.Bytes() != nil || zero.Locked() {
		t.Error("the zero buffer has bytes or is locked")
	}
}

func TestLockedBufferCopyIsAHandle(t *testing.T) {
	b := newLocked(t, 8)
	other := *b
	b.Destroy()
	if other.Bytes() != nil {
		t.Error("a copy outlived Destroy: its pages are unmapped")
	}
}

func TestLockedBufferConcurrent(t *testing.T) {
	b := newLocked(t, 64)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			_ = len(b.Bytes())
			_ = b.Locked()
			b.Wipe()
			b.Destroy()
		})
	}
	wg.Wait()
}

// TestLockedBufferRedacts prints a buffer, and structs that hold one where
// package fmt can not call its methods, in every way there is.
func TestLockedBufferRedacts(t *testing.T) {
	const marker = "SECRETSECRETSECRETSECRETSECRET!!"
	b := newLocked(t, 32)
	copy(b.Bytes(), marker)
	holders := []any{b, *b,
		struct{ hidden *kms.LockedBuffer }{b}, struct{ hidden kms.LockedBuffer }{*b},
		struct{ Shown *kms.LockedBuffer }{b}, map[string]kms.LockedBuffer{"k": *b}, []*kms.LockedBuffer{b}}
	var out strings.Builder
	for _, h := range holders {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c"} {
			fmt.Fprintf(&out, verb+"\n", h)
		}
		enc, err := json.Marshal(h)
		fmt.Fprintln(&out, string(enc), err)
		if m, ok := h.(encoding.TextMarshaler); ok {
			enc, err := m.MarshalText()
			fmt.Fprintln(&out, string(enc), err, h.(fmt.Stringer).String(), h.(fmt.GoStringer).GoString())
		}
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "buffer", h)
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "buffer", h)
	}
	text := strings.ToLower(out.String())
	for _, form := range []string{"secret", "5345435245", "83 69 67", "0x53, 0x45", "u0vduku"} {
		if strings.Contains(text, form) {
			t.Errorf("output contains %q", form)
		}
	}
	if !strings.Contains(text, "[locked buffer]") {
		t.Error("output has no redacted text")
	}
}
