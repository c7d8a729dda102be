package codec

import (
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// AppendQuarantine appends a quarantine.
func AppendQuarantine(dst []byte, q *reducer.Quarantine) []byte {
	var w writer
	w.begin(dst, quarantineMessage)
	w.quarantine(q)
	return w.buf
}

// DecodeQuarantine reads what [AppendQuarantine] appended. The error is an
// [*Error].
func DecodeQuarantine(in []byte) (reducer.Quarantine, error) {
	var r reader
	r.begin(in, quarantineMessage)
	q := r.quarantine()
	return q, r.end()
}

// AppendTransition appends a transition.
func AppendTransition(dst []byte, t *reducer.Transition) []byte {
	var w writer
	w.begin(dst, transitionMessage)
	w.transition(t)
	return w.buf
}

// DecodeTransition reads what [AppendTransition] appended. The error is an
// [*Error].
func DecodeTransition(in []byte) (reducer.Transition, error) {
	var r reader
	r.begin(in, transitionMessage)
	t := r.transition()
	return t, r.end()
}

func (w *writer) quarantine(q *reducer.Quarantine) {
	w.string(string(q.Channel))
	w.string(string(q.Closure))
	w.time(q.Since)
	w.string(q.Why)
	w.rollout(q.Rollout)
	w.string(string(q.Host))
}

func (r *reader) quarantine() reducer.Quarantine {
	return reducer.Quarantine{
		Channel: states.Channel(r.string()),
		Closure: states.Closure(r.string()),
		Since:   r.time(),
		Why:     r.string(),
		Rollout: r.rollout(),
		Host:    states.Host(r.string()),
	}
}

func (w *writer) transition(t *reducer.Transition) {
	w.byte(byte(t.From))
	w.byte(byte(t.To))
	w.time(t.At)
}

func (r *reader) transition() reducer.Transition {
	return reducer.Transition{From: enum[states.State](r), To: enum[states.State](r), At: r.time()}
}
