package main

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"
)

// attempt is one request of a stream and what came of it.
type attempt struct {
	card  testCard
	sent  time.Time // when all of it had left; zero if that never was
	reply reply
	err   error
}

func (s *server) attempt(client *http.Client) attempt {
	a := attempt{card: drawCard()}
	ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			if info.Err == nil {
				a.sent = time.Now()
			}
		},
	})
	a.reply, a.err = request(ctx, client, http.MethodPost, s.URL+"/tokens", s.PublicKey, a.card.form())
	if a.err == nil {
		a.reply.documented(s.t)
	}
	return a
}

// stream creates tokens over n connections, one request after the other on
// each, until stop is called; stop returns everything that was tried. A worker
// ends by itself when its request is not answered.
func (s *server) stream(n int) (tried func() int, stop func() []attempt) {
	var mu sync.Mutex
	var all []attempt
	var workers sync.WaitGroup
	done := make(chan struct{})
	for range n {
		workers.Go(func() {
			transport := &http.Transport{MaxConnsPerHost: 1}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport, Timeout: patience}
			for {
				select {
				case <-done:
					return
				default:
				}
				a := s.attempt(client)
				mu.Lock()
				all = append(all, a)
				mu.Unlock()
				if a.err != nil {
					return
				}
			}
		})
	}
	tried = func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(all)
	}
	return tried, func() []attempt {
		close(done)
		workers.Wait()
		return all
	}
}
