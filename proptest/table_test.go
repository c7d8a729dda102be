package proptest_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

var (
	id    = states.Rollout{Channel: "stable", Ref: "a1b2"}
	web   = states.Key{Rollout: id, Host: "web-1"}
	plain = states.Policy{Soak: 10_000_000_000, OnFailure: states.RollbackAndHalt, DeferredIsDone: true}
)

const opened = states.Time(1_000_000)

// at returns so many seconds after the opening.
func at(seconds int) states.Time { return opened + states.Time(seconds)*1000 }

// life is one record under hand-written events.
type life struct {
	t   *testing.T
	rec states.Record
}

func begin(t *testing.T, policy states.Policy) *life {
	l := &life{t: t}
	l.must(reducer.Event{Key: web, At: opened, Origin: reducer.Origin{By: reducer.ByControlPlane}, Body: reducer.Opened{Target: "new", Policy: policy}})
	return l
}

func (l *life) must(ev reducer.Event) reducer.Outcome {
	l.t.Helper()
	out, err := reducer.Step(l.rec, ev)
	if err != nil {
		l.t.Fatalf("%s in %s: %v", ev.Kind(), l.rec.State, err)
	}
	l.rec = out.Record
	return out
}

// says is the agent's next report.
func (l *life) says(when int, b reducer.Body) reducer.Outcome {
	l.t.Helper()
	return l.must(reducer.Event{Key: web, Seq: l.rec.LastSeq + 1, At: at(when), Body: b})
}

// guess is a synthesised event that rests on a heartbeat of second 100.
func (l *life) guess(when int, kind states.Kind, seen states.Closure) {
	l.t.Helper()
	l.must(reducer.Synthesise(&l.rec, kind, states.AgentRestarted, states.Observation{At: at(100), Current: seen}, at(when)))
}

// sample is a body that nothing but legality can refuse.
var sample = map[states.Kind]reducer.Body{
	states.KindOpened:                reducer.Opened{Target: "new"},
	states.KindDispatched:            reducer.Dispatched{},
	states.KindDispatchAck:           reducer.DispatchAck{AtDispatch: "old"},
	states.KindActivationStarted:     reducer.ActivationStarted{},
	states.KindActivationCompleted:   reducer.ActivationCompleted{Observed: "new"},
	states.KindActivationDeferred:    reducer.ActivationDeferred{},
	states.KindActivationFailed:      reducer.ActivationFailed{},
	states.KindProbeTopologyDeclared: reducer.ProbeTopologyDeclared{},
	states.KindProbeObservedFirst:    reducer.ProbeObservedFirst{Probe: "http", Mode: states.Observe},
	states.KindProbeResult:           reducer.ProbeResult{Probe: "http", Mode: states.Observe, Status: states.Pass},
	states.KindProbeFailureFirst:     reducer.ProbeFailureFirst{Probe: "http", Mode: states.Observe},
	states.KindFailed:                reducer.Failed{},
	states.KindRollbackComplete:      reducer.RollbackComplete{RevertedTo: "old"},
	states.KindConverged:             reducer.Converged{Current: "new"},
}

// road leads a record to a state by reports.
var road = map[states.State][]states.Kind{
	states.Pending:    {},
	states.Activating: {states.KindDispatchAck},
	states.Deferred:   {states.KindDispatchAck, states.KindActivationDeferred},
	states.Soaking:    {states.KindDispatchAck, states.KindActivationCompleted},
	states.Converged:  {states.KindDispatchAck, states.KindActivationCompleted, states.KindConverged},
	states.Failed:     {states.KindDispatchAck, states.KindActivationFailed},
	states.Reverted:   {states.KindDispatchAck, states.KindActivationFailed, states.KindRollbackComplete},
}

// outcome is what a pair comes to.
type outcome struct {
	Disposition reducer.Disposition
	State       states.State
}

// legal is the table of section 4, from its text: where an event is legal, and
// where it leads.
var legal = map[states.Kind]map[states.State]states.State{
	states.KindDispatched:            {states.Pending: states.Pending},
	states.KindDispatchAck:           {states.Pending: states.Activating},
	states.KindActivationStarted:     {states.Activating: states.Activating},
	states.KindActivationCompleted:   {states.Activating: states.Soaking, states.Deferred: states.Soaking},
	states.KindActivationDeferred:    {states.Activating: states.Deferred},
	states.KindActivationFailed:      {states.Activating: states.Failed, states.Deferred: states.Failed},
	states.KindProbeTopologyDeclared: {states.Soaking: states.Soaking},
	states.KindProbeObservedFirst:    {states.Soaking: states.Soaking},
	states.KindProbeResult:           {states.Soaking: states.Soaking},
	states.KindProbeFailureFirst:     {states.Soaking: states.Soaking},
	states.KindFailed:                {states.Soaking: states.Failed},
	states.KindRollbackComplete:      {states.Failed: states.Reverted},
	states.KindConverged:             {states.Soaking: states.Converged},
}

// repeated says which pairs repeat, on the roads above, what was said already.
var repeated = map[states.Kind][]states.State{
	states.KindDispatchAck:         {states.Activating, states.Deferred, states.Soaking, states.Converged, states.Failed, states.Reverted},
	states.KindActivationCompleted: {states.Soaking, states.Converged},
	states.KindActivationDeferred:  {states.Deferred},
	states.KindActivationFailed:    {states.Failed, states.Reverted},
	states.KindRollbackComplete:    {states.Reverted},
	states.KindConverged:           {states.Converged},
}

func wantReported(s states.State, k states.Kind) outcome {
	if to, ok := legal[k][s]; ok {
		return outcome{reducer.Applied, to}
	}
	for _, again := range repeated[k] {
		if again == s {
			return outcome{reducer.Duplicate, s}
		}
	}
	return outcome{reducer.Refused, s}
}

func TestEveryEventInEveryReportedState(t *testing.T) {
	for s := range states.States() {
		for k := range states.Kinds() {
			t.Run(fmt.Sprintf("%s in %s", k, s), func(t *testing.T) {
				l := begin(t, plain)
				for i, step := range road[s] {
					l.says(20*i, sample[step])
				}
				ev := reducer.Event{Key: web, Seq: l.rec.LastSeq + 1, At: at(100), Body: sample[k]}
				if !k.Agent() {
					ev.Seq, ev.Origin.By = 0, reducer.ByControlPlane
				}
				check(t, l.rec, ev, wantReported(s, k))
			})
		}
	}
}

func check(t *testing.T, rec states.Record, ev reducer.Event, want outcome) {
	t.Helper()
	out, err := reducer.Step(rec, ev)
	if diff := cmp.Diff(want, outcome{out.Disposition, out.Record.State}); diff != "" {
		t.Errorf("(-want +got)\n%s%v", diff, err)
	}
	var illegal *reducer.IllegalError
	if refused := want.Disposition == reducer.Refused; errors.As(err, &illegal) != refused {
		t.Errorf("the error is %v", err)
	}
	if ev.Reported() && out.Record.LastSeq != ev.Seq {
		t.Errorf("the last number is %d, and should be %d", out.Record.LastSeq, ev.Seq)
	}
}

// guessedRoad leads a record from Pending to a state by guesses alone, on a
// host whose heartbeat is of second 100.
var guessedRoad = map[states.State][]states.Kind{
	states.Activating: {states.KindDispatchAck},
	states.Soaking:    {states.KindDispatchAck, states.KindActivationCompleted},
	states.Converged:  {states.KindDispatchAck, states.KindActivationCompleted, states.KindConverged},
	states.Failed:     {states.KindDispatchAck, states.KindActivationFailed},
	states.Reverted:   {states.KindDispatchAck, states.KindActivationFailed, states.KindRollbackComplete},
}

// lateIn says what a report from second 50 comes to in a guessed state: it goes
// below the guesses where it belongs, and those that still hold are put behind
// it. Section 6.2, pair by pair; what is not listed is refused.
var lateIn = map[states.State]map[states.Kind]outcome{
	states.Activating: {
		states.KindDispatchAck:         {reducer.Absorbed, states.Activating},
		states.KindActivationStarted:   {reducer.Applied, states.Activating},
		states.KindActivationCompleted: {reducer.Applied, states.Soaking},
		states.KindActivationDeferred:  {reducer.Applied, states.Deferred},
		states.KindActivationFailed:    {reducer.Applied, states.Failed},
	},
	states.Soaking: {
		states.KindDispatchAck:           {reducer.Absorbed, states.Soaking},
		states.KindActivationStarted:     {reducer.Absorbed, states.Soaking},
		states.KindActivationCompleted:   {reducer.Absorbed, states.Soaking},
		states.KindActivationDeferred:    {reducer.Absorbed, states.Soaking},
		states.KindActivationFailed:      {reducer.Absorbed, states.Failed},
		states.KindProbeTopologyDeclared: {reducer.Applied, states.Soaking},
		states.KindProbeObservedFirst:    {reducer.Applied, states.Soaking},
		states.KindProbeResult:           {reducer.Applied, states.Soaking},
		states.KindProbeFailureFirst:     {reducer.Applied, states.Soaking},
		states.KindFailed:                {reducer.Applied, states.Failed},
		states.KindConverged:             {reducer.Applied, states.Converged},
	},
	states.Converged: {
		states.KindDispatchAck:           {reducer.Absorbed, states.Converged},
		states.KindActivationStarted:     {reducer.Absorbed, states.Converged},
		states.KindActivationCompleted:   {reducer.Absorbed, states.Converged},
		states.KindActivationDeferred:    {reducer.Absorbed, states.Converged},
		states.KindActivationFailed:      {reducer.Absorbed, states.Failed},
		states.KindProbeTopologyDeclared: {reducer.Absorbed, states.Converged},
		states.KindProbeObservedFirst:    {reducer.Absorbed, states.Converged},
		states.KindProbeResult:           {reducer.Absorbed, states.Converged},
		states.KindProbeFailureFirst:     {reducer.Absorbed, states.Converged},
		states.KindFailed:                {reducer.Absorbed, states.Failed},
		states.KindConverged:             {reducer.Absorbed, states.Converged},
	},
	states.Failed: {
		states.KindDispatchAck:         {reducer.Absorbed, states.Failed},
		states.KindActivationStarted:   {reducer.Absorbed, states.Failed},
		states.KindActivationCompleted: {reducer.Absorbed, states.Soaking},
		states.KindActivationDeferred:  {reducer.Absorbed, states.Failed},
		states.KindActivationFailed:    {reducer.Absorbed, states.Failed},
		states.KindRollbackComplete:    {reducer.Applied, states.Reverted},
	},
	states.Reverted: {
		states.KindDispatchAck:         {reducer.Absorbed, states.Reverted},
		states.KindActivationStarted:   {reducer.Absorbed, states.Reverted},
		states.KindActivationCompleted: {reducer.Absorbed, states.Soaking},
		states.KindActivationDeferred:  {reducer.Absorbed, states.Reverted},
		states.KindActivationFailed:    {reducer.Absorbed, states.Reverted},
		states.KindRollbackComplete:    {reducer.Absorbed, states.Reverted},
	},
}

func TestEveryReportInEveryGuessedState(t *testing.T) {
	for s, kinds := range guessedRoad {
		seen := states.Closure("new")
		if s == states.Reverted {
			seen = "old"
		}
		for k := range states.Kinds() {
			if !k.Agent() {
				continue
			}
			t.Run(fmt.Sprintf("%s in guessed %s", k, s), func(t *testing.T) {
				l := begin(t, plain)
				for i, guess := range kinds {
					l.guess(40*i, guess, seen)
				}
				want, ok := lateIn[s][k]
				if !ok {
					want = outcome{reducer.Refused, s}
				}
				check(t, l.rec, reducer.Event{Key: web, Seq: 1, At: at(50), Body: sample[k]}, want)
			})
		}
	}
}

func TestEveryGuessInEveryReportedState(t *testing.T) {
	for s := range states.States() {
		for k := range states.Kinds() {
			t.Run(fmt.Sprintf("guessed %s in %s", k, s), func(t *testing.T) {
				l := begin(t, plain)
				for i, step := range road[s] {
					l.says(20*i, sample[step])
				}
				ev := reducer.Synthesise(&l.rec, k, states.AgentRestarted, states.Observation{At: at(100), Current: "old"}, at(100))
				out, err := reducer.Step(l.rec, ev)
				to, ok := legal[k][s]
				if ok = ok && ev.Body != nil; !ok {
					to = s
				}
				if out.Record.State != to || (err == nil) != ok || out.Record.LastSeq != l.rec.LastSeq {
					t.Errorf("it leads to %s: %v", out.Record.State, err)
				}
				if stored := out.Effects.Entry.Event.Body != nil; stored != ok {
					t.Errorf("stored is %t", stored)
				}
			})
		}
	}
}

func TestAReportNeedsANumber(t *testing.T) {
	l := begin(t, plain)
	if _, err := reducer.Step(l.rec, reducer.Event{Key: web, At: at(1), Body: reducer.DispatchAck{}}); !errors.Is(err, reducer.ErrNoNumber) {
		t.Errorf("the error is %v", err)
	}
}
