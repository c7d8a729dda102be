package reducer

import "github.com/rollmend/rollmend/states"

var pendingRows = []row{
	{Row{states.Pending, states.KindDispatched, states.Pending, false, "stamps dispatched, once"}, writeDispatched},
	{Row{states.Pending, states.KindDispatchAck, states.Activating, false, "acked; at dispatch and current := the closure at dispatch, where known"}, writeDispatchAck},
}

func writeDispatched(rec *states.Record, ev Event) error {
	if !rec.Dispatched.IsSet() {
		rec.Dispatched = ev.At
	}
	return nil
}

func writeDispatchAck(rec *states.Record, ev Event) error {
	rec.Set(states.AckedAt, ev.At, ev.definite())
	if c := ev.Body.(DispatchAck).AtDispatch; c.Known() {
		rec.AtDispatch, rec.Current = c, c
	}
	return nil
}
