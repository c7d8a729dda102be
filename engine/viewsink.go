package engine

import "github.com/rollmend/rollmend/reducer"

// viewSink hands committed effects to the core's view.
type viewSink struct{ c *Core }

// Log implements [reducer.Sink]; the view does not look at the log.
func (viewSink) Log(reducer.LogEntry) error { return nil }

// Quarantine implements [reducer.Sink].
func (v viewSink) Quarantine(q reducer.Quarantine) error {
	v.c.quarantine(q)
	return nil
}

// Transition implements [reducer.Sink]; the view follows standings.
func (viewSink) Transition(reducer.Transition) error { return nil }
