package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/panvault/panvault/vault/httpapi/wiretest"
)

// leakTarget is the server under test.
type leakTarget struct {
	dir, data string
	api       string // host:port
	admin     string
	public    string // API key
	secret    string
	operator  string
	processor string // URL
	reveals   string // API key that sees cards
	cmd       *exec.Cmd
	logs      *lockedBuffer
	answers   bytes.Buffer
	token     string // the last one made
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func startLeakTarget(t *testing.T) *leakTarget {
	t.Helper()
	l := &leakTarget{dir: t.TempDir(), logs: &lockedBuffer{}}
	l.data = filepath.Join(l.dir, "data")
	binary := filepath.Join(l.dir, "panvault")
	build := exec.Command("go", "build", "-o", binary, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	write(t, filepath.Join(l.dir, "passphrase"), "a passphrase for the leak test")
	config := filepath.Join(l.dir, "panvault.yaml")
	write(t, config, `
node: leak
data_dir: `+l.data+`
public_url: http://127.0.0.1
operator_key: file:`+filepath.Join(l.dir, "operator.key")+`
kms: {backend: local, local: {keyring: keyring, passphrase: "file:`+filepath.Join(l.dir, "passphrase")+`"}}
listen: {public: "127.0.0.1:0", private: "127.0.0.1:0", admin: "127.0.0.1:0"}
limits: {tokens_per_key: {rate: 0}, tokens_per_address: {rate: 0}}
cards: {prepared_data_keys: 16}
reveals: {per_hour: 10000}
log: {level: debug}
`+l.startProcessor(t, binary))
	cli := func(args ...string) string {
		t.Helper()
		cmd := exec.Command(binary, append(args, "--config", config)...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, stderr.String())
		}
		return string(out)
	}
	cli("init", "--operator", "leaktester", "--key-out", filepath.Join(l.dir, "operator.key"))
	merchant := field(t, cli("merchant", "create", "--name", "Leaky", "--json"), "id")
	l.public = field(t, cli("apikey", "create", "--merchant", merchant, "--kind", "public", "--json"), "key")
	l.secret = field(t, cli("apikey", "create", "--merchant", merchant, "--kind", "secret", "--json"), "key")
	l.reveals = field(t, cli("apikey", "create", "--merchant", merchant, "--kind", "reveal", "--json"), "key")
	operator, err := os.ReadFile(filepath.Join(l.dir, "operator.key"))
	if err != nil {
		t.Fatal(err)
	}
	l.operator = strings.TrimSpace(string(operator))
	l.cmd = exec.Command(binary, "serve", "--config", config)
	l.cmd.Stdout, l.cmd.Stderr = l.logs, l.logs
	if err := l.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.cmd.Process.Kill(); _ = l.cmd.Wait() })
	serving := regexp.MustCompile(`"msg":"serving".*"api":"([^"]+)","admin":"([^"]+)"`)
	for deadline := time.Now().Add(30 * time.Second); l.api == ""; time.Sleep(10 * time.Millisecond) {
		if m := serving.FindStringSubmatch(l.logs.String()); m != nil {
			l.api, l.admin = m[1], m[2]
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server does not start:\n%s", l.logs.String())
		}
	}
	return l
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func field(t *testing.T, line, name string) string {
	t.Helper()
	m := regexp.MustCompile(`"` + name + `":"([^"]+)"`).FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("no %s in the output", name)
	}
	return m[1]
}

// send sends one request and keeps the answer. wantStatus 0 takes any.
func (l *leakTarget) send(t *testing.T, what string, req *http.Request, wantStatus int) string {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	defer resp.Body.Close()
	if err := resp.Header.Write(&l.answers); err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	l.answers.Write(body)
	whole := wiretest.Exchange{
		Method: req.Method, Target: req.URL.String(), RequestHeader: req.Header, Status: resp.StatusCode, Header: resp.Header, Body: body,
	}
	if req.GetBody != nil {
		again, err := req.GetBody()
		if err != nil {
			t.Fatal(err)
		}
		if whole.RequestBody, err = io.ReadAll(again); err != nil {
			t.Fatal(err)
		}
	}
	unknown := req.URL.Host == l.admin && resp.StatusCode == http.StatusNotFound // net/http's own words
	if err := wiretest.Check(whole); err != nil && !unknown {
		t.Errorf("%s: not as documented: %v", what, err)
	}
	if wantStatus != 0 && resp.StatusCode != wantStatus {
		t.Errorf("%s: status %d, want %d: %s", what, resp.StatusCode, wantStatus, body)
	}
	return string(body)
}

// reveal sees the number of a stored card. Its answer alone holds one, so it is
// not kept with the others.
func (l *leakTarget) reveal(t *testing.T, card string) {
	t.Helper()
	req := post(l, "/v1/reveals", jsonType, `{"card":"`+card+`","fields":["number","name","expiration"],"reason":"leak test"}`)
	req.SetBasicAuth(l.reveals, "")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: len(l.answers.Bytes())%2 == 0}} // both ways
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || !regexp.MustCompile(`"number":"4[0-9]{15}"`).Match(body) {
		t.Errorf("reveal: %d (%v), want a number", resp.StatusCode, err)
	}
}

// readBack retrieves a token: reading must not leak either.
func (l *leakTarget) readBack(t *testing.T, token string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, "http://"+l.api+"/tokens/"+token, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(l.public, "")
	l.send(t, "read back", req, 200)
}

// abandon sends half a body and goes away.
func (l *leakTarget) abandon(t *testing.T, m marker) marker {
	t.Helper()
	conn, err := net.Dial("tcp", l.api)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	auth := base64.StdEncoding.EncodeToString([]byte(l.public + ":"))
	fmt.Fprintf(conn, "POST /tokens HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %s\r\nContent-Type: %s\r\nContent-Length: 500\r\n\r\ncard[number]=%s&card[name]=%s", auth, formType, m.number, m.name)
	time.Sleep(50 * time.Millisecond)
	return m
}

// pipeline sends two requests at once on one connection: both must be whole.
func (l *leakTarget) pipeline(t *testing.T, m marker) marker {
	t.Helper()
	conn, err := net.Dial("tcp", l.api)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	auth := base64.StdEncoding.EncodeToString([]byte(l.public + ":"))
	body := m.form(nil)
	one := fmt.Sprintf("POST /tokens HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", auth, formType, len(body), body)
	if _, err := io.WriteString(conn, one+one+one); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(conn)
	for i := range 3 {
		resp, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatalf("pipelined answer %d: %v", i, err)
		}
		b, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != 200 {
			t.Errorf("pipelined answer %d: %d %s (%v)", i, resp.StatusCode, b, err)
		}
		l.answers.Write(b)
	}
	return m
}

// exchange makes a customer of a token, reads it in every way and may destroy
// the card: none of it may leak either.
func (l *leakTarget) exchange(t *testing.T, token string, destroy bool) {
	t.Helper()
	private := func(method, path, body string) string {
		req := post(l, path, jsonType, body)
		req.Method = method
		req.SetBasicAuth(l.secret, "")
		return l.send(t, method+" "+path, req, 200)
	}
	customer := "/customers/" + field(t, private(http.MethodPost, "/customers", `{"card":"`+token+`"}`), "id")
	card := customer + "/cards/card_" + strings.TrimPrefix(token, "tokn_")
	private(http.MethodGet, "/customers?limit=2", "")
	private(http.MethodGet, customer+"/cards", `{"limit":1}`)
	l.reveal(t, "card_"+strings.TrimPrefix(token, "tokn_"))
	private(http.MethodPatch, card, `{"city":"Chiang Mai","expiration_year":2041}`)
	if destroy {
		private(http.MethodDelete, card, "{}")
	}
}
