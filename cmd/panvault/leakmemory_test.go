package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
)

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
