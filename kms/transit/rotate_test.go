package transit_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/kms/transit"
	"github.com/panvault/panvault/kms/transit/transittest"
)

// metadata is a safe key's GET answer.
func metadata(latest, minEncrypt int) string {
	return fmt.Sprintf(`{"data":{"type":"aes256-gcm96","derived":true,"exportable":false,"allow_plaintext_backup":false,
		"deletion_allowed":false,"latest_version":%d,"min_encryption_version":%d,"min_decryption_version":1,"min_available_version":0,"keys":{"1":1}}}`, latest, minEncrypt)
}

// fakeKey is a key whose trouble no real Vault can be brought to make.
type fakeKey struct {
	mu         sync.Mutex
	latest     int
	minEncrypt int
	adds       int            // versions that one rotate adds
	stuck      bool           // config is accepted and does nothing
	status     map[string]int // by last part of the path; 200 if not there
	applied    bool           // a rotate that fails has been done all the same
	posts      []string
}

func (k *fakeKey) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if r.Method == http.MethodGet {
		_, _ = io.WriteString(w, metadata(k.latest, k.minEncrypt))
		return
	}
	body, _ := io.ReadAll(r.Body)
	what := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	k.posts = append(k.posts, what+" "+string(body))
	status := k.status[what]
	if status == 0 || k.applied {
		switch what {
		case "rotate":
			k.latest += k.adds
		case "config":
			if _, err := fmt.Sscanf(string(body), `{"min_encryption_version":%d}`, &k.minEncrypt); err != nil && !k.stuck {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			if k.stuck {
				k.minEncrypt = 0
			}
		}
	}
	if status != 0 {
		w.WriteHeader(status)
		return
	}
	_, _ = io.WriteString(w, metadata(k.latest, k.minEncrypt))
}

func TestRotateTrouble(t *testing.T) {
	for _, tt := range []struct {
		name  string
		key   *fakeKey
		want  error // nil for success
		posts []string
	}{
		{"as it should be", &fakeKey{latest: 1, adds: 1}, nil, []string{"rotate ", `config {"min_encryption_version":2}`}},
		{"an answer without a body", &fakeKey{latest: 1, adds: 1, status: map[string]int{"rotate": 204}, applied: true}, nil,
			[]string{"rotate ", `config {"min_encryption_version":2}`}},
		{"another rotated too", &fakeKey{latest: 1, adds: 2}, kms.ErrRotatedTwice, []string{"rotate ", `config {"min_encryption_version":3}`}},
		{"nothing was added", &fakeKey{latest: 1}, kms.ErrUnavailable, []string{"rotate "}},
		{"failed, not retried", &fakeKey{latest: 1, adds: 1, status: map[string]int{"rotate": 500}}, kms.ErrUnavailable, []string{"rotate "}},
		{"failed but done, not retried", &fakeKey{latest: 1, adds: 1, status: map[string]int{"rotate": 502}, applied: true}, kms.ErrUnavailable, []string{"rotate "}},
		{"sealed", &fakeKey{latest: 1, adds: 1, status: map[string]int{"rotate": 503}}, kms.ErrUnavailable, []string{"rotate "}},
		{"denied", &fakeKey{latest: 1, adds: 1, status: map[string]int{"rotate": 403}}, kms.ErrDenied, []string{"rotate "}},
		{"the floor fails", &fakeKey{latest: 1, adds: 1, status: map[string]int{"config": 500}}, kms.ErrUnavailable,
			[]string{"rotate ", `config {"min_encryption_version":2}`}},
		{"the floor does not stay", &fakeKey{latest: 1, adds: 1, stuck: true}, kms.ErrUnavailable,
			append([]string{"rotate "}, strings.Split(strings.Repeat(`config {"min_encryption_version":2}|`, 4), "|")[:4]...)},
		{"a newer one, whose floor is missing", &fakeKey{latest: 2, adds: 1}, kms.ErrConflict, []string{`config {"min_encryption_version":2}`}},
		{"a newer one, in order", &fakeKey{latest: 2, minEncrypt: 2, adds: 1}, kms.ErrConflict, nil},
		{"a newer one, whose floor fails", &fakeKey{latest: 2, adds: 1, status: map[string]int{"config": 500}}, kms.ErrUnavailable,
			[]string{`config {"min_encryption_version":2}`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, tt.key.ServeHTTP)
			d, err := connect(t, s.URL).Rotate(t.Context(), kms.CardLive, 1)
			if tt.want == nil {
				if err != nil || d.Latest != 2 || d.MinEncrypt != 2 {
					t.Errorf("Rotate = %+v, %v, want version 2", d, err)
				}
			} else {
				wantIs(t, "Rotate", err, tt.want)
				if d.Latest != 0 {
					t.Errorf("a failed Rotate describes %+v", d)
				}
			}
			if got, want := strings.Join(tt.key.posts, "|"), strings.Join(tt.posts, "|"); got != want {
				t.Errorf("sent %s, want %s", got, want)
			}
		})
	}
}

// TestRotateExpectsAnOlderKey: a key with fewer versions than expected was
// re-created or restored, and is left alone.
func TestRotateExpectsAnOlderKey(t *testing.T) {
	key := &fakeKey{latest: 1, adds: 1}
	_, err := connect(t, serve(t, key.ServeHTTP).URL).Rotate(t.Context(), kms.CardLive, 5)
	wantIs(t, "Rotate", err, kms.ErrConflict)
	if len(key.posts) != 0 {
		t.Errorf("sent %q, want nothing", key.posts)
	}
}

// TestRotateGivenUp: a caller that leaves once the version is there does not
// leave the old one open for wrapping.
func TestRotateGivenUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	key := &fakeKey{latest: 1, adds: 1}
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		key.mu.Lock()
		if key.latest == 2 {
			cancel() // between the version and the floor
		}
		key.mu.Unlock()
		key.ServeHTTP(w, r)
	})
	if d, err := connect(t, s.URL).Rotate(ctx, kms.CardLive, 1); err != nil || d.MinEncrypt != 2 {
		t.Errorf("Rotate = %+v, %v, want the floor at 2", d, err)
	}
}

// TestRotateTimeout: no answer in time is not known to be no rotation.
func TestRotateTimeout(t *testing.T) {
	stop := make(chan struct{})
	key := &fakeKey{latest: 1, adds: 1}
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/rotate") {
			key.mu.Lock()
			key.latest++
			key.posts = append(key.posts, "rotate")
			key.mu.Unlock()
			<-stop
			return
		}
		key.ServeHTTP(w, r)
	})
	defer close(stop)
	c := open(t, transit.Config{Address: s.URL, TokenFile: tokenFile(t, "x"), Timeout: 50 * time.Millisecond})
	_, err := c.Rotate(t.Context(), kms.CardLive, 1)
	wantIs(t, "Rotate", err, kms.ErrUnavailable)
	wantIs(t, "Rotate", err, context.DeadlineExceeded)
	_, err = c.Rotate(t.Context(), kms.CardLive, 1)
	wantIs(t, "Rotate again", err, kms.ErrConflict)
	if got := strings.Join(key.posts, "|"); got != `rotate|config {"min_encryption_version":2}` {
		t.Errorf("sent %s, want one rotation, and its floor by the second call", got)
	}
}

// TestUnsafeKeysAreNotChanged: a version of a key that may leave Vault protects
// nothing, so none is added.
func TestUnsafeKeysAreNotChanged(t *testing.T) {
	s := transittest.Shared(t)
	c, prefix := ownKeys(t, s)
	mustRoot(t, s, http.MethodPost, "transit/keys/"+prefix+"card-live", `{"derived":true,"exportable":true}`)
	mustRoot(t, s, http.MethodPost, "transit/keys/"+prefix+"work", `{"type":"ed25519"}`)
	for _, key := range []kms.Key{kms.CardLive, kms.Work} {
		_, err := c.Rotate(t.Context(), key, 1)
		wantIs(t, "Rotate", err, kms.ErrUnsafeKey)
		_, err = c.Retire(t.Context(), key, 1)
		wantIs(t, "Retire", err, kms.ErrUnsafeKey)
		_, err = c.Trim(t.Context(), key, 1)
		wantIs(t, "Trim", err, kms.ErrUnsafeKey)
	}
	_, err := c.Rotate(t.Context(), kms.CardTest, 1)
	wantIs(t, "Rotate of a key that is not there", err, kms.ErrKeyMissing)
}

// TestRetireBelowAnOpenFloor: versions that a foreign rotation left open for
// wrapping are not retired, or a key could be wrapped that nobody opens.
func TestRetireBelowAnOpenFloor(t *testing.T) {
	s := transittest.Shared(t)
	c, prefix := ownKeys(t, s)
	path := "transit/keys/" + prefix + "work"
	mustRoot(t, s, http.MethodPost, path, `{"derived":true}`)
	mustRoot(t, s, http.MethodPost, path+"/rotate", "")
	_, err := c.Retire(t.Context(), kms.Work, 2)
	wantIs(t, "Retire", err, kms.ErrInvalid)
	_, err = c.Rotate(t.Context(), kms.Work, 1) // as after a crash
	wantIs(t, "Rotate", err, kms.ErrConflict)
	if d, err := c.Retire(t.Context(), kms.Work, 2); err != nil || d.MinDecrypt != 2 || d.MinEncrypt != 2 {
		t.Errorf("Retire = %+v, %v, want both floors at 2", d, err)
	}
}
