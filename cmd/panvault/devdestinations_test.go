package main

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/forward"
)

// carryOut sends a destination's request with a card and reads what became of it.
func carryOut(t *testing.T, d vault.Destination, number string, fields map[string]any) (*forward.Clean, forward.Outcome) {
	t.Helper()
	values, err := sampleValues(d, fields)
	if err != nil {
		t.Fatal(err)
	}
	if number != "" {
		if values.Number, err = card.NewPAN([]byte(number)); err != nil {
			t.Fatal(err)
		}
	}
	request, err := d.Endpoint.Render(values, rand.Reader)
	if err != nil {
		t.Fatalf("%s: %v", d.Use, err)
	}
	answer, err := forward.NewSender(resolver(), nil).Send(t.Context(), request, nil)
	if err != nil {
		t.Fatalf("%s: %v", d.Use, err)
	}
	defer answer.Wipe()
	clean, err := forward.Scrub(answer, forward.Secrets{Number: values.Number, Code: values.Code})
	if err != nil {
		t.Fatalf("%s: %v", d.Use, err)
	}
	return clean, forward.ReadOutcome(clean)
}

// TestDevProcessor: what a sandbox's destinations send is understood by its
// processor, and its answers are read right.
func TestDevProcessor(t *testing.T) {
	t.Parallel()
	s := startDev(t, ":temp:")
	cfg := config{Destinations: sandboxDestinations(s.ProcessorURL)}
	opened, err := cfg.openDestinations()
	if err != nil {
		t.Fatal(err)
	}
	by := make(map[vault.Use]vault.Destination)
	for _, d := range opened {
		by[d.Use] = d
	}
	order := map[string]any{"amount": json.Number("10000"), "currency": "thb"}
	later := map[string]any{"amount": json.Number("10000"), "currency": "thb", "capture": false}
	const good, poor, confirmed = "4242424242424242", "4111111111140011", "4000000000003063"
	for _, tt := range []struct {
		use    vault.Use
		number string
		fields map[string]any
		want   forward.Verdict
		code   string
	}{
		{vault.UseForward, good, order, forward.Approved, ""},
		{vault.UseForward, poor, order, forward.Declined, "insufficient_fund"},
		{vault.UseCharge, good, nil, forward.Approved, ""},
		{vault.UseCharge, poor, nil, forward.Declined, "insufficient_fund"},
		{vault.UseCharge, confirmed, nil, forward.Unknown, ""},
		{vault.UseCharge, good, sparseFields(vault.UseCharge), forward.Approved, ""},
		{vault.UsePayment, good, nil, forward.Approved, "INFO0000"},
		{vault.UsePayment, poor, nil, forward.Declined, "DECL0051"},
		{vault.UsePayment, good, sparseFields(vault.UsePayment), forward.Approved, "INFO0000"},
	} {
		clean, got := carryOut(t, by[tt.use], tt.number, tt.fields)
		if got.Verdict != tt.want || got.Code != tt.code || got.Reference == "" || strings.Contains(string(clean.Body), tt.number) {
			t.Errorf("%s with %s: %+v, want %v and %q: %s", tt.use, tt.number, got, tt.want, tt.code, clean.Body)
		}
	}

	_, charge := carryOut(t, by[vault.UseCharge], good, later)
	paid := map[string]any{"processor_reference": charge.Reference}
	for _, step := range []struct {
		use  vault.Use
		want forward.Verdict
	}{
		{vault.UseCapture, forward.Approved}, {vault.UseCapture, forward.Unknown}, // 409: captured already
		{vault.UseReverse, forward.Approved}, {vault.UseReverse, forward.Unknown},
	} {
		if clean, got := carryOut(t, by[step.use], "", paid); got.Verdict != step.want {
			t.Errorf("%s: %+v, want %v: %d %s", step.use, got, step.want, clean.Status, clean.Body)
		}
	}
	s.Stop()
	if _, err := net.Dial("tcp", strings.TrimPrefix(s.ProcessorURL, "http://")); err == nil {
		t.Error("the processor answers after the end of dev")
	}
	if strings.Contains(s.log.String(), good) {
		t.Error("the log holds a card number")
	}
}

// TestDevProcessorPortTaken: any free port will do unless one was asked for.
func TestDevProcessorPortTaken(t *testing.T) {
	if l, err := net.Listen("tcp", strings.TrimPrefix(sandboxProcessorURL, "http://")); err == nil { // else another has it
		defer l.Close()
	}
	c := &cli{stderr: io.Discard}
	p, err := c.startDevProcessor(devOptions{listen: "127.0.0.1:8440"})
	if err != nil {
		t.Fatal(err)
	}
	if p.url == sandboxProcessorURL {
		t.Errorf("the processor is at %s, which is taken", p.url)
	}
	if err := p.stop(); err != nil {
		t.Error(err)
	}
}

// TestDevShowsTheProcessor: people see where it is and how to reach it, and the
// commands for a sandbox work beside it.
func TestDevShowsTheProcessor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := launch(t, "dev", "--data", dir, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--processor-listen", "127.0.0.1:0")
	s.await("the text", func() bool { return strings.Contains(s.out.String(), "stop with Ctrl-C") })
	for _, want := range []string{"processor    http://127.0.0.1:", "/v1/forwards -u skey_test_", `'{"destination":"sandbox","card":"CARD","fields":{"amount":10000,"currency":"thb"}}'`} {
		if !strings.Contains(s.out.String(), want) {
			t.Errorf("dev does not show %s:\n%s", want, s.out.String())
		}
	}
	_, url, _ := strings.Cut(s.out.String(), "processor    ")
	url, _, _ = strings.Cut(url, ",")
	resp, err := http.Get(url + "/statistics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(text), "by_reference") {
		t.Errorf("%s/statistics: %d %s %v", url, resp.StatusCode, text, err)
	}
	if out, err := exec.Command("panvault", "doctor", "--data", dir).CombinedOutput(); err != nil {
		t.Errorf("doctor: %v\n%s", err, out)
	}
	if out, _ := command(t, 0, "forward", "check", "--data", dir, "sandbox-charge"); !strings.Contains(out, `"number": "************4242"`) {
		t.Errorf("forward check shows\n%s", out)
	}
	s.Stop()
}
