package host_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/examples/recovery/host"
)

// inFolder names the folder, and what is done in it, when the test's own
// program is run as somebody who may write there and not read.
const inFolder, inFolderDo = "ROLLMEND_TEST_FOLDER", "ROLLMEND_TEST_DO"

// nobody is who the test's own program becomes where it runs as root, whom no
// permission keeps from reading: any id but 0 will do.
const nobody = 65534

// A folder has to be opened to be synced. Where it may be written to and not
// be read, files can be made and renamed in it, and that is not enough.
func TestAFolderThatCannotBeSyncedIsAnError(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	for _, what := range []string{"open", "boot"} {
		for mode, fails := range map[os.FileMode]bool{0o300: true, 0o700: false} {
			top, err := os.MkdirTemp("", "rollmend")
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, os.RemoveAll(top)) })
			require.NoError(t, os.Chmod(top, 0o755))
			folder := filepath.Join(top, "host")
			require.NoError(t, os.Mkdir(folder, 0o700))
			require.NoError(t, host.Folder(folder).Make())
			if os.Geteuid() == 0 {
				require.NoError(t, filepath.Walk(folder, func(path string, _ os.FileInfo, _ error) error {
					return os.Chown(path, nobody, nobody)
				}))
			}
			require.NoError(t, os.Chmod(folder, mode))
			cmd := exec.Command(self)
			cmd.Env = append(os.Environ(), inFolder+"="+folder, inFolderDo+"="+what)
			said, err := cmd.CombinedOutput()
			require.NoError(t, os.Chmod(folder, 0o700))
			require.Equal(t, fails, err != nil, "%s in a folder of mode %o: %s", what, mode, said)
			if fails {
				require.Contains(t, string(said), "permission denied")
			}
		}
	}
}

// A device that swallows everything can be written to and not be synced. A file
// that stands on one was never on a disk, and must not take the old one's place.
func TestAFileThatCannotBeSyncedDoesNotTakeThePlaceOfTheOldOne(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, host.Folder(folder).Make())
	require.NoError(t, host.Folder(folder).Boot("first"))
	require.NoError(t, os.Symlink(os.DevNull, filepath.Join(folder, "boot-id.new")))
	require.ErrorIs(t, host.Folder(folder).Boot("second"), syscall.EINVAL)
	require.Equal(t, "first", host.Folder(folder).BootID())
}

// work does what it is told in a folder, as somebody whom permissions bind.
func work(folder, what string) error {
	if os.Geteuid() == 0 {
		if err := syscall.Setuid(nobody); err != nil {
			return err
		}
	}
	if what == "boot" {
		return host.Folder(folder).Boot("second")
	}
	j, err := host.OpenJournal(host.Folder(folder).JournalPath())
	if err != nil {
		return err
	}
	return j.Close()
}

func init() {
	if folder := os.Getenv(inFolder); folder != "" {
		if err := work(folder, os.Getenv(inFolderDo)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
}
