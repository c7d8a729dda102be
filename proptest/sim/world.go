package sim

import (
	"fmt"
	"time"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
)

// world is a run: everything that there is.
type world struct {
	opts   Options
	dice   *dice
	agenda agenda
	now    int64 // true milliseconds since the beginning
	trace  trace
	report Report

	shape     shape
	manifests []manifest // published, oldest first
	disk      *disk
	store     *store
	planes    []*plane
	hosts     []*host

	rates    rates
	faulty   bool           // faults may happen
	faults   map[string]int // that could have happened so far, by who is hit; left out ones too
	checks   checks
	ticks    int  // of trouble
	skewed   bool // a clock of a control plane was changed
	over     bool // nothing happens any more
	violated *Violation
}

// after plans something.
func (w *world) after(d time.Duration, what func()) {
	w.agenda.add(w.now+max(1, d.Milliseconds()), what)
}

// clock returns what a clock shows that is off by so much.
func (w *world) clock(off time.Duration) states.Time {
	return states.Time(dawn + w.now + off.Milliseconds())
}

// fault reports whether a fault that could hit somebody here does: not where the
// run was asked to leave it out. It counts it.
func (w *world) fault(who, kind, detail string) bool {
	w.faults[who]++
	id := Fault(fmt.Sprintf("%s#%d", who, w.faults[who]))
	if w.opts.leavesOut(id) {
		return false
	}
	w.report.Faults++
	w.report.ByFault[kind]++
	w.report.happened = append(w.report.happened, happened{id: id, kind: kind, at: w.now})
	w.note("fault", "%s: %s %s", id, kind, detail)
	return true
}

// newest returns the manifest that was published last.
func (w *world) newest() gates.Plan { return w.manifests[len(w.manifests)-1].plan }

func (w *world) hostNamed(name states.Host) *host {
	for _, h := range w.hosts {
		if h.name == name {
			return h
		}
	}
	return nil
}
