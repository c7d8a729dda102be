package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// witness is a store that also writes down what is committed: every change of a
// record's state, before it is one and afterwards. Each process writes a file
// of its own.
type witness struct {
	adapters.Store
	file  *os.File
	tries atomic.Int64
}

// witnessed is one change of state. Case is empty where it was reported.
type witnessed struct {
	Host    states.Host
	Rollout string
	From    string
	To      string
	Case    string `json:",omitempty"`

	// began is when its commit did. A control plane that saw a change began a
	// commit that rests on it later than that, whoever made the change: so the
	// changes of several stand in the order of what rests on what.
	began   int64
	unknown bool // a kill came before the answer: it is stored, or it is not
}

// line is one of the witness's file: what a commit is about to change, or what
// became of it. Commits overlap, so both bear the number of the try.
type line struct {
	Try     int64
	Began   int64         `json:",omitempty"` // nanoseconds: machines' clocks count so, and all processes are on one
	Changes [][]witnessed `json:",omitempty"`
	Stored  []bool        `json:",omitempty"` // of each change; of an outcome alone
}

// Commit implements [adapters.Store].
func (w *witness) Commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	try := line{Try: w.tries.Add(1), Began: time.Now().UnixNano(), Changes: make([][]witnessed, len(changes))}
	for i, change := range changes {
		for _, effects := range change.Effects {
			if effects.Transition.To != 0 {
				try.Changes[i] = append(try.Changes[i], witnessOf(change, effects.Transition, effects.Entry.Event.Origin.Case))
			}
		}
	}
	if err := w.write(try); err != nil {
		return nil, err
	}
	results, err := w.Store.Commit(ctx, changes)
	out := line{Try: try.Try, Stored: make([]bool, len(changes))}
	for i := range results {
		out.Stored[i] = err == nil && results[i].Err == nil
	}
	if wrote := w.write(out); wrote != nil {
		return results, cmp.Or(err, wrote)
	}
	return results, err
}

func (w *witness) write(l line) error {
	b, err := json.Marshal(l)
	if err == nil {
		_, err = w.file.Write(append(b, '\n'))
	}
	if err != nil {
		return fmt.Errorf("witness: %w", err)
	}
	return nil
}

func witnessOf(change adapters.Change, t reducer.Transition, kase states.Case) witnessed {
	out := witnessed{
		Host: change.Record.Host, Rollout: change.Record.Rollout.String(),
		From: t.From.String(), To: t.To.String(),
	}
	if kase != 0 {
		out.Case = kase.String()
	}
	return out
}

// followed is a witness in front of a store that can be followed.
type followed struct {
	*witness
	adapters.Follower
}

// openWitness puts a witness in front of a store, which writes into a folder.
func openWitness(store adapters.Store, dir string) (adapters.Store, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("witness: %w", err)
	}
	file, err := os.CreateTemp(dir, "process-")
	if err != nil {
		return nil, fmt.Errorf("witness: %w", err)
	}
	w := &witness{Store: store, file: file}
	if follower, ok := store.(adapters.Follower); ok {
		return followed{w, follower}, nil
	}
	return w, nil
}

// readWitness reads everything that was ever committed, by whatever control
// plane, in the order in which the commits began.
func readWitness(dir string) ([]witnessed, error) {
	found, err := filepath.Glob(filepath.Join(dir, "process-*"))
	if err != nil {
		return nil, fmt.Errorf("witness: %w", err)
	}
	var out []witnessed
	for _, path := range found {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("witness: %w", err)
		}
		if out, err = appendCommitted(out, b); err != nil {
			return nil, fmt.Errorf("witness: %s: %w", filepath.Base(path), err)
		}
	}
	slices.SortStableFunc(out, func(a, b witnessed) int { return cmp.Compare(a.began, b.began) })
	return out, nil
}

// appendCommitted adds what one process wrote. A line that a kill cut off is as
// if it had not been written.
func appendCommitted(out []witnessed, content []byte) ([]witnessed, error) {
	var tries []line
	stored := map[int64][]bool{} // by the try
	whole := content[:bytes.LastIndexByte(content, '\n')+1]
	for text := range bytes.Lines(whole) {
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			return nil, err
		}
		if l.Stored != nil {
			stored[l.Try] = l.Stored
		} else {
			tries = append(tries, l)
		}
	}
	for _, try := range tries {
		became, known := stored[try.Try]
		for i, changes := range try.Changes {
			for _, one := range changes {
				if known && !became[i] {
					continue
				}
				one.began, one.unknown = try.Began, !known
				out = append(out, one)
			}
		}
	}
	return out, nil
}
