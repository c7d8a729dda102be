package storetest

import (
	"cmp"
	"flag"
	"fmt"
	"testing"
)

// Effort says how much is tried in the cases that take as many tries as they
// are given. The zero value is a quick run: what a change needs before it
// lands.
type Effort struct {
	Histories int    // 0: [QuickHistories]
	Kills     int    // of processes; 0: [QuickKills]
	Seed      uint64 // the first; 0: 1. The others follow it.
}

const (
	QuickHistories = 40 // histories where an effort says nothing: about a second on a disk
	QuickKills     = 8  // processes killed where an effort says nothing: likewise
)

// EffortFlags declares flags of the test's program for an effort, which are
// read when the tests run:
//
//	var effort = storetest.EffortFlags()
//
//	go test -run TestStore -storetest.histories=10000 -storetest.kills=3000 -storetest.seed=7
func EffortFlags() *Effort {
	e := new(Effort)
	flag.IntVar(&e.Histories, "storetest.histories", 0, "how many histories of clients at once; 0: a few")
	flag.IntVar(&e.Kills, "storetest.kills", 0, "how many processes to kill; 0: a few")
	flag.Uint64Var(&e.Seed, "storetest.seed", 0, "the first seed of both; 0: 1")
	return e
}

func (e Effort) histories() int { return cmp.Or(e.Histories, QuickHistories) }
func (e Effort) kills() int     { return cmp.Or(e.Kills, QuickKills) }
func (e Effort) seed() uint64   { return cmp.Or(e.Seed, 1) }

// replay is the command that tries a seed again.
func (e Effort) replay(t testing.TB, what string, seed uint64, n int) string {
	return fmt.Sprintf("again, with the flags of EffortFlags: go test -run '^%s$' -storetest.%s=%d -storetest.seed=%d", t.Name(), what, n, seed)
}
