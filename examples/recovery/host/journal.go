package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/rollmend/rollmend/agent"
)

// Journal is the agent's durable memory, its queue of reports included: what
// was kept is there when the next process starts, however this one ends.
type Journal struct {
	path    string
	lines   *Lines
	entries agent.Journal
	written int // lines in the file
}

// compactAt is how many more lines than entries a journal may have before it
// is written anew: each heartbeat replaces an entry, and a day has many.
const compactAt = 500

// OpenJournal opens or creates a journal.
func OpenJournal(path string) (*Journal, error) {
	// A new file that was not renamed yet holds nothing that the old one lacks.
	if err := os.Remove(path + ".new"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("host: %w", err)
	}
	lines, found, err := OpenLines(path)
	if err != nil {
		return nil, err
	}
	j := &Journal{path: path, lines: lines, written: len(found)}
	for i, line := range found {
		op, err := decodeOp(line)
		if err != nil {
			lines.Close()
			return nil, fmt.Errorf("host: %s, line %d: %w", path, i+1, err)
		}
		j.entries = op.on(j.entries)
	}
	return j, nil
}

// Entries returns everything that was kept and not forgotten.
func (j *Journal) Entries() []agent.Entry { return j.entries }

// Keep stores an entry in place of the one with its slot. It is on the disk
// when Keep returns.
func (j *Journal) Keep(e agent.Entry) error { return j.do(op{Keep: e}) }

// Forget removes an entry.
func (j *Journal) Forget(s agent.Slot) error { return j.do(op{Forget: s}) }

// Close closes the file.
func (j *Journal) Close() error { return j.lines.Close() }

func (j *Journal) do(o op) error {
	line, err := encodeOp(o)
	if err != nil {
		return err
	}
	if err := j.lines.Append(line); err != nil {
		return err
	}
	j.entries = o.on(j.entries)
	j.written++
	if j.written > len(j.entries)+compactAt {
		return j.compact()
	}
	return nil
}

// compact writes the entries into a new file and puts it in the old one's
// place.
func (j *Journal) compact() error {
	var b []byte
	for _, e := range j.entries {
		line, err := encodeOp(op{Keep: e})
		if err != nil {
			return err
		}
		b = frame(b, line)
	}
	if err := writeDurably(j.path, b); err != nil {
		return fmt.Errorf("host: %w", err)
	}
	lines, _, err := OpenLines(j.path)
	if err != nil {
		return err
	}
	if err := j.lines.Close(); err != nil {
		return fmt.Errorf("host: %w", err)
	}
	j.lines, j.written = lines, len(j.entries)
	return nil
}
