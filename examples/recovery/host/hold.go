package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Hold names a moment at which a host can be made to wait, so that it can be
// killed there and nowhere else.
type Hold string

// The moments.
const (
	AfterSwitch    Hold = "after-switch"   // the new closure runs, nobody was told
	AfterRollback  Hold = "after-rollback" // the old closure runs again, nobody was told
	BeforeProbes   Hold = "before-probes"  // the probes do not answer
	BeforeReports  Hold = "before-reports" // heartbeats get out, reports do not
	holdPoll            = 10 * time.Millisecond
	holdMarkSuffix      = ".here"
)

// Set makes the host wait at a moment, from now on or no longer.
func (f Folder) Set(h Hold, on bool) error {
	path := filepath.Join(f.holds(), string(h))
	if on {
		return os.WriteFile(path, nil, 0o644)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("host: %w", err)
	}
	if err := os.Remove(path + holdMarkSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("host: %w", err)
	}
	return nil
}

// At reports whether the host waits at a moment now.
func (f Folder) At(h Hold) bool { return exists(filepath.Join(f.holds(), string(h)+holdMarkSuffix)) }

// Holds reports whether the host is to wait at a moment.
func (f Folder) Holds(h Hold) bool { return exists(filepath.Join(f.holds(), string(h))) }

// wait waits while the hold is set, and leaves a mark that it does.
func (f Folder) wait(ctx context.Context, h Hold) {
	marked := false
	for f.Holds(h) && ctx.Err() == nil {
		if !marked {
			marked = os.WriteFile(filepath.Join(f.holds(), string(h)+holdMarkSuffix), nil, 0o644) == nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(holdPoll):
		}
	}
}

func (f Folder) holds() string { return filepath.Join(string(f), "holds") }

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
