package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// witness is a store that also writes down what was committed, in the order in
// which it was: every change of a record's state.
type witness struct {
	adapters.Store
	file *os.File
}

// witnessed is one change of state. Case is empty where it was reported.
type witnessed struct {
	Host    states.Host
	Rollout string
	From    string
	To      string
	Case    string `json:",omitempty"`
}

// Commit implements [adapters.Store].
func (w *witness) Commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	results, err := w.Store.Commit(ctx, changes)
	if err != nil {
		return results, err
	}
	var b []byte
	for i, change := range changes {
		if results[i].Err != nil {
			continue
		}
		for _, effects := range change.Effects {
			if effects.Transition.To == 0 {
				continue
			}
			line, err := json.Marshal(witnessOf(change, effects.Transition, effects.Entry.Event.Origin.Case))
			if err != nil {
				return results, fmt.Errorf("witness: %w", err)
			}
			b = append(append(b, line...), '\n')
		}
	}
	_, err = w.file.Write(b)
	return results, err
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

// openWitness puts a witness in front of a store.
func openWitness(store adapters.Store, path string) (*witness, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("witness: %w", err)
	}
	return &witness{Store: store, file: file}, nil
}

// readWitness reads everything that was ever committed, by whatever control
// plane.
func readWitness(path string) ([]witnessed, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("witness: %w", err)
	}
	var out []witnessed
	for line := range bytes.Lines(b) {
		var one witnessed
		if err := json.Unmarshal(line, &one); err != nil {
			return nil, fmt.Errorf("witness: %w", err)
		}
		out = append(out, one)
	}
	return out, nil
}
