package sim

import (
	"context"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// seams are where a defect can be planted in a small world, to see whether a
// walk finds it. The zero seams plant none.
type seams struct {
	early     bool                                      // replies are given before the commit
	onStart   func(states.Time) states.Time             // what a core is told of when it started
	onPlan    func(gates.Plan) gates.Plan               // what of a manifest is loaded
	onBeat    func(*synth.Heartbeat)                    // what is taken of a heartbeat
	onReport  func(*engine.Report)                      // what is taken of a report
	onChanges func([]adapters.Change) []adapters.Change // what is stored of a batch
}

func (f *seams) started(at states.Time) states.Time {
	if f.onStart != nil {
		return f.onStart(at)
	}
	return at
}

func (f *seams) planned(p gates.Plan) gates.Plan {
	if f.onPlan != nil {
		return f.onPlan(p)
	}
	return p
}

func (f *seams) heartbeat(hb *synth.Heartbeat) {
	if f.onBeat != nil {
		f.onBeat(hb)
	}
}

func (f *seams) report(r *engine.Report) {
	if f.onReport != nil {
		f.onReport(r)
	}
}

func (f *seams) commit(s *memory.Store, changes []adapters.Change) ([]adapters.Result, error) {
	if f.onChanges != nil {
		changes = f.onChanges(changes)
	}
	return s.Commit(context.Background(), changes)
}
