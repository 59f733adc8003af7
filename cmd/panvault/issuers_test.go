package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestIssuerFile: answers have bank, financing and country of the longest
// range; SIGHUP reads the file again, and a broken one changes nothing.
func TestIssuerFile(t *testing.T) {
	t.Parallel()
	const header = "iin_start,iin_end,bank,financing,country\n"
	file := filepath.Join(t.TempDir(), "iin.csv")
	saveFile(t, file, header+"400000,499999,Any Bank,debit,us\n42424200,42424299,Bank of the Unbanked,credit,TH\n")
	in := install(t, "cards.iin_file", file)
	s := in.serve(in.config)
	issuer := func() [3]string {
		r := must(t, http.MethodPost, s.URL+"/tokens", s.PublicKey, testCard{"4242424242424242", "JOHN DOE", "123"}.form())
		var got struct {
			Card struct{ Bank, Financing, Country string }
		}
		r.decode(t, &got)
		return [3]string{got.Card.Bank, got.Card.Financing, got.Card.Country}
	}
	if got, want := issuer(), [3]string{"Bank of the Unbanked", "credit", "th"}; got != want {
		t.Errorf("at the start: %q, want %q", got, want)
	}
	for i, step := range []struct {
		content string
		logged  string
		want    [3]string
	}{
		{header + "424242,,Second Bank,prepaid,jp\n", "issuers reloaded", [3]string{"Second Bank", "prepaid", "jp"}},
		{header + "424242,,Broken Bank,gratis,jp\n", "issuers were not reloaded; the old ones stay", [3]string{"Second Bank", "prepaid", "jp"}},
		{header, "issuers reloaded", [3]string{"", "", ""}},
	} {
		saveFile(t, file, step.content)
		before := strings.Count(s.log.String(), step.logged)
		s.Signal(syscall.SIGHUP)
		s.await(step.logged, func() bool { return strings.Count(s.log.String(), step.logged) > before })
		if got := issuer(); got != step.want {
			t.Errorf("step %d: %q, want %q", i, got, step.want)
		}
	}
	s.Stop()
}
