package host

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Folder is where a host lives on disk.
type Folder string

// Make creates the folder and what is in it.
func (f Folder) Make() error {
	for _, dir := range []string{string(f), f.holds(), string(f.Profile()), f.Profile().store()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("host: %w", err)
		}
	}
	return nil
}

// Profile returns the host's profile.
func (f Folder) Profile() Profile { return Profile(filepath.Join(string(f), "profile")) }

// JournalPath returns the path of the agent's journal.
func (f Folder) JournalPath() string { return filepath.Join(string(f), "journal") }

// DiaryPath returns the path of the host's diary.
func (f Folder) DiaryPath() string { return filepath.Join(string(f), "diary") }

// BootID reads the name of the boot that the host is in; empty where none was
// set.
func (f Folder) BootID() string {
	b, err := os.ReadFile(filepath.Join(string(f), "boot-id"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// Boot is what the firmware does when the host starts: it gives the boot a
// name and activates the closure that was staged for it, if any.
func (f Folder) Boot(id string) error {
	if err := writeDurably(filepath.Join(string(f), "boot-id"), []byte(id+"\n")); err != nil {
		return fmt.Errorf("host: %w", err)
	}
	return f.Profile().BootStaged()
}

// writeDurably replaces a file in one step: whoever reads it, after a power
// cut too, finds the old content or the new.
func writeDurably(path string, content []byte) error {
	temp := path + ".new"
	file, err := os.OpenFile(temp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return rename(temp, path)
}

// rename puts a file, folder or link in its place and makes that durable: the
// name is content of the folder, which is synced for itself.
func rename(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(to))
}

func syncFolder(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	err = dir.Sync()
	if closeErr := dir.Close(); err == nil {
		err = closeErr
	}
	return err
}
