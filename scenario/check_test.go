package scenario_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/scenario"
	"github.com/rollmend/rollmend/states"
)

// broken is a store of one record that gives back something else than it should.
type broken struct {
	adapters.Store
	rec states.Record
	log []reducer.LogEntry
}

func (b broken) Record(context.Context, states.Key) (states.Record, error)   { return b.rec, nil }
func (b broken) Log(context.Context, states.Key) ([]reducer.LogEntry, error) { return b.log, nil }

// acknowledged is a record before and after an acknowledgement, and its log.
func acknowledged(t *testing.T) (before, after states.Record, log []reducer.LogEntry) {
	t.Helper()
	key := states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "a1b2"}, Host: "web-1"}
	for _, ev := range []reducer.Event{
		{Key: key, Origin: reducer.Origin{By: reducer.ByControlPlane}, At: 1000, Body: reducer.Opened{Target: "new"}},
		{Key: key, Seq: 1, At: 2000, Body: reducer.DispatchAck{AtDispatch: "old"}},
	} {
		out, err := reducer.Step(after, ev)
		if err != nil {
			t.Fatal(err)
		}
		before, after, log = after, out.Record, append(log, out.Effects.Entry)
	}
	return before, after, log
}

// Each check behind the files fails where what it looks for is wrong, and the
// sound store passes them all.
func TestWhatHoldsOfEveryChangeIsChecked(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(s *broken, before *states.Record, change *adapters.Change)
		want  string // empty: it is sound
	}{
		{"a sound change", func(*broken, *states.Record, *adapters.Change) {}, ""},
		{
			"a store that changes what it keeps",
			func(s *broken, _ *states.Record, _ *adapters.Change) { s.rec.Current = "other" },
			"gives back another record",
		},
		{
			"a log that folds to another record",
			func(s *broken, _ *states.Record, c *adapters.Change) {
				s.rec.Current, c.Record.Current = "other", "other"
			},
			"its log folds to another record",
		},
		{
			"a log that does not fold to what was before",
			func(_ *broken, before *states.Record, _ *adapters.Change) { before.Target = "other" },
			"1 entries of its log fold to another record than the one stored then",
		},
		{
			"a log with an entry missing",
			func(s *broken, _ *states.Record, _ *adapters.Change) { s.log = s.log[1:] },
			"it has revision 1",
		},
		{
			"a reported end that is left",
			func(_ *broken, before *states.Record, _ *adapters.Change) { before.State = states.Converged },
			"it was reported to be Converged, and is moved to Activating",
		},
		{
			"an entry that its encoding does not keep",
			func(s *broken, before *states.Record, c *adapters.Change) {
				// An empty list comes back as none.
				out, _ := reducer.Step(s.rec, reducer.Event{Key: s.rec.Key, Seq: 2, At: 3000, Body: reducer.Failed{Failing: []string{}}})
				*before, s.rec, c.Record = s.rec, out.Record, out.Record
				s.log = append(s.log, out.Effects.Entry)
			},
			"entry 2 comes back from its encoding as another one",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before, after, log := acknowledged(t)
			store := broken{rec: after, log: log}
			change := adapters.Change{Record: after}
			test.spoil(&store, &before, &change)
			err := scenario.Check(t.Context(), store, &before, &change)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestADifferenceIsReadable(t *testing.T) {
	b := scenario.Block{
		Input: []string{"beat web-1 runs=new"},
		Want:  []string{"web-1  Activating -> Soaking", "  log  this", "  end"},
	}
	got := scenario.Difference(b, []string{"web-1  stale", "  log  this", "  more", "  end"})
	want := `    beat web-1 runs=new
    ----
  - web-1  Activating -> Soaking
  + web-1  stale
      log  this
  +   more
      end
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
