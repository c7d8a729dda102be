package manifest

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
)

// SchemaVersion is the version of fleet.resolved.json that this package reads.
const SchemaVersion = 1

// MaxBytes bounds a manifest: a million hosts at about 300 bytes each, with
// room to spare. What is longer is no manifest.
const MaxBytes = 512 << 20

// Manifest is a file that was read and found to be without faults.
type Manifest struct {
	plan     gates.Plan
	warnings []Warning
}

// Load reads the manifest in a file. The error is an [*Error] where the file is
// refused, and otherwise what the operating system said; both name the file.
func Load(path string) (*Manifest, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	defer file.Close()
	// One byte more than the bound tells a longer file from one that just fits.
	b, err := io.ReadAll(io.LimitReader(file, MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	m, err := Parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// Parse reads a manifest. It keeps nothing of b. The error is an [*Error] with
// every fault that was found.
func Parse(b []byte) (*Manifest, error) {
	if len(b) > MaxBytes {
		return nil, &Error{Faults: []Fault{{
			Reason: fmt.Sprintf("the manifest is longer than %d bytes, which is the most that is read", MaxBytes),
		}}}
	}
	var f findings
	doc := decode(b, &f)
	if f.found() {
		return nil, f.err()
	}
	r := newReader(doc, &f)
	plan := gates.Plan{Ref: r.ref()}
	if at := doc.Meta.SignedAt; at != nil {
		plan.SignedAt = states.TimeOf(*at)
	}
	plan.Hosts = r.planHosts()
	plan.ChannelEdges = r.planChannelEdges()
	plan.HostEdges = r.planHostEdges()
	plan.Budgets = r.planBudgets()
	if f.found() {
		return nil, f.err()
	}
	return &Manifest{plan: plan, warnings: f.warnings}, nil
}

// Plan returns what the manifest says about ordering. A host's policy is its
// wave's soak, what its channel's rollout policy does on failure, and that
// Deferred is done unless its wave says otherwise. A host that is in no wave
// soaks for the longest of the policy's waves that select it, and not at all
// where none does. The caller must not write to the plan's slices.
func (m *Manifest) Plan() gates.Plan { return m.plan }

// Warnings returns what is probably not meant, in the order of the file's
// sections. The caller must not write to the slice.
func (m *Manifest) Warnings() []Warning { return m.warnings }

// findings collects what is wrong, and what is odd.
type findings struct {
	faults   []Fault
	more     int
	warnings []Warning
}

func (f *findings) fault(path, reason string) {
	if len(f.faults) == maxFaults {
		f.more++
		return
	}
	f.faults = append(f.faults, Fault{Path: path, Reason: reason})
}

func (f *findings) warning(path, reason string) {
	f.warnings = append(f.warnings, Warning{Path: path, Reason: reason})
}

func (f *findings) found() bool { return len(f.faults) > 0 }

func (f *findings) err() error { return &Error{Faults: f.faults, More: f.more} }

// ref reads what every channel is rolled out to.
func (r *reader) ref() states.Ref {
	if v := r.doc.Meta.SchemaVersion; v != nil && *v != SchemaVersion {
		r.fault("/meta/schemaVersion", versionReason(v))
	}
	ref := r.doc.Meta.CICommit
	switch {
	case ref == "":
		r.warning("/meta/ciCommit", "not given: no rollout is opened from this manifest")
	case strings.Contains(ref, "@"):
		r.fault("/meta/ciCommit", fmt.Sprintf(`%q has an @, which parts channel and ref in the id "channel@ref"`, ref))
	}
	return states.Ref(ref)
}
