package kmstest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/panvault/panvault/kms"
)

// errorsTellNothing provokes every error it can and looks for the input in it,
// in each form a careless format string or a server's echo would give it.
func errorsTellNothing(t *testing.T, k kms.KMS) {
	secret, label := random(32), random(40)
	in := []kms.WrapItem{{Plaintext: secret, Context: label}}
	blob := wrap(t, k, kms.CardTest, in)[0].Wrapped
	over, cancel := context.WithCancel(t.Context())
	cancel()

	var errs []error
	call := func(ctx context.Context, key kms.Key, w []kms.WrapItem, u []kms.UnwrapItem) {
		wrapped, err := k.Wrap(ctx, key, w)
		errs = append(errs, err)
		for _, r := range wrapped {
			errs = append(errs, r.Err)
		}
		opened, err := k.Unwrap(ctx, key, u)
		errs = append(errs, err)
		for _, r := range opened {
			errs = append(errs, r.Err)
		}
	}
	good := []kms.UnwrapItem{{Wrapped: blob, Context: label}}
	call(t.Context(), "no-such-key", in, good)
	call(over, kms.CardTest, in, good)
	call(t.Context(), kms.CardTest, nil, nil)
	call(t.Context(), kms.CardLive, []kms.WrapItem{
		{Plaintext: bytes.Repeat(secret, 3), Context: label},
		{Plaintext: secret, Context: bytes.Repeat(label, 8)},
		{Plaintext: secret},
	}, []kms.UnwrapItem{
		{Wrapped: blob, Context: label},
		{Wrapped: secret, Context: label},
		{Wrapped: append(bytes.Clone(blob), secret...), Context: label},
		{Wrapped: blob, Context: bytes.Repeat(label, 8)},
	})
	if v, ok := k.(kms.Versioner); ok {
		_, err := v.VersionOf(secret)
		errs = append(errs, err)
	}
	for _, err := range errs {
		checkSilent(t, err, map[string][]byte{"plaintext": secret, "context": label})
	}
}

func checkSilent(t *testing.T, err error, secrets map[string][]byte) {
	t.Helper()
	if err == nil {
		return
	}
	text := strings.ToLower(fmt.Sprintf("%v %+v %#v %q %s", err, err, err, err, err.Error()))
	for what, b := range secrets {
		// The first 12 bytes: a cut or extended echo is an echo all the same.
		head := b[:12]
		for _, form := range []string{
			string(head), hex.EncodeToString(head), base64.RawStdEncoding.EncodeToString(head),
			base64.RawURLEncoding.EncodeToString(head), strings.Trim(fmt.Sprint(head), "[]"),
			strings.Trim(fmt.Sprintf("%q", head), `"`), strings.Trim(fmt.Sprintf("%#v", head), "[]byte{}"),
		} {
			if strings.Contains(text, strings.ToLower(form)) {
				t.Errorf("error %q carries bytes of the %s", err, what)
				break
			}
		}
	}
}
