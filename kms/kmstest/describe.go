package kmstest

import (
	"testing"

	"github.com/panvault/panvault/kms"
)

func versionOf(t *testing.T, k kms.KMS) {
	v, ok := k.(kms.Versioner)
	if !ok {
		t.Fatalf("%T is not a kms.Versioner", k)
	}
	for _, key := range kms.Keys() {
		res := wrap(t, k, key, wrapItems(1))
		got, err := v.VersionOf(res[0].Wrapped)
		if err != nil || got != res[0].Version {
			t.Errorf("VersionOf(%q) = %d, %v, want %d, nil", res[0].Wrapped, got, err, res[0].Version)
		}
	}
	for _, b := range append(garbage(), nil, []byte{}, make([]byte, kms.MaxWrapped+1)) {
		got, err := v.VersionOf(b)
		wantError(t, "VersionOf garbage", err, kms.ErrInvalid)
		if got != 0 {
			t.Errorf("VersionOf(%.20q) = %d with an error, want 0", b, got)
		}
	}
}

func describeEveryKey(t *testing.T, k kms.KMS) {
	names := map[string]kms.Key{}
	for _, key := range kms.Keys() {
		d, err := k.Describe(t.Context(), key)
		if err != nil {
			t.Errorf("Describe(%s): %v", key, err)
			continue
		}
		if d.Key != key || d.Name == "" {
			t.Errorf("Describe(%s): key %q, name %q, want the key and a name", key, d.Key, d.Name)
		}
		if other, taken := names[d.Name]; taken {
			t.Errorf("%s and %s are both called %q", key, other, d.Name)
		}
		names[d.Name] = key
		checkVersions(t, d)
		if len(d.Unsafe) != 0 {
			t.Errorf("Describe(%s): unsafe: %v, want nothing", key, d.Unsafe)
		}
		if res := wrap(t, k, key, wrapItems(1)); res[0].Version < d.Latest {
			t.Errorf("%s wrapped under version %d, want at least %d", key, res[0].Version, d.Latest)
		}
	}
}

func checkVersions(t *testing.T, d kms.Description) {
	t.Helper()
	if d.Latest < 1 || d.MinDecrypt > d.Latest || d.MinEncrypt > d.Latest || d.MinAvailable < 1 || d.MinAvailable > d.MinDecrypt {
		t.Errorf("Describe(%s): latest %d, floors %d, %d and %d", d.Key, d.Latest, d.MinAvailable, d.MinDecrypt, d.MinEncrypt)
	}
	if _, ok := d.Created[d.Latest]; !ok {
		t.Errorf("Describe(%s): no creation time for version %d", d.Key, d.Latest)
	}
	for v, at := range d.Created {
		if v < d.MinDecrypt || v > d.Latest || at.IsZero() {
			t.Errorf("Describe(%s): version %d of %d..%d created %v", d.Key, v, d.MinDecrypt, d.Latest, at)
		}
	}
}

func checkServes(t *testing.T, k kms.KMS) {
	if err := k.Check(t.Context()); err != nil {
		t.Errorf("Check() = %v, want nil", err)
	}
}
