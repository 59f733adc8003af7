package kms_test

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/panvault/panvault/kms"
)

// vmFlags reads the kernel's flags of the mapping that holds b.
func vmFlags(t *testing.T, b []byte) string {
	t.Helper()
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	addr := uint64(uintptr(unsafe.Pointer(&b[0])))
	inside := false
	for line := range strings.Lines(string(smaps)) {
		first, rest, _ := strings.Cut(line, " ")
		if from, to, ok := strings.Cut(first, "-"); ok {
			lo, err1 := strconv.ParseUint(from, 16, 64)
			hi, err2 := strconv.ParseUint(to, 16, 64)
			inside = err1 == nil && err2 == nil && lo <= addr && addr < hi
		}
		if inside && first == "VmFlags:" {
			return " " + strings.TrimSpace(rest) + " "
		}
	}
	t.Fatalf("no mapping holds %x", addr)
	return ""
}

func TestLockedBufferKernelFlags(t *testing.T) {
	b := newLocked(t, 32)
	flags := vmFlags(t, b.Bytes())
	if !strings.Contains(flags, " dd ") {
		t.Errorf("VmFlags %q: no dd, the buffer would be in a core dump", flags)
	}
	if !strings.Contains(flags, " wf ") {
		t.Errorf("VmFlags %q: no wf, a forked child would have it", flags)
	}
	if got := strings.Contains(flags, " lo "); got != b.Locked() {
		t.Errorf("Locked() = %v, the kernel says %v (%q)", b.Locked(), got, flags)
	}
}

// TestLockedBufferWithoutLimit runs itself as a child that may lock nothing.
func TestLockedBufferWithoutLimit(t *testing.T) {
	const child = "KMS_TEST_NO_MEMLOCK"
	if os.Getenv(child) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestLockedBufferWithoutLimit$", "-test.count=1")
		cmd.Env = append(os.Environ(), child+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("child: %v\n%s", err, out)
		}
		return
	}
	dropIPCLock(t)
	if err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{}); err != nil {
		t.Fatal(err)
	}
	b, err := kms.NewLockedBuffer(32)
	if err != nil {
		t.Fatal(err)
	}
	if b.Locked() || strings.Contains(vmFlags(t, b.Bytes()), " lo ") {
		t.Error("the buffer is locked, though nothing may be locked")
	}
	copy(b.Bytes(), "still works")
	b.Destroy()
}

// dropIPCLock gives up, for this thread, root's right to exceed the limit.
func dropIPCLock(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&head, &data[0]); err != nil {
		t.Fatal(err)
	}
	data[0].Effective &^= 1 << unix.CAP_IPC_LOCK
	if err := unix.Capset(&head, &data[0]); err != nil {
		t.Fatal(err)
	}
}
