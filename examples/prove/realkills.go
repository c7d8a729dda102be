package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/sqlite"
	"github.com/rollmend/rollmend/adapters/storetest"
	brokenstores "github.com/rollmend/rollmend/adapters/storetest/broken"
)

// realKills kills processes that write to SQLite: this program again, which
// main hands to storetest.Serve.
var realKills = kills{loop: killLoop, control: killControl}

// early is in front of the place of a store that acknowledges before it
// commits.
const early = "early:"

// openKilled opens the store of a process that is to be killed.
func openKilled(ctx context.Context, p *storetest.Process) (adapters.Store, error) {
	path, tooEarly := strings.CutPrefix(p.Place, early)
	s, err := sqlite.OpenFile(ctx, path)
	if err != nil || !tooEarly {
		return s, err
	}
	return brokenstores.AcknowledgesEarly(s), nil
}

// killPlaces makes places in folders of their own.
func killPlaces(prefix string) storetest.NewPlace {
	return func() (string, func() error, error) {
		dir, err := os.MkdirTemp("", "rollmend-kills-")
		if err != nil {
			return "", nil, err
		}
		return prefix + filepath.Join(dir, "fleet.db"), func() error { return os.RemoveAll(dir) }, nil
	}
}

// killLanes is how many loops of kills run at once: most of a process's time is
// spent waiting for the disk.
const killLanes = 4

// killLoop shares the seeds among lanes.
func killLoop(ctx context.Context, seed, n uint64) (all storetest.KillReport, err error) {
	var mu sync.Mutex
	var lanes sync.WaitGroup
	each := (n + killLanes - 1) / killLanes
	for from := seed; from < seed+n; from += each {
		lanes.Go(func() {
			r, failed := storetest.Kills(ctx, killPlaces(""), from, int(min(each, seed+n-from)))
			mu.Lock()
			defer mu.Unlock()
			all.Kills += r.Kills
			all.Early += r.Early
			all.Acknowledged += r.Acknowledged
			all.Beyond += r.Beyond
			if failed != nil && err == nil {
				err = failed
			}
		})
	}
	lanes.Wait()
	var lost *storetest.LossError
	if errors.As(err, &lost) {
		err = &violation{
			what:   lost.Error(),
			replay: fmt.Sprintf("go run ./examples/prove -only kills -state $(mktemp -d) -seed %d", (seed-1)/seedsPerRange+1),
		}
	}
	return all, err
}

// controlKills is how many kills a loss may take to show: one in three shows it.
const controlKills = 100

// killControl reports whether the loss of a store is seen that acknowledges
// before it commits.
func killControl(ctx context.Context, seed uint64) (seen bool, err error) {
	_, err = storetest.Kills(ctx, killPlaces(early), seed, controlKills)
	var lost *storetest.LossError
	if errors.As(err, &lost) {
		return true, nil
	}
	return false, err
}
