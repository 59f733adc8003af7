package vault_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/panvault/panvault/vault"
)

// BenchmarkForward compares a forward with the same request sent straight to
// the processor, one connection each.
func BenchmarkForward(b *testing.B) {
	s := newTill(b)
	id := s.stored(b)
	var n atomic.Int64
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	defer client.CloseIdleConnections()
	straight := func() error {
		body := fmt.Sprintf(`{"reference":"b%d","amount":10000,"currency":"thb","card":{"number":"4242424242424242","expiration_month":12,"expiration_year":2040,"name":"X"}}`, n.Add(1))
		resp, err := client.Post(s.processor.URL+"/payments", "application/json", strings.NewReader(body))
		if err != nil {
			return err
		}
		return resp.Body.Close()
	}
	forward := func() error {
		_, err := s.Forward(b.Context(), s.secret, vault.ForwardRequest{Destination: "sandbox", Card: id, Fields: fieldsOf("10000")})
		return err
	}
	for _, parallel := range []int{1, 16} {
		for name, do := range map[string]func() error{"straight": straight, "forward": forward} {
			b.Run(fmt.Sprintf("%s/%d at once", name, parallel), func(b *testing.B) {
				b.SetParallelism(parallel)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if err := do(); err != nil {
							b.Error(err)
							return
						}
					}
				})
			})
		}
	}
}
