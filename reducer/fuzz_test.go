package reducer_test

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// seedsOfSteps is how many inputs fuzzing begins with: enough that every kind
// meets every state.
const seedsOfSteps = 400

// FuzzStep: any event on any record, one that no log leads to among them, gives
// an outcome that keeps the promises of Step, within the memory that the size
// of the input allows.
func FuzzStep(f *testing.F) {
	dice := rand.New(rand.NewPCG(1, 1))
	for range seedsOfSteps {
		b := make([]byte, 60+dice.IntN(200))
		for i := range b {
			b[i] = byte(dice.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := raw{b}
		rec, ev := r.record(), r.event()
		taken(t, &rec, &ev, len(b))
	})
}

// livesMost bounds the events of a life, so that what an input may cost is
// bounded by its size alone.
const livesMost = 64

// FuzzLife: whatever happens to a record since its opening, each step keeps the
// promises, a step that is taken twice is a duplicate, and the log gives the
// record.
func FuzzLife(f *testing.F) {
	for _, life := range lives {
		f.Add(slices.Concat(life...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := raw{b}
		opening := reducer.Event{
			Key: fuzzed, Origin: reducer.Origin{By: reducer.ByControlPlane}, At: 10,
			Body: reducer.Opened{Target: "new", Policy: r.policy()},
		}
		var rec states.Record
		var log []reducer.LogEntry
		for ev := opening; len(log) == 0 || len(r.rest) > 0 && len(log) < livesMost; ev = r.event() {
			out := taken(t, &rec, &ev, len(b))
			rec = out.Record
			if out.Effects.Entry.Event.Body != nil {
				log = append(log, out.Effects.Entry)
			}
			if !ev.Reported() || ev.Key != fuzzed || ev.Body == nil || ev.Seq == 0 || !ev.Kind().Agent() {
				continue
			}
			if again, err := reducer.Step(rec, ev); again.Disposition != reducer.Duplicate || err != nil || !again.Record.Equal(&rec) {
				t.Fatalf("%s was taken, and then %s: %v", ev.Kind(), again.Disposition, err)
			}
		}
		folded, err := reducer.Rederive(log)
		if err != nil || !folded.Equal(&rec) {
			t.Fatalf("the log does not give the record: %v\n%s", err, cmp.Diff(rec, folded))
		}
	})
}

// Bytes as [raw.event] reads them: number, time, boot, beat, clamped, the kind
// and its fields, and who it is from. The last byte keeps the key.
func asSaid(seq, at byte, kind states.Kind, fields ...byte) []byte {
	return slices.Concat([]byte{seq, at, 1, at, 0, byte(kind)}, fields, []byte{byte(reducer.ByAgent), 0})
}

func asDone(at byte, kind states.Kind) []byte {
	return []byte{0, at, 0, 0, 0, byte(kind), byte(reducer.ByControlPlane), 0}
}

func asGuessed(at byte, why states.Case, current byte, kind states.Kind, fields ...byte) []byte {
	from := []byte{at, 1, at, current, 0}
	return slices.Concat([]byte{0, at, 1, at, 0, byte(kind)}, fields, []byte{byte(reducer.BySynthesis), byte(why)}, from, []byte{0})
}

// Places in the list of names.
const (
	unknown byte = iota
	newOne
	oldOne
	_
	http
)

// lives are what happens to records, each behind a policy of so many ms of
// soak: the road, the cases, and late truth behind them.
var lives = [][][]byte{
	{
		{5, byte(states.RollbackAndHalt), 1},
		asDone(20, states.KindDispatched),
		asSaid(1, 30, states.KindDispatchAck, oldOne),
		asSaid(2, 31, states.KindActivationStarted, unknown),
		asSaid(3, 40, states.KindActivationCompleted, newOne, 0),
		asSaid(4, 41, states.KindProbeTopologyDeclared, 1, http, unknown, byte(states.Enforce)),
		asSaid(5, 42, states.KindProbeObservedFirst, http, byte(states.Enforce)),
		asSaid(6, 43, states.KindProbeResult, http, byte(states.Enforce), byte(states.Pass), 0, 0),
		asSaid(7, 60, states.KindConverged, newOne),
	},
	{
		{5, byte(states.RollbackAndHalt), 0},
		asSaid(1, 30, states.KindDispatchAck, oldOne),
		asSaid(2, 31, states.KindActivationDeferred, http),
		asGuessed(50, states.RebootFinished, newOne, states.KindActivationCompleted, newOne, 0),
		asSaid(3, 40, states.KindActivationFailed, 7, 0),
		asGuessed(60, states.RollbackUnreported, oldOne, states.KindRollbackComplete, oldOne, 0),
		asSaid(4, 55, states.KindRollbackComplete, oldOne, 0),
	},
	{
		{5, byte(states.Halt), 0},
		asGuessed(30, states.RecordsLost, newOne, states.KindDispatchAck, unknown),
		asGuessed(30, states.RecordsLost, newOne, states.KindActivationCompleted, newOne, 0),
		asGuessed(40, states.RecordsLost, newOne, states.KindConverged, newOne),
		asSaid(9, 45, states.KindProbeFailureFirst, http, byte(states.Enforce)),
		asSaid(10, 50, states.KindFailed, 9, 1, http, byte(states.Halt)),
		asSaid(11, 52, states.KindRollbackComplete, oldOne, 0),
	},
	{
		{5, byte(states.RollbackAndHalt), 0},
		asDone(20, states.KindDispatched),
		asGuessed(30, states.ReportsInFlight, newOne, states.KindDispatchAck, unknown),
		asGuessed(30, states.ReportsInFlight, newOne, states.KindActivationCompleted, newOne, 0),
		asSaid(1, 25, states.KindDispatchAck, oldOne),
		asSaid(2, 28, states.KindActivationCompleted, newOne, 0),
		asSaid(2, 28, states.KindActivationCompleted, oldOne, 0),
		asSaid(3, 60, states.KindConverged, oldOne),
		asSaid(4, 61, states.KindConverged, newOne),
	},
}

// The lives that fuzzing begins with lead where they are meant to.
func TestTheLivesThatFuzzingBeginsWith(t *testing.T) {
	want := []states.State{states.Converged, states.Reverted, states.Reverted, states.Converged}
	for i, life := range lives {
		r := raw{slices.Concat(life...)}
		out, err := reducer.Step(states.Record{}, reducer.Event{
			Key: fuzzed, Origin: reducer.Origin{By: reducer.ByControlPlane}, At: 10,
			Body: reducer.Opened{Target: "new", Policy: r.policy()},
		})
		if err != nil {
			t.Fatal(err)
		}
		for range life[1:] {
			out, _ = reducer.Step(out.Record, r.event())
		}
		if len(r.rest) > 0 || out.Record.State != want[i] {
			t.Errorf("life %d ends in %s with %d bytes left, want %s", i, out.Record.State, len(r.rest), want[i])
		}
	}
}

// stepMost and stepPerByte bound what one step may allocate: copies of the
// record's probes and guesses, and the text of an error, all of them as long as
// the input says, and a little beside.
const (
	stepMost    = 16 << 10
	stepPerByte = 64
)

// taken takes a step and requires it to keep the promises, given an input of so
// many bytes.
func taken(t *testing.T, rec *states.Record, ev *reducer.Event, size int) (out reducer.Outcome) {
	t.Helper()
	was := copied(rec)
	var err error
	spent := allocated(func() { out, err = reducer.Step(*rec, *ev) }, uint64(stepMost+stepPerByte*size))
	if spent > 0 {
		t.Fatalf("a step allocated %d bytes for an input of %d", spent, size)
	}
	if !rec.Equal(&was) {
		t.Fatalf("the step wrote to the record that it was given:\n%s", cmp.Diff(was, *rec))
	}
	promised(t, rec, ev, &out, err)
	return out
}

// promised requires of an outcome what the comment of Step says.
func promised(t *testing.T, rec *states.Record, ev *reducer.Event, out *reducer.Outcome, err error) {
	t.Helper()
	stored := out.Effects.Entry.Event.Body != nil
	to, e := &out.Record, &out.Effects
	var illegal *reducer.IllegalError
	var invariant *reducer.InvariantError
	var wrong *reducer.WrongRecordError
	typed := errors.As(err, &illegal) || errors.As(err, &invariant) || errors.As(err, &wrong) ||
		errors.Is(err, reducer.ErrNoBody) || errors.Is(err, reducer.ErrNoOrigin) || errors.Is(err, reducer.ErrNoNumber)
	for sentence, holds := range map[string]bool{
		"an outcome has a disposition":                           out.Disposition >= reducer.Applied && out.Disposition <= reducer.Refused,
		"what is refused, and that alone, has an error":          (err != nil) == (out.Disposition == reducer.Refused),
		"errors are typed":                                       err == nil || typed,
		"who said it is one of the three, or it is refused":      ev.Origin.By <= reducer.BySynthesis || !stored && err != nil,
		"what is not stored changes nothing":                     stored || to.Equal(rec),
		"what is applied or absorbed is stored":                  stored || out.Disposition > reducer.Absorbed,
		"an entry says what became of the event":                 !stored || e.Entry.Disposition == out.Disposition && e.Entry.Revision == to.Revision,
		"an entry is one revision":                               !stored || to.Revision == rec.Revision+1 || rec.State == 0,
		"only a report is refused or repeated into the log":      !stored || out.Disposition <= reducer.Absorbed || ev.Reported(),
		"a refusal or a repeat leaves the state and the stamps":  out.Disposition <= reducer.Absorbed || to.State == rec.State && to.Stamps == rec.Stamps,
		"a number never falls, and guesses take none":            to.LastSeq >= rec.LastSeq && (ev.Reported() || to.LastSeq == rec.LastSeq),
		"a state is one of the seven":                            to.State == rec.State || to.State.Valid(),
		"what was reported terminal stays":                       !rec.State.Terminal() || rec.Synthesised() || to.State == rec.State,
		"a transition is a change of state":                      (e.Transition != reducer.Transition{}) == (to.State != rec.State && rec.State != 0),
		"a closure is quarantined where a host went back":        e.Quarantine == reducer.Quarantine{} || to.State == states.Reverted && (e.Quarantine.Closure.Is(rec.Target) || !rec.Target.Known()),
		"a record that is not opened takes an opening alone":     rec.State != 0 || err != nil || ev.Kind() == states.KindOpened,
		"a record rests on a bounded number of guesses, or none": to.Doubt == rec.Doubt || to.Doubt == nil || len(to.Guesses()) > 0 && len(to.Guesses()) <= states.MaxGuesses,
	} {
		if !holds {
			t.Fatalf("%s: not so for %s, %s (%v)\nevent %+v\n%s", sentence, ev.Kind(), out.Disposition, err, *ev, cmp.Diff(*rec, *to))
		}
	}
}

// copied returns a record that shares nothing with the one given.
func copied(rec *states.Record) states.Record {
	c := *rec
	c.Probes = slices.Clone(rec.Probes)
	if rec.Doubt != nil {
		d := *rec.Doubt
		d.Before.Probes, d.Guesses = slices.Clone(d.Before.Probes), slices.Clone(d.Guesses)
		c.Doubt = &d
	}
	return c
}

// triesToMeasure is how often work is measured before it counts as wasteful:
// the runtime counts what everybody allocates.
const triesToMeasure = 5

// allocated does work, and returns 0 where it allocated no more than most at
// least once, else the least that it did.
func allocated(work func(), most uint64) (least uint64) {
	var before, after runtime.MemStats
	for range triesToMeasure {
		runtime.ReadMemStats(&before)
		work()
		runtime.ReadMemStats(&after)
		spent := after.TotalAlloc - before.TotalAlloc
		if spent <= most {
			return 0
		}
		if least == 0 || spent < least {
			least = spent
		}
	}
	return least
}
