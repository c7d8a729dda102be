package states

import "slices"

// Mode says whether a probe gates. The zero value means "not said".
type Mode uint8

// The modes, from the one that never runs to the one that gates.
const (
	Disabled Mode = iota + 1
	Observe       // runs and is shown, never gates
	Enforce       // must pass before the host converges
	modeEnd
)

var modeNames = [...]string{"unset", "disabled", "observe", "enforce"}

var _ = [1]struct{}{}[int(modeEnd)-len(modeNames)]

// ParseMode reads the name that [Mode.String] writes. The error is a
// [*NameError].
func ParseMode(s string) (Mode, error) { return parse[Mode]("probe mode", s, modeNames[:]) }

// String returns the mode's name on the wire.
func (m Mode) String() string { return name(m, modeNames[:]) }

// Status is a probe's last result. The zero value means that it never
// reported, which is not a pass.
type Status uint8

// The results.
const (
	Pass Status = iota + 1
	Fail
	statusEnd
)

var statusNames = [...]string{"none", "pass", "fail"}

var _ = [1]struct{}{}[int(statusEnd)-len(statusNames)]

// ParseStatus reads the name that [Status.String] writes. The error is a
// [*NameError].
func ParseStatus(s string) (Status, error) {
	return parse[Status]("probe status", s, statusNames[:])
}

// String returns the result's name on the wire.
func (s Status) String() string { return name(s, statusNames[:]) }

// Probe is what a record knows of one probe.
type Probe struct {
	Name     string
	Mode     Mode
	Declared bool   // the mode was declared; a later result cannot lower it
	Status   Status // the last result
	At       Time   // when that result was observed, by the agent's clock
	Reason   string // why it failed, where it did
	SinceGap bool   // it reported after the record's last accepted gap
}

// Passes reports whether the probe lets its host converge: it is not enforced,
// or its last result is a pass.
func (p Probe) Passes() bool { return p.Mode != Enforce || p.Status == Pass }

// Probes is a record's probes, sorted by name. Its methods copy: a record that
// was copied shares them safely.
type Probes []Probe

// Find returns the probe of that name.
func (ps Probes) Find(name string) (Probe, bool) {
	i, ok := ps.search(name)
	if !ok {
		return Probe{}, false
	}
	return ps[i], true
}

// With returns the probes with p added, or put in the place of the one that
// has its name.
func (ps Probes) With(p Probe) Probes {
	i, ok := ps.search(p.Name)
	if ok {
		ps = slices.Clone(ps)
		ps[i] = p
		return ps
	}
	return slices.Insert(slices.Clip(slices.Clone(ps)), i, p)
}

// Map returns the probes with change applied to each.
func (ps Probes) Map(change func(Probe) Probe) Probes {
	if len(ps) == 0 {
		return nil
	}
	out := make(Probes, len(ps))
	for i, p := range ps {
		out[i] = change(p)
	}
	return out
}

// Failing reports whether an enforced probe's last result is a failure.
func (ps Probes) Failing() bool {
	return slices.ContainsFunc(ps, func(p Probe) bool { return p.Mode == Enforce && p.Status == Fail })
}

func (ps Probes) search(name string) (int, bool) {
	return slices.BinarySearchFunc(ps, name, func(p Probe, n string) int {
		switch {
		case p.Name < n:
			return -1
		case p.Name > n:
			return 1
		}
		return 0
	})
}
