package proptest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/scenario"
	"github.com/rollmend/rollmend/states"
)

// smallFleet is a fleet, and beside it the view that follows its records. What
// is asked of the view is asked of the records too, the slow way.
type smallFleet struct {
	Fleet
	dice *dice
	sys  System
	view *gates.View

	// evaluate asks the system's gates, those of one's own behind ours.
	evaluate func(*gates.View, ...gates.Ask) []gates.Verdict

	changed bool
}

func newFleet(d *dice, sys System) *smallFleet {
	f := &smallFleet{Fleet: anyFleet(d), dice: d, sys: sys}
	f.view, f.evaluate = f.viewBy(sys), sys.Evaluate
	if sys.Gates != nil {
		f.evaluate = sys.rules(f.Plan).Evaluate
	}
	d.told.add("%s", planNote{f.Plan})
	for i := range f.Records {
		if rec := &f.Records[i]; rec.State != states.Pending || rec.Dispatched.IsSet() || slices.Contains(f.Failing, rec.Key) || rec.Rollout.Ref != fleetRef {
			f.tell(rec)
		}
	}
	return f
}

// planNote declares a plan.
type planNote struct{ plan gates.Plan }

func (n planNote) String() string {
	return strings.Join(scenario.PlanLines(n.plan, func(states.Host) states.Closure { return old }), "\n")
}

// tell notes where a record is. Reports led it there, which would be many lines.
func (f *smallFleet) tell(rec *states.Record) {
	note := fmt.Sprintf("# %s is %s", rec.Key, rec.State)
	if rec.Dispatched.IsSet() {
		note += ", dispatched"
	}
	if slices.Contains(f.Failing, rec.Key) {
		note += ", a probe fails"
	}
	f.dice.told.add("%s", note)
}

// change makes one thing happen to the fleet and returns what it releases.
func (f *smallFleet) change(d *dice) []gates.Wait {
	switch n := pick(d, "change", 12); {
	case n == 0:
		return f.quarantine(d)
	case n == 1 && len(f.Records) > 0:
		return f.resume(f.Records[pick(d, "resumed", len(f.Records))].Rollout)
	case len(f.Records) == 0:
		return nil
	}
	rec := &f.Records[pick(d, "which", len(f.Records))]
	from := f.standing(f.sys, rec)
	switch pick(d, "how", 4) {
	case 0:
		f.Failing = toggled(f.Failing, rec.Key)
	case 1:
		rec.Dispatched = 1
	default:
		to := drawState(d)
		if bad(from.State) && !bad(to) {
			to = states.Reverted // a failed host goes nowhere else
		}
		h := gates.PlannedHost{Host: rec.Host, Wave: rec.Wave, Target: rec.Target, Policy: rec.Policy}
		*rec = recordIn(h, rec.Rollout, to, rec.Dispatched.IsSet())
	}
	f.tell(rec)
	f.changed = true
	return f.sys.Track(f.view, from, f.standing(f.sys, rec), nil)
}

// toggled takes a key out of a list, or puts it in.
func toggled(keys []states.Key, key states.Key) []states.Key {
	if i := slices.Index(keys, key); i >= 0 {
		return slices.Delete(slices.Clone(keys), i, i+1)
	}
	return append(slices.Clone(keys), key)
}

func (f *smallFleet) quarantine(d *dice) []gates.Wait {
	channel := channelNames[pick(d, "channel", 3)]
	q := reducer.Quarantine{Channel: channel, Closure: states.Closure("new-" + channel), Since: 1, Why: "it broke"}
	if i := slices.Index(f.Quarantines, q); i >= 0 {
		f.Quarantines = slices.Delete(f.Quarantines, i, i+1)
		d.told.add("clear %s %s reason=mended", q.Channel, q.Closure)
		return []gates.Wait{f.view.Clear(q.Channel, q.Closure)}
	}
	f.Quarantines = append(f.Quarantines, q)
	f.view.Quarantine(q)
	d.told.add("impose %s %s reason=%q", q.Channel, q.Closure, q.Why)
	return nil
}

func (f *smallFleet) resume(id states.Rollout) []gates.Wait {
	var hosts []states.Host
	for i := range f.Records {
		if rec := &f.Records[i]; rec.Rollout == id && bad(rec.State) {
			hosts = append(hosts, rec.Host)
			if !slices.Contains(f.Resumed, rec.Key) {
				f.Resumed = append(f.Resumed, rec.Key)
			}
		}
	}
	f.dice.told.add("resume %s reason=checked", id)
	return []gates.Wait{f.view.Resume(id, hosts)}
}

// asks returns an ask for every record, of superseded rollouts too.
func (f *smallFleet) asks(p gates.Purpose) (asks []gates.Ask) {
	for i := range f.Records {
		asks = append(asks, gates.AskOf(p, &f.Records[i]))
	}
	return asks
}

// ask asks for one host alone.
func (f *smallFleet) ask(a gates.Ask) gates.Verdict { return f.evaluate(f.view, a)[0] }

// reason is what is compared of a block.
type reason struct {
	gate  string
	waits gates.Wait
}

// String names the gate and what it waits for.
func (r reason) String() string {
	words := []string{r.gate}
	for _, w := range []string{r.waits.Rollout.String(), string(r.waits.Host), string(r.waits.Channel), r.waits.Closure.String(), r.waits.Budget} {
		if w != "" && w != states.Closure("").String() && w != (states.Rollout{}).String() {
			words = append(words, w)
		}
	}
	if r.waits.On == gates.OnWave || r.waits.On == gates.OnProbes {
		words = append(words, fmt.Sprintf("wave %s", r.waits.Wave))
	}
	return strings.Join(words, " ")
}

// reasonsOf lists a verdict's blocks. Edges between channels come in no order
// that the specification gives.
func reasonsOf(blocks []gates.Block) []reason {
	var out []reason
	for _, b := range blocks {
		out = append(out, reason{b.Gate, b.Waits})
	}
	return sortedEdges(out)
}

func sortedEdges(reasons []reason) []reason {
	slices.SortStableFunc(reasons, func(a, b reason) int {
		if a.gate != "channel-edges" || b.gate != "channel-edges" {
			return 0
		}
		return strings.Compare(string(a.waits.Channel), string(b.waits.Channel))
	})
	return reasons
}
