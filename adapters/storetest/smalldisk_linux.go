package storetest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Disk is a small file system that nothing but a test uses.
type Disk struct {
	Dir string // where it is mounted
}

// diskSize is that of a small disk: enough for an empty store of any kind and
// for the case of a full place. diskLeft is what Fill leaves of it.
const (
	diskSize = "size=24m"
	diskLeft = 256 << 10
)

// diskVariable carries the folder to the process that mounts there. cannotMount
// is how that process ends where it is not allowed to.
const (
	diskVariable = "ROLLMEND_STORETEST_DISK"
	cannotMount  = 77
)

// OnSmallDisk runs the calling test, which must be one that the go command can
// name, in a process of its own that has a small file system to itself, and
// calls check there. It is a real one (tmpfs): what does not fit is refused by
// the system (ENOSPC). Nobody else sees it, and it ends with the process.
//
// It takes Linux, and root or leave to make user namespaces; elsewhere the test
// is skipped, and says so.
func OnSmallDisk(t *testing.T, check func(t *testing.T, d Disk)) {
	if dir := os.Getenv(diskVariable); dir != "" {
		mount(dir)
		check(t, Disk{dir})
		return
	}
	cmd := exec.Command(os.Args[0], "-test.v", "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), diskVariable+"="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) || cmd.ProcessState.ExitCode() == cannotMount {
		t.Skipf("nobody may mount a small file system here: %v: %s", err, out)
	}
	require.NoError(t, err, "%s", out)
	t.Logf("%s", out)
}

// mount mounts an empty file system, in this process's own view alone.
func mount(dir string) {
	err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "")
	if err == nil {
		err = syscall.Mount("tmpfs", dir, "tmpfs", 0, diskSize)
	}
	if err != nil {
		os.Exit(cannotMount)
	}
}

// Fill takes the room away that is left, but for a little, as [Fixture.Fill]
// wants it.
func (d Disk) Fill(t testing.TB) (giveBack func()) {
	var s syscall.Statfs_t
	require.NoError(t, syscall.Statfs(d.Dir, &s))
	free := int64(s.Bavail) * s.Bsize
	require.Greater(t, free, int64(diskLeft), "the disk is full already")
	ballast := filepath.Join(d.Dir, "ballast")
	require.NoError(t, os.WriteFile(ballast, make([]byte, free-diskLeft), 0o600))
	return func() { require.NoError(t, os.Remove(ballast)) }
}
