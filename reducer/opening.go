package reducer

import "github.com/rollmend/rollmend/states"

// openingRows is what makes a record; nothing else is legal before it.
var openingRows = []Row{
	{0, states.KindOpened, states.Pending, false, "opens the record: wave, target, policy"},
}

func writeOpened(rec *states.Record, ev *Event, b Opened) error {
	if !b.Target.Known() {
		return &InvariantError{Key: ev.Key, Kind: ev.Kind(), Invariant: ClosureTargetRequired, Detail: "the target is unknown"}
	}
	rec.Key = ev.Key
	rec.Wave, rec.Target, rec.Policy = b.Wave, b.Target, b.Policy
	rec.Opened = ev.At
	return nil
}
