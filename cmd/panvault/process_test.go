package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait of these tests; nothing is asserted about speed.
const patience = time.Minute

// server is a running panvault process.
type server struct {
	URL       string `json:"url"`
	AdminURL  string `json:"admin_url"`
	Merchant  string `json:"merchant"`
	PublicKey string `json:"public_key"`
	SecretKey string `json:"secret_key"`
	Data      string `json:"data"`

	ProcessorURL string `json:"processor_url"` // of dev

	PrivateURL string // "" when it has no listener of its own

	t      testing.TB
	cmd    *exec.Cmd
	out    transcript
	log    transcript
	exited chan struct{}
}

// transcript is what a process has written so far.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *transcript) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *transcript) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// launch starts panvault.
func launch(t testing.TB, args ...string) *server {
	t.Helper()
	return launchCommand(t, exec.Command("panvault", args...))
}

// launchCommand starts a server process, which ends with the test at the latest.
func launchCommand(t testing.TB, cmd *exec.Cmd) *server {
	t.Helper()
	s := &server{t: t, cmd: cmd, exited: make(chan struct{})}
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = s.cmd.Wait()
		close(s.exited)
	}()
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() || strings.Contains(s.log.String(), "DATA RACE") {
			text := s.log.String()
			t.Errorf("panvault %s wrote\n%s", strings.Join(cmd.Args[1:], " "), text[max(0, len(text)-6000):])
		}
	})
	return s
}

// startDev starts a sandbox on free ports and waits until it is ready.
func startDev(t testing.TB, data string, args ...string) *server {
	t.Helper()
	s := launch(t, append([]string{"dev", "--json", "--data", data, "--listen", "127.0.0.1:0"}, args...)...)
	s.awaitReady()
	return s
}

// awaitReady reads the one line of dev --json.
func (s *server) awaitReady() {
	s.t.Helper()
	s.await("the ready line", func() bool { return strings.HasSuffix(s.out.String(), "\n") })
	if err := json.Unmarshal([]byte(s.out.String()), s); err != nil {
		s.t.Fatalf("ready line %q: %v", s.out.String(), err)
	}
}

// startServe starts a configured server and waits until it serves.
func startServe(t testing.TB, config string, args ...string) *server {
	t.Helper()
	s := launch(t, append([]string{"serve", "--config", config}, args...)...)
	var serving struct{ Msg, API, Private, Admin string }
	s.await("its listeners", func() bool {
		return s.logged(func(line []byte) bool { return json.Unmarshal(line, &serving) == nil && serving.Msg == "serving" })
	})
	s.URL, s.AdminURL = "http://"+serving.API, "http://"+serving.Admin
	if serving.Private != "" {
		s.PrivateURL = "http://" + serving.Private
	}
	return s
}

// logged reports whether a line of the log is as wanted.
func (s *server) logged(want func([]byte) bool) bool {
	scan := bufio.NewScanner(strings.NewReader(s.log.String()))
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		if want(scan.Bytes()) {
			return true
		}
	}
	return false
}

// await polls until ok. It fails the test if the process ends first.
func (s *server) await(what string, ok func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
		select {
		case <-s.exited:
			s.t.Fatalf("panvault ended while the test waited for %s", what)
		default:
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// Signal sends a signal.
func (s *server) Signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatalf("send %v: %v", sig, err)
	}
}

// Wait waits for the process to end and returns its exit code.
func (s *server) Wait() int {
	s.t.Helper()
	select {
	case <-s.exited:
	case <-time.After(patience):
		s.t.Fatal("panvault does not end")
	}
	return s.cmd.ProcessState.ExitCode()
}

// Stop ends the process as a service manager does; its exit code must be 0.
func (s *server) Stop() {
	s.t.Helper()
	s.Signal(syscall.SIGTERM)
	if code := s.Wait(); code != 0 {
		s.t.Fatalf("exit code after SIGTERM is %d, want 0", code)
	}
}

// Kill ends the process without warning.
func (s *server) Kill() {
	_ = s.cmd.Process.Kill() // it may be gone
	<-s.exited
}
