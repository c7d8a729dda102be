package host

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/rollmend/rollmend/states"
)

// Note is one line of a host's diary: something that really happened to it.
// Fields that do not apply are zero.
type Note struct {
	At      states.Time // the host's clock
	What    What
	Rollout string         `json:",omitempty"`
	Closure states.Closure `json:",omitempty"`

	// Of a report.
	Seq         states.Seq `json:",omitempty"`
	Kind        string     `json:",omitempty"`
	Disposition string     `json:",omitempty"`

	// Of a heartbeat.
	Order    states.Order `json:",omitzero"`
	SentAt   states.Time  `json:",omitempty"` // the host's clock
	Received states.Time  `json:",omitempty"` // the control plane's clock

	Detail string `json:",omitempty"`
}

// What says what a note is about.
type What string

// What a diary tells.
const (
	ProcessStarted   What = "process-started"
	BeatWasAnswered  What = "beat-answered"
	WasDispatched    What = "dispatched"
	ReportKept       What = "report-kept"
	ReportAnswered   What = "report-answered"
	SwitchedTo       What = "switched"
	StagedForBoot    What = "staged"
	RolledBackTo     What = "rolled-back"
	SwitchNotWorking What = "switch-failed"
	WentWrong        What = "went-wrong"
)

// Diary is what a host writes down for whoever wants to know what it really
// did. The agent never reads it: its own memory is the [Journal]. A line is one
// write, so that a kill leaves whole lines; a power cut may lose the newest.
type Diary struct{ file *os.File }

// OpenDiary opens or creates a diary to write at its end.
func OpenDiary(path string) (*Diary, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	return &Diary{file: file}, nil
}

// Write adds a note.
func (d *Diary) Write(n Note) error {
	b, err := json.Marshal(n)
	if err == nil {
		_, err = d.file.Write(append(b, '\n'))
	}
	if err != nil {
		return fmt.Errorf("host: diary: %w", err)
	}
	return nil
}

// Close closes the file.
func (d *Diary) Close() error { return d.file.Close() }

// Reading reads a diary as it grows.
type Reading struct {
	Path   string
	offset int64
}

// Next returns the notes that came since the last call. A diary that does not
// exist yet has none.
func (r *Reading) Next() ([]Note, error) {
	file, err := os.Open(r.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	defer file.Close()
	b, err := io.ReadAll(io.NewSectionReader(file, r.offset, 1<<62))
	if err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	var notes []Note
	for {
		line, rest, whole := bytes.Cut(b, []byte("\n"))
		if !whole {
			return notes, nil // its end is still to come
		}
		var n Note
		if err := json.Unmarshal(line, &n); err != nil {
			return notes, fmt.Errorf("host: %s: %w", r.Path, err)
		}
		notes = append(notes, n)
		r.offset += int64(len(line)) + 1
		b = rest
	}
}
