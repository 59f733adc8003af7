package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The leak test drives every endpoint and error path of a real server with
// marker numbers, codes, names and keys, one set for each request, and then
// looks for them in everything the server has said or kept: answers, logs,
// metrics, every byte of its data folder, and its memory.

// marker is what one request carries. Each value occurs in one request only,
// so a finding names its path.
type marker struct {
	path   string // what the request tries
	head   bool   // the number stands in the URL or a header, of which net/http keeps strings
	number string // passes Luhn
	code   string // long, so that it can be searched for; three digits elsewhere
	name   string
}

// newMarker draws a marker. The brand is Visa.
func newMarker(r *rand.Rand, path string) marker {
	digits := []byte("4" + fmt.Sprintf("%014d", r.Int64N(1e14)))
	for check := byte('0'); check <= '9'; check++ {
		if number := string(append(digits, check)); luhnValid(number) {
			return marker{path, false, number, fmt.Sprintf("%012d", r.Int64N(1e12)), "ZZQ" + letters(r, 13)}
		}
	}
	panic("no check digit")
}

func letters(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'A' + byte(r.IntN(26))
	}
	return string(b)
}

func luhnValid(s string) bool {
	sum := 0
	for i := range len(s) {
		d := int(s[len(s)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// spellings are the forms in which a secret text may hide in bytes.
func spellings(s string) map[string][]byte {
	var spaced, hyphened, escaped, wide []byte
	for i := range len(s) {
		if i > 0 && i%4 == 0 {
			spaced, hyphened = append(spaced, ' '), append(hyphened, '-')
		}
		spaced, hyphened = append(spaced, s[i]), append(hyphened, s[i])
		escaped = fmt.Appendf(escaped, "%%%02X", s[i])
		wide = append(wide, s[i], 0)
	}
	return map[string][]byte{
		"plain": []byte(s), "spaced": spaced, "hyphened": hyphened, "percent-encoded": escaped, "utf-16": wide,
		"base64": []byte(base64.StdEncoding.EncodeToString([]byte(s))[:len(s)/3*4]),
		"hex":    []byte(hex.EncodeToString([]byte(s))),
	}
}

// form is the request body of a well-formed card.
func (m marker) form(change map[string]string) string {
	v := url.Values{
		"card[name]": {m.name}, "card[number]": {m.number}, "card[security_code]": {"918"},
		"card[expiration_month]": {"12"}, "card[expiration_year]": {"2040"},
		"card[city]": {"Bangkok"}, "card[email]": {"zq@example.com"},
	}
	for k, x := range change {
		v.Set(k, x)
	}
	return v.Encode()
}

func (m marker) json(number string) string {
	return fmt.Sprintf(`{"card":{"name":%q,"number":%s,"security_code":"918","expiration_month":12,"expiration_year":2040}}`, m.name, number)
}

// leakTarget is the server under test.
type leakTarget struct {
	dir, data string
	api       string // host:port
	admin     string
	public    string // API key
	secret    string
	operator  string
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
log: {level: debug}
`)
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
	if wantStatus != 0 && resp.StatusCode != wantStatus {
		t.Errorf("%s: status %d, want %d: %s", what, resp.StatusCode, wantStatus, body)
	}
	return string(body)
}

// leakCase is one way to bring a card to the server.
type leakCase struct {
	name   string
	head   bool // the number is in the URL or a header
	status int  // of the answer; 0 for any
	req    func(l *leakTarget, m marker) *http.Request
}

func post(l *leakTarget, path, contentType, body string) *http.Request {
	req, err := http.NewRequest(http.MethodPost, "http://"+l.api+path, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	req.Header.Set("Content-Type", contentType)
	req.SetBasicAuth(l.public, "")
	return req
}

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

// leakCases covers every endpoint and error path that exists.
func leakCases() []leakCase {
	form := func(name string, status int, change func(m marker) map[string]string) leakCase {
		return leakCase{name, false, status, func(l *leakTarget, m marker) *http.Request {
			return post(l, "/tokens", formType, m.form(change(m)))
		}}
	}
	set := func(k, v string) func(marker) map[string]string {
		return func(marker) map[string]string { return map[string]string{k: v} }
	}
	body := func(name string, status int, contentType string, text func(m marker) string) leakCase {
		return leakCase{name, false, status, func(l *leakTarget, m marker) *http.Request {
			return post(l, "/tokens", contentType, text(m))
		}}
	}
	edit := func(name string, status int, change func(r *http.Request, m marker)) leakCase {
		return leakCase{name, false, status, func(l *leakTarget, m marker) *http.Request {
			r := post(l, "/tokens", formType, m.form(nil))
			change(r, m)
			return r
		}}
	}
	inHead := func(name string, status int, change func(r *http.Request, m marker)) leakCase {
		c := edit(name, status, change)
		c.head = true
		return c
	}
	return []leakCase{
		form("form", 200, func(marker) map[string]string { return nil }),
		body("json", 200, jsonType, func(m marker) string { return m.json(`"` + m.number + `"`) }),
		body("json number", 200, jsonType, func(m marker) string { return m.json(m.number) }),
		body("json escapes", 200, jsonType, func(m marker) string {
			var b strings.Builder
			for _, c := range m.number {
				fmt.Fprintf(&b, `\u%04x`, c)
			}
			return m.json(`"` + b.String() + `"`)
		}),
		form("spaces, refused", 400, func(m marker) map[string]string {
			return map[string]string{"card[number]": m.number[:4] + " " + m.number[4:]}
		}),
		edit("spaces, accepted", 200, func(r *http.Request, m marker) {
			text := m.form(map[string]string{"card[number]": m.number[:4] + " " + m.number[4:8] + "-" + m.number[8:]})
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
			r.Header.Set("Omise-Version", "2019-05-29")
		}),
		form("wrong check digit", 402, func(m marker) map[string]string {
			return map[string]string{"card[number]": m.number[:15] + string('0'+(m.number[15]-'0'+1)%10)}
		}),
		form("letters in the number", 400, func(m marker) map[string]string { return map[string]string{"card[number]": m.number + "x"} }),
		form("unknown brand", 402, set("card[number]", "9999999999999995")),
		form("expired", 402, set("card[expiration_year]", "2020")),
		form("no month", 400, set("card[expiration_month]", "")),
		form("number as the year", 0, func(m marker) map[string]string { return map[string]string{"card[expiration_year]": m.number} }),
		form("long security code", 402, func(m marker) map[string]string { return map[string]string{"card[security_code]": m.code} }),
		form("number in the name", 400, func(m marker) map[string]string { return map[string]string{"card[name]": m.name + " " + m.number} }),
		form("number in the street", 400, func(m marker) map[string]string { return map[string]string{"card[street1]": m.number} }),
		form("number in the email", 400, func(m marker) map[string]string { return map[string]string{"card[email]": m.number + "@example.com"} }),
		form("number in an unknown field", 200, func(m marker) map[string]string { return map[string]string{"description": m.number} }),
		body("broken json", 400, jsonType, func(m marker) string { return m.json(m.number + `"`) }),
		body("json with a tail", 400, jsonType, func(m marker) string { return m.json(m.number) + m.number }),
		body("json duplicate", 400, jsonType, func(m marker) string { return `{"card":{"number":` + m.number + `,"number":"` + m.number + `"}}` }),
		body("json array", 400, jsonType, func(m marker) string { return `[` + m.number + `]` }),
		body("json card as number", 400, jsonType, func(m marker) string { return `{"card":` + m.number + `}` }),
		body("json wrong type", 400, jsonType, func(m marker) string { return m.json(`["` + m.number + `"]`) }),
		body("invalid utf-8", 400, formType, func(m marker) string { return m.form(nil) + "&x=%ff" + m.number }),
		body("duplicate form name", 400, formType, func(m marker) string { return m.form(nil) + "&card[number]=" + m.number }),
		body("bad escape", 400, formType, func(m marker) string { return "card[number]=" + m.number + "%zz" }),
		body("text", 400, "text/plain", func(m marker) string { return m.number + " " + m.code }),
		body("no content type", 400, "", func(m marker) string { return m.form(nil) }),
		body("too large", 413, formType, func(m marker) string { return m.form(nil) + "&pad=" + strings.Repeat(m.number, 5000) }),
		inHead("query", 400, func(r *http.Request, m marker) { r.URL.RawQuery = "card[number]=" + m.number }),
		inHead("encoded query", 400, func(r *http.Request, m marker) {
			r.URL.RawQuery = "x=" + string(spellings(m.number)["percent-encoded"])
		}),
		inHead("path", 404, func(r *http.Request, m marker) { r.URL.Path = "/tokens/" + m.number }),
		inHead("unknown path", 404, func(r *http.Request, m marker) { r.URL.Path = "/" + m.number + "/x" }),
		inHead("get path", 404, func(r *http.Request, m marker) {
			r.Method, r.URL.Path, r.Body, r.ContentLength = http.MethodGet, "/tokens/tokn_test_"+m.number, nil, 0
		}),
		edit("get with a body", 404, func(r *http.Request, m marker) { r.Method, r.URL.Path = http.MethodGet, "/tokens/nothing" }),
		edit("delete", 404, func(r *http.Request, m marker) { r.Method = http.MethodDelete }),
		inHead("method", 0, func(r *http.Request, m marker) { r.Method = "X" + m.number }),
		edit("wrong key", 401, func(r *http.Request, m marker) { r.SetBasicAuth("pkey_test_0000000000000000000", "") }),
		inHead("secret key", 401, func(r *http.Request, m marker) { r.SetBasicAuth("skey_test_"+m.number+"000", "") }),
		inHead("number as the key", 401, func(r *http.Request, m marker) { r.SetBasicAuth(m.number, m.number) }),
		inHead("garbled key", 401, func(r *http.Request, m marker) { r.Header.Set("Authorization", "Basic "+m.number+"!") }),
		inHead("number in headers", 200, func(r *http.Request, m marker) {
			r.Header.Set("User-Agent", "client/"+m.number)
			r.Header.Set("Cookie", "pan="+m.number)
			r.Header.Set("Referer", "http://shop.example/?pan="+m.number)
			r.Header.Set("X-Request-Id", m.number)
			r.Header.Set("X-Forwarded-For", m.number)
			r.Header.Set("Omise-Version", m.number)
			r.Header.Set("Idempotency-Key", m.number)
		}),
		inHead("large headers", 413, func(r *http.Request, m marker) { r.Header.Set("X-Pad", strings.Repeat(m.number, 600)) }),
		inHead("preflight", 204, func(r *http.Request, m marker) { r.Method = http.MethodOptions; r.Header.Set("Origin", m.number) }),
		edit("chunked", 200, func(r *http.Request, m marker) { r.ContentLength, r.TransferEncoding = -1, []string{"chunked"} }),
	}
}

func TestNothingLeaks(t *testing.T) {
	l := startLeakTarget(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	var markers []marker
	for round := range 2 { // twice, so that reused buffers and connections are seen
		for _, c := range leakCases() {
			m := newMarker(r, fmt.Sprintf("%s, round %d", c.name, round))
			m.head = c.head
			markers = append(markers, m)
			out := l.send(t, c.name, c.req(l, m), c.status)
			if c.status == 200 {
				l.token = field(t, out, "id")
				l.readBack(t, l.token)
			}
		}
		markers = append(markers, l.abandon(t, newMarker(r, "upload cut off")), l.pipeline(t, newMarker(r, "pipelined")))
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
		for what, secret := range map[string]string{"public key": l.public, "secret key": l.secret, "operator key": l.operator} {
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

// searchMemory looks through every readable page of the server. Only root may;
// for anybody else the refusal is what is tested. A number that a register or a
// buffer holds at the moment of one look is not kept; one that is still there
// after more requests is.
func (l *leakTarget) searchMemory(t *testing.T, markers []marker) {
	t.Helper()
	if os.Geteuid() != 0 {
		if _, err := os.Open(l.proc("mem")); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("memory opens for its own user (%v); the process is dumpable", err)
		}
		return
	}
	kept := l.memoryHolds(t, markers)
	for range 2 {
		if len(kept) == 0 {
			return
		}
		for range 50 {
			l.readBack(t, l.token)
		}
		again := l.memoryHolds(t, markers)
		for place := range kept {
			if _, ok := again[place]; !ok {
				delete(kept, place)
			}
		}
	}
	for place, what := range kept {
		t.Errorf("memory at %x holds the number of %s", place, what)
	}
}

func (l *leakTarget) proc(file string) string {
	return filepath.Join("/proc", strconv.Itoa(l.cmd.Process.Pid), file)
}

// memoryHolds finds numbers in the memory of the stopped server: the path of
// each by its address, with what stands around it.
func (l *leakTarget) memoryHolds(t *testing.T, markers []marker) map[uint64]string {
	t.Helper()
	if err := l.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.cmd.Process.Signal(syscall.SIGCONT) }()
	mem, err := os.Open(l.proc("mem"))
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	maps, err := os.ReadFile(l.proc("maps"))
	if err != nil {
		t.Fatal(err)
	}
	region := regexp.MustCompile(`(?m)^([0-9a-f]+)-([0-9a-f]+) rw\S* \S+ \S+ \S+ *(.*)$`)
	found, searched := make(map[uint64]string), 0
	for _, m := range region.FindAllStringSubmatch(string(maps), -1) {
		from, errFrom := strconv.ParseUint(m[1], 16, 63)
		to, errTo := strconv.ParseUint(m[2], 16, 63)
		if errFrom != nil || errTo != nil {
			t.Fatalf("region %q", m[0])
		}
		page := make([]byte, to-from)
		n, _ := mem.ReadAt(page, int64(from)) // a guard page ends it early
		searched += n
		for _, mk := range markers {
			if mk.head {
				continue // net/http keeps strings of heads: SECURITY.md, known limits
			}
			for at := 0; ; at += len(mk.number) {
				i := bytes.Index(page[at:n], []byte(mk.number))
				if i < 0 {
					break
				}
				at += i
				around := bytes.Trim(page[max(0, at-80):min(n, at+120)], "\x00")
				found[from+uint64(at)] = fmt.Sprintf("%s: %q", mk.path, around)
			}
		}
	}
	if searched < 1<<20 {
		t.Fatalf("searched %d bytes of memory; the search is broken", searched)
	}
	return found
}
