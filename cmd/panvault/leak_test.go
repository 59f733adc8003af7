package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The leak test drives every endpoint and error path of a real server with
// marker numbers, codes, names and keys, one set for each request, and then
// looks for them in everything the server has said or kept: answers, logs,
// metrics, every byte of its data folder, and its memory.

func TestNothingLeaks(t *testing.T) {
	l := startLeakTarget(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	var markers []marker
	for round := range 2 { // twice, so that reused buffers and connections are seen
		for _, c := range slices.Concat(leakCases(), privateLeakCases()) {
			m := newMarker(r, fmt.Sprintf("%s, round %d", c.name, round))
			m.head = c.head
			markers = append(markers, m)
			out := l.send(t, c.name, c.req(l, m), c.status)
			if strings.HasPrefix(out, `{"object":"token"`) {
				l.token = field(t, out, "id")
				l.readBack(t, l.token)
				l.exchange(t, l.token, round == 0)
			}
		}
		markers = append(markers, l.useCards(t, r, round)...)
		markers = append(markers, l.abandon(t, newMarker(r, "upload cut off")), l.pipeline(t, newMarker(r, "pipelined")))
	}
	if n, want := l.processorCount(t), 2*5*len(behaviours); n != want {
		t.Errorf("the processor got %d requests, want %d", n, want)
	}
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/nothing"} {
		req, err := http.NewRequest(http.MethodGet, "http://"+l.admin+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		l.send(t, path, req, 0)
	}

	heaps := map[string][]byte{"answers": l.answers.Bytes(), "logs": []byte(l.logs.String())}
	for name, b := range readFiles(t, l.data) {
		heaps["data folder, "+name] = b
	}
	for where, heap := range heaps {
		for _, m := range markers {
			search(t, where, heap, m.path+": number", m.number)
			search(t, where, heap, m.path+": security code", m.code)
			if !strings.HasPrefix(where, "answers") {
				search(t, where, heap, m.path+": name", m.name)
			}
		}
		for what, secret := range map[string]string{"public key": l.public, "secret key": l.secret, "operator key": l.operator, "reveal key": l.reveals} {
			search(t, where, heap, what, secret)
		}
	}
	l.searchMemory(t, markers)
}

func search(t *testing.T, where string, heap []byte, what, secret string) {
	t.Helper()
	for spelling, needle := range spellings(secret) {
		if i := bytes.Index(heap, needle); i >= 0 {
			t.Errorf("%s holds the %s (%s): %q", where, what, spelling, heap[max(0, i-60):min(len(heap), i+len(needle)+20)])
		}
	}
}

func readFiles(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	out := make(map[string][]byte)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		out[d.Name()] = b
		return err
	})
	if err != nil || len(out) < 3 {
		t.Fatalf("data folder: %d files, %v", len(out), err)
	}
	return out
}
