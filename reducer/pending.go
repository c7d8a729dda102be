package reducer

import "github.com/rollmend/rollmend/states"

var pendingRows = []Row{
	{states.Pending, states.KindDispatched, states.Pending, false, "stamps dispatched, once"},
	{states.Pending, states.KindDispatchAck, states.Activating, false, "acked; at dispatch and current := the closure at dispatch, where known"},
}

func writeDispatched(rec *states.Record, ev *Event) {
	if !rec.Dispatched.IsSet() {
		rec.Dispatched = ev.At
	}
}

func writeDispatchAck(rec *states.Record, ev *Event, b DispatchAck) {
	rec.Set(states.AckedAt, ev.At, ev.definite())
	if b.AtDispatch.Known() {
		rec.AtDispatch, rec.Current = b.AtDispatch, b.AtDispatch
	}
}
