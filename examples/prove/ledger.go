package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// ledger is what a part has done on one commit, over all runs.
type ledger struct {
	Commit  string            `json:"commit"`
	Seeds   []span            `json:"seeds,omitempty"`
	Counts  map[string]uint64 `json:"counts,omitempty"` // nearly all only grow
	Facts   map[string]string `json:"facts,omitempty"`  // the newest word on each thing
	Took    time.Duration     `json:"took"`             // in nanoseconds, of all runs
	Machine string            `json:"machine"`
	Broken  string            `json:"broken,omitempty"` // the newest violation, and how to see it again
}

// span is seeds that were used, both ends included.
type span struct{ First, Last uint64 }

func (l *ledger) span(first uint64) *span {
	i := slices.IndexFunc(l.Seeds, func(s span) bool { return s.First == first })
	if i < 0 {
		return nil
	}
	return &l.Seeds[i]
}

func (l *ledger) add(what string, n uint64) {
	if l.Counts == nil {
		l.Counts = map[string]uint64{}
	}
	l.Counts[what] += n
}

// raise keeps the greatest number that was seen.
func (l *ledger) raise(what string, n uint64) {
	if n > l.Counts[what] {
		l.add(what, n-l.Counts[what])
	}
}

func (l *ledger) note(thing, word string) {
	if l.Facts == nil {
		l.Facts = map[string]string{}
	}
	l.Facts[thing] = word
}

// seeds says which seeds were used.
func (l *ledger) seeds() string {
	var spans []string
	for _, s := range l.Seeds {
		spans = append(spans, fmt.Sprintf("%d to %d", s.First, s.Last))
	}
	return strings.Join(spans, ", ")
}

// ledgers are the files of one commit's ledgers, in a folder beside those of
// other commits.
type ledgers struct {
	dir   string
	wrote map[string][]byte // by part: what its file holds, as far as this process knows
}

func newLedgers(state, commit string) *ledgers {
	return &ledgers{dir: filepath.Join(state, commit), wrote: map[string][]byte{}}
}

func (ls *ledgers) commit() string { return filepath.Base(ls.dir) }

// open reads a part's ledger, an empty one where there is none.
func (ls *ledgers) open(name string) (*ledger, error) {
	l := &ledger{Commit: ls.commit()}
	b, err := os.ReadFile(ls.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		ls.wrote[name] = nil
		return l, nil
	}
	if err == nil {
		err = json.Unmarshal(b, l)
	}
	if err != nil {
		return nil, fmt.Errorf("the state of %s: %w; move it away to begin anew", name, err)
	}
	ls.wrote[name] = b
	return l, nil
}

// save keeps a part's ledger: the old one or the new one is there, whenever the
// process ends. It refuses to write over what another process wrote meanwhile:
// both would count the same seeds.
func (ls *ledgers) save(name string, l *ledger) error {
	b, err := json.MarshalIndent(l, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(ls.dir, 0o755); err != nil {
		return err
	}
	was, err := os.ReadFile(ls.path(name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !bytes.Equal(was, ls.wrote[name]) {
		return fmt.Errorf("another run writes to %s: let one end, or give this one another -state", ls.path(name))
	}
	temp := ls.path(name) + ".new"
	if err := os.WriteFile(temp, b, 0o644); err != nil {
		return err
	}
	ls.wrote[name] = b
	return os.Rename(temp, ls.path(name))
}

// newest reads a part's ledger of this commit, or, where nothing was done on
// it, of the newest of the commits before it on which something was. They are
// given newest first; where there is none the ledger is empty.
func (ls *ledgers) newest(name string, before []string) (*ledger, error) {
	state := filepath.Dir(ls.dir)
	for _, commit := range append([]string{ls.commit()}, before...) {
		l, err := newLedgers(state, commit).open(name)
		if err != nil || l.Took > 0 {
			return l, err
		}
	}
	return &ledger{Commit: ls.commit()}, nil
}

func (ls *ledgers) path(name string) string { return filepath.Join(ls.dir, name+".json") }
