package track

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Path is where the record is kept, from the root of the repository.
const Path = "docs/track-record.json"

// Record is every entry, in the order in which they are shown.
type Record []Entry

// Entry is one defect that some other system had.
type Entry struct {
	ID      string   `json:"id"`
	Wrong   string   `json:"wrong"`             // what went wrong there
	Holds   string   `json:"holds"`             // what must hold here
	Sources []string `json:"sources,omitempty"` // threads that tell the story, as owner/repository#number
	Checks  []Check  `json:"checks"`            // at least one, unless Limit says why there is none
	Limit   string   `json:"limit,omitempty"`   // what is out of the library's reach, and where the docs say so
}

// Check is a test, and a defect that it must catch.
type Check struct {
	Test     Test     `json:"test"`
	Mutation Mutation `json:"mutation"`
}

// Test names a test.
type Test struct {
	Dir  string `json:"dir"`            // its package, from the root of the repository
	Name string `json:"name"`           // the function
	Case string `json:"case,omitempty"` // the subtest; of a scenario, the file without its .txt

	// Args go to the test, such as the seed of one that is random: what is shown
	// here is to be seen again.
	Args []string `json:"args,omitempty"`
}

// Mutation is a change to one file that puts a defect in.
type Mutation struct {
	Says string `json:"says"` // the defect, in a few words
	File string `json:"file"` // from the root of the repository
	Old  string `json:"old"`  // stands exactly once in the file
	New  string `json:"new"`
}

// Load reads the record of the repository with this root.
func Load(root string) (Record, error) {
	b, err := os.ReadFile(filepath.Join(root, Path))
	if err != nil {
		return nil, fmt.Errorf("track: %w", err)
	}
	var r Record
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("track: %s: %w", Path, err)
	}
	return r, nil
}

// CheckID names a check of an entry: the entry's own id, with a number behind it
// where the entry has several, from 1.
func (e Entry) CheckID(i int) string {
	if len(e.Checks) == 1 {
		return e.ID
	}
	return fmt.Sprintf("%s.%d", e.ID, i+1)
}
