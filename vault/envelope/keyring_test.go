package envelope

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/panvault/panvault/kms"
)

func TestKeyringLoads(t *testing.T) {
	k := backend(t)
	plain := pattern(KeySize*len(RequiredKeys()), 9)
	ring := load(t, k, workingKeys(t, k, plain, 1))
	for i, name := range RequiredKeys() {
		want := plain[i*KeySize : (i+1)*KeySize]
		version, key, err := ring.Active(name.Purpose, name.Mode)
		if err != nil || version != 1 || !bytes.Equal(key, want) {
			t.Errorf("Active(%v): version %d, right key %v, %v", name, version, bytes.Equal(key, want), err)
		}
		key, err = ring.Version(name.Purpose, name.Mode, 1)
		if err != nil || !bytes.Equal(key, want) || cap(key) != KeySize {
			t.Errorf("Version(%v, 1): right key %v, capacity %d, %v", name, bytes.Equal(key, want), cap(key), err)
		}
		if _, err := ring.Version(name.Purpose, name.Mode, 2); !errors.Is(err, ErrNoKey) {
			t.Errorf("Version(%v, 2): %v, want ErrNoKey", name, err)
		}
	}
	if _, _, err := ring.Active(PurposeAPIKey, ModeTest); !errors.Is(err, ErrNoKey) {
		t.Errorf("Active of a key that no mode has: %v, want ErrNoKey", err)
	}
}

func TestKeyringNamesTheMissingKey(t *testing.T) {
	k := backend(t)
	wrapped := workingKeys(t, k, pattern(KeySize*len(RequiredKeys()), 9), 1)
	for i, name := range RequiredKeys() {
		ring, err := LoadKeyring(t.Context(), k, slices.Delete(slices.Clone(wrapped), i, i+1))
		if !errors.Is(err, ErrNoKey) || ring != nil {
			t.Fatalf("without %v: %v, want ErrNoKey", name, err)
		}
		for _, want := range []string{string(name.Purpose), string(name.Mode)} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("without %v: %q does not say %q", name, err, want)
			}
		}
	}
	if _, err := LoadKeyring(t.Context(), k, nil); !errors.Is(err, ErrNoKey) {
		t.Errorf("without any: %v, want ErrNoKey", err)
	}
}

func TestKeyringRefusesMovedKeys(t *testing.T) {
	k := backend(t)
	wrapped := workingKeys(t, k, pattern(KeySize*len(RequiredKeys()), 9), 1)
	for _, tt := range []struct {
		name   string
		change func([]WrappedKey)
	}{
		{"another mode", func(w []WrappedKey) { w[0].Wrapped = w[1].Wrapped }},
		{"another purpose", func(w []WrappedKey) { w[0].Wrapped = w[2].Wrapped }},
		{"another version", func(w []WrappedKey) { w[3].Version = 2 }},
		{"a changed byte", func(w []WrappedKey) {
			w[3].Wrapped = bytes.Clone(w[3].Wrapped)
			w[3].Wrapped[len(w[3].Wrapped)-3] ^= 1
		}},
		{"a data key of that name", func(w []WrappedKey) {
			item := kms.WrapItem{Plaintext: pattern(KeySize, 1), Context: DataKeyContext(w[0].Mode, "work/"+string(w[0].Purpose))}
			res, err := k.Wrap(t.Context(), kms.Work, []kms.WrapItem{item})
			if err != nil || res[0].Err != nil {
				t.Fatal(err, res)
			}
			w[0].Wrapped = res[0].Wrapped
		}},
	} {
		changed := slices.Clone(wrapped)
		tt.change(changed)
		ring, err := LoadKeyring(t.Context(), k, changed)
		if !errors.Is(err, kms.ErrTampered) || ring != nil {
			t.Errorf("%s: %v, want kms.ErrTampered", tt.name, err)
		}
	}
}

func TestKeyringRefusesAnotherSize(t *testing.T) {
	k := backend(t)
	wrapped := workingKeys(t, k, pattern(KeySize*len(RequiredKeys()), 9), 1)
	for _, size := range []int{KeySize - 1, KeySize + 1} {
		item := kms.WrapItem{
			Plaintext: pattern(size, 1),
			Context:   WorkingKeyContext(wrapped[0].Purpose, wrapped[0].Mode, wrapped[0].Version),
		}
		res, err := k.Wrap(t.Context(), kms.Work, []kms.WrapItem{item})
		if err != nil || res[0].Err != nil {
			t.Fatal(err, res)
		}
		changed := slices.Clone(wrapped)
		changed[0].Wrapped = res[0].Wrapped
		if _, err := LoadKeyring(t.Context(), k, changed); !errors.Is(err, ErrSize) {
			t.Errorf("a key of %d bytes: %v, want ErrSize", size, err)
		}
	}
}

func TestKeyringVersions(t *testing.T) {
	k := backend(t)
	var wrapped []WrappedKey
	order := []uint32{2, 4294967295, 1, 300} // versions far apart must sort as well
	for _, version := range order {
		wrapped = append(wrapped, workingKeys(t, k, pattern(KeySize*len(RequiredKeys()), byte(version)), version)...)
	}
	for range 20 { // 20 more versions: more than one batch of the KMS
		order = append(order, order[len(order)-1]+1)
		wrapped = append(wrapped, workingKeys(t, k, pattern(KeySize*len(RequiredKeys()), byte(len(order))), order[len(order)-1])...)
	}
	if len(wrapped) <= kms.MaxBatch {
		t.Fatalf("%d keys are one batch", len(wrapped))
	}
	ring := load(t, k, wrapped)
	want := slices.Sorted(slices.Values(order))
	slices.Reverse(want)
	for _, name := range RequiredKeys() {
		if got := ring.Versions(name.Purpose, name.Mode); !slices.Equal(got, want) {
			t.Errorf("Versions(%v): %v, want %v", name, got, want)
		}
		if version, _, err := ring.Active(name.Purpose, name.Mode); err != nil || version != want[0] {
			t.Errorf("Active(%v): %d, %v, want %d", name, version, err, want[0])
		}
	}
	key, err := ring.Version(PurposeFingerprint, ModeTest, 300)
	if err != nil || !bytes.Equal(key, pattern(KeySize, byte(300%256))) {
		t.Errorf("Version 300: %x, %v", key, err)
	}
}

func TestKeyringErrors(t *testing.T) {
	k := backend(t)
	ctx, cancel := context.WithCancel(t.Context())
	wrapped := workingKeys(t, k, pattern(KeySize*len(RequiredKeys()), 9), 1)
	cancel()
	if _, err := LoadKeyring(ctx, k, wrapped); !errors.Is(err, kms.ErrUnavailable) {
		t.Errorf("LoadKeyring: %v, want kms.ErrUnavailable", err)
	}
	if _, err := NewWorkingKeys(ctx, k, bytes.NewReader(pattern(KeySize, 1)), RequiredKeys()[:1], 1); !errors.Is(err, kms.ErrUnavailable) {
		t.Errorf("NewWorkingKeys: %v, want kms.ErrUnavailable", err)
	}
	if _, err := NewWorkingKeys(t.Context(), k, iotest.ErrReader(io.ErrClosedPipe), RequiredKeys(), 1); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("NewWorkingKeys without randomness: %v, want that of random", err)
	}
}

// A KMS that breaks its contract must not lose or exchange a key.
func TestKeyringCountsResults(t *testing.T) {
	for _, extra := range []int{-1, 1} {
		s := &script{extra: extra}
		if _, err := NewWorkingKeys(t.Context(), s, bytes.NewReader(make([]byte, 1024)), RequiredKeys(), 1); !errors.Is(err, errResults) {
			t.Errorf("NewWorkingKeys with %+d results: %v, want errResults", extra, err)
		}
		if _, err := LoadKeyring(t.Context(), s, make([]WrappedKey, 3)); !errors.Is(err, errResults) {
			t.Errorf("LoadKeyring with %+d results: %v, want errResults", extra, err)
		}
	}
}

// The plaintexts that the KMS returned are wiped also when loading fails.
func TestKeyringWipesWhatItUnwraps(t *testing.T) {
	for _, tt := range []struct {
		name  string
		items []error
	}{
		{"good", nil},
		{"the first fails", []error{kms.ErrTampered}},
		{"the second fails", []error{nil, kms.ErrTampered}},
	} {
		s := &script{items: tt.items}
		wrapped := make([]WrappedKey, len(RequiredKeys()))
		for i, name := range RequiredKeys() {
			wrapped[i] = WrappedKey{KeyName: name, Version: 1, Wrapped: []byte("w")}
		}
		ring, err := LoadKeyring(t.Context(), s, wrapped)
		if (err == nil) != (tt.items == nil) || (err != nil && !errors.Is(err, kms.ErrTampered)) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if ring != nil {
			ring.Destroy()
		}
		for i, plain := range s.unwrapped {
			if !bytes.Equal(plain, make([]byte, len(plain))) {
				t.Errorf("%s: plaintext %d was not wiped", tt.name, i)
			}
		}
	}
}

func TestNewWorkingKeysWipes(t *testing.T) {
	s := &script{}
	if _, err := NewWorkingKeys(t.Context(), s, bytes.NewReader(pattern(1024, 1)), RequiredKeys(), 1); err != nil {
		t.Fatal(err)
	}
	for _, plain := range s.wrapped {
		if !bytes.Equal(plain, make([]byte, KeySize)) {
			t.Error("a plaintext was not wiped")
		}
	}
}

func TestFingerprints(t *testing.T) {
	k := backend(t)
	one := workingKeys(t, k, pattern(KeySize*len(RequiredKeys()), 1), 1)
	two := workingKeys(t, k, pattern(KeySize*len(RequiredKeys()), 77), 2)
	old, both := load(t, k, one), load(t, k, append(slices.Clone(one), two...))
	sum := func(ring *Keyring, mode Mode, merchant, digits string) []Fingerprint {
		t.Helper()
		got, err := ring.Fingerprints(mode, merchant, []byte(digits))
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	const digits = "4242424242424242"
	base := sum(both, ModeLive, "mrch_a", digits)
	if len(base) != 2 || base[0].Version != 2 || base[1].Version != 1 || len(base[0].MAC) != FingerprintSize {
		t.Fatalf("versions %v, want 2 and 1", base)
	}
	if got := sum(both, ModeLive, "mrch_a", digits); !bytes.Equal(got[0].MAC, base[0].MAC) {
		t.Error("the same PAN has two fingerprints")
	}
	if got := sum(old, ModeLive, "mrch_a", digits); len(got) != 1 || !bytes.Equal(got[0].MAC, base[1].MAC) {
		t.Error("the older version is not that of before the rotation")
	}
	all := [][]byte{base[0].MAC, base[1].MAC}
	for _, other := range [][]Fingerprint{
		sum(both, ModeTest, "mrch_a", digits), sum(both, ModeLive, "mrch_b", digits), sum(both, ModeLive, "", digits),
		sum(both, ModeLive, "mrch_a", digits[:15]), sum(both, ModeLive, "mrch_a", "5"+digits[1:]),
		sum(both, ModeLive, "mrch_a4", digits[1:]),
	} {
		all = append(all, other[0].MAC, other[1].MAC)
	}
	for i := range all {
		for j := range i {
			if bytes.Equal(all[i], all[j]) {
				t.Errorf("fingerprints %d and %d are equal", i, j)
			}
		}
	}
	if _, err := both.Fingerprints(ModeAll, "mrch_a", []byte(digits)); !errors.Is(err, ErrNoKey) {
		t.Errorf("mode all: %v, want ErrNoKey", err)
	}
}

func TestAPIKeyHashes(t *testing.T) {
	k := backend(t)
	one := workingKeys(t, k, pattern(KeySize*len(RequiredKeys()), 1), 1)
	two := workingKeys(t, k, pattern(KeySize*len(RequiredKeys()), 77), 2)
	ring := load(t, k, append(one, two...))
	a, err := ring.APIKeyHashes([]byte("skey_a"))
	if err != nil || len(a) != 2 || bytes.Equal(a[0], a[1]) {
		t.Fatalf("hashes %x, %v, want two", a, err)
	}
	b, err := ring.APIKeyHashes([]byte("skey_b"))
	if err != nil || bytes.Equal(a[0], b[0]) {
		t.Errorf("two secrets have one hash, %v", err)
	}
	if _, err := (&Keyring{}).APIKeyHashes([]byte("skey_a")); !errors.Is(err, ErrNoKey) {
		t.Errorf("without a pepper: %v, want ErrNoKey", err)
	}
}

// TestKeyringExtends: versions that come later are used as soon as they are
// loaded, and what was loaded before stays.
func TestKeyringExtends(t *testing.T) {
	k := backend(t)
	first := workingKeys(t, k, pattern(KeySize*len(RequiredKeys()), 1), 1)
	ring := load(t, k, first)
	second := workingKeys(t, k, pattern(KeySize*len(RequiredKeys()), 2), 2)
	_, old, err := ring.Active(PurposeProfile, ModeLive)
	if err != nil {
		t.Fatal(err)
	}
	was := bytes.Clone(old)
	done := make(chan struct{})
	go func() { // readers are never robbed of a key
		defer close(done)
		for range 1000 {
			if _, key, err := ring.Active(PurposeIntegrity, ModeAll); err != nil || len(key) != KeySize {
				t.Errorf("%v", err)
				return
			}
		}
	}()
	if n, err := ring.Extend(t.Context(), k, append(slices.Clone(first), second...)); err != nil || n != len(second) {
		t.Fatalf("extended by %d (%v), want %d", n, err, len(second))
	}
	<-done
	if n, err := ring.Extend(t.Context(), k, second); err != nil || n != 0 {
		t.Errorf("extended by %d (%v), want nothing", n, err)
	}
	version, now, err := ring.Active(PurposeProfile, ModeLive)
	if err != nil || version != 2 || bytes.Equal(now, was) || !bytes.Equal(old, was) {
		t.Errorf("version %d (%v), want the second, and the first as it was", version, err)
	}
	if got := ring.Versions(PurposeProfile, ModeLive); !slices.Equal(got, []uint32{2, 1}) {
		t.Errorf("versions %v", got)
	}
	broken := []WrappedKey{{KeyName: KeyName{PurposeProfile, ModeLive}, Version: 3, Wrapped: second[0].Wrapped}}
	if _, err := ring.Extend(t.Context(), k, broken); err == nil {
		t.Error("a key of another name was loaded")
	}
	if got := ring.Versions(PurposeProfile, ModeLive); !slices.Equal(got, []uint32{2, 1}) {
		t.Errorf("versions %v after a failure", got)
	}
}
