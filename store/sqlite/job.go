package sqlite

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
)

const (
	queued int32 = iota
	started
	cancelled
)

// job is one Update on its way through the writer. Until done is closed its
// result belongs to the writer, after that to the caller.
type job struct {
	ctx   context.Context
	fn    func(*session) error
	state atomic.Int32 // queued, then started by the writer or cancelled by either
	done  chan struct{}

	err      error // of fn, or of the commit
	panicked bool
	value    any  // of the panic
	exited   bool // fn called runtime.Goexit
}

func newJob(ctx context.Context, fn func(*session) error) *job {
	return &job{ctx: ctx, fn: fn, done: make(chan struct{})}
}

// wait returns when the outcome is known: at once if ctx ends before the
// closure starts, else after the commit. A panic of the closure, or its
// runtime.Goexit, goes on in the caller's goroutine.
func (j *job) wait() error {
	select {
	case <-j.done:
	case <-j.ctx.Done():
		if j.state.CompareAndSwap(queued, cancelled) {
			return notStarted(j.ctx)
		}
		<-j.done
	}
	if j.panicked {
		panic(j.value)
	}
	if j.exited {
		runtime.Goexit()
	}
	return j.err
}

// start claims the job for the writer, unless its caller has gone. A job that
// has run and kept its writes may be started again after they were undone.
func (j *job) start() bool {
	if j.state.Load() == started {
		return j.keeps()
	}
	if j.ctx.Err() != nil {
		j.state.CompareAndSwap(queued, cancelled)
		j.err = notStarted(j.ctx)
		return false
	}
	return j.state.CompareAndSwap(queued, started)
}

// call runs the closure. It does not return if the closure exits the
// goroutine, but has recorded it by then.
func (j *job) call(s *session) {
	returned := false
	defer func() {
		s.end()
		if returned {
			return
		}
		if value := recover(); value != nil {
			j.panicked, j.value = true, value
			return
		}
		j.exited = true
	}()
	j.err = j.fn(s)
	returned = true
}

// keeps reports whether the writes of a closure that has run are to stay.
func (j *job) keeps() bool { return j.err == nil && !j.panicked }

// answer tells the caller the outcome; err is that of the whole group.
func (j *job) answer(err error) {
	if j.err == nil {
		j.err = err
	}
	close(j.done)
}

func notStarted(ctx context.Context) error {
	return fmt.Errorf("sqlite: update not started: %w", ctx.Err())
}
