package main

import (
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

// ledgers are the files of one commit's ledgers.
type ledgers struct{ dir string }

// open reads a part's ledger, an empty one where there is none.
func (ls ledgers) open(name string) (*ledger, error) {
	l := &ledger{}
	b, err := os.ReadFile(ls.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err == nil {
		err = json.Unmarshal(b, l)
	}
	if err != nil {
		return nil, fmt.Errorf("the state of %s: %w; move it away to begin anew", name, err)
	}
	return l, nil
}

// save keeps a part's ledger: the old one or the new one is there, whenever the
// process ends.
func (ls ledgers) save(name string, l *ledger) error {
	b, err := json.MarshalIndent(l, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(ls.dir, 0o755); err != nil {
		return err
	}
	temp := ls.path(name) + ".new"
	if err := os.WriteFile(temp, b, 0o644); err != nil {
		return err
	}
	return os.Rename(temp, ls.path(name))
}

func (ls ledgers) path(name string) string { return filepath.Join(ls.dir, name+".json") }
