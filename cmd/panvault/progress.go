package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// progress tells on standard error how far long work has come: a bar on a
// terminal, a line of JSON every few seconds otherwise.
type progress struct {
	w        io.Writer
	terminal bool
	what     string
	total    int64 // 0: not known
	began    time.Time
	before   int64 // done before this run
	shown    time.Time
	width    int // of the bar that is on the terminal
}

const (
	barEvery  = 200 * time.Millisecond
	lineEvery = 5 * time.Second
	barWidth  = 30
)

// newProgress starts to measure; what names the unit, like "cards".
func (c *cli) newProgress(what string, total, before int64) *progress {
	file, ok := c.stderr.(*os.File)
	now := time.Now()
	return &progress{
		w: c.stderr, terminal: ok && term.IsTerminal(int(file.Fd())), what: what,
		total: total, before: before, began: now, shown: now,
	}
}

// at says that done of total are behind, and count things made of them.
func (p *progress) at(done, count int64) {
	every := lineEvery
	if p.terminal {
		every = barEvery
	}
	if time.Since(p.shown) < every {
		return
	}
	p.shown = time.Now()
	p.show(done, count)
}

// show writes the bar or the line now.
func (p *progress) show(done, count int64) {
	seconds := max(time.Since(p.began).Seconds(), 0.001)
	rate := float64(count-p.before) / seconds
	if !p.terminal {
		fmt.Fprintf(p.w, `{"progress":%q,"done":%d,"total":%d,"count":%d,"per_second":%.0f}`+"\n", p.what, done, p.total, count, rate)
		return
	}
	text := fmt.Sprintf("%d %s, %.0f a second", count, p.what, rate)
	if p.total > 0 {
		filled := int(min(done, p.total) * barWidth / p.total)
		text = fmt.Sprintf("[%s%s] %3d%%  %s", strings.Repeat("#", filled), strings.Repeat(".", barWidth-filled), min(done, p.total)*100/p.total, text)
	}
	fmt.Fprintf(p.w, "\r%-*s", p.width, text)
	p.width = len(text)
}

// end removes the bar.
func (p *progress) end() {
	if p.terminal && p.width > 0 {
		fmt.Fprintf(p.w, "\r%-*s\r", p.width, "")
	}
}
