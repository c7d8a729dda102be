package httpapi

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// instant is a time on the wire: RFC 3339, written in UTC with milliseconds.
type instant states.Time

const layout = "2006-01-02T15:04:05.000Z07:00"

// MarshalText implements [encoding.TextMarshaler].
func (t instant) MarshalText() ([]byte, error) {
	return states.Time(t).UTC().AppendFormat(nil, layout), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler]. The zero of states.Time
// means "not set", so a clock that stands at its very beginning is read as a
// millisecond later: it was set.
func (t *instant) UnmarshalText(b []byte) error {
	var at time.Time
	if err := at.UnmarshalText(b); err != nil {
		return fmt.Errorf("%q is no RFC 3339 time", shown(b))
	}
	if y := at.UTC().Year(); y < 0 || y > 9999 {
		return fmt.Errorf("%q is not within the years that RFC 3339 has in UTC", shown(b))
	}
	*t = instant(states.TimeOf(at))
	if *t == 0 {
		*t = 1
	}
	return nil
}

// rolloutID is a rollout's name on the wire, "channel@ref".
type rolloutID states.Rollout

// MarshalText implements [encoding.TextMarshaler].
func (r rolloutID) MarshalText() ([]byte, error) { return []byte(states.Rollout(r).String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (r *rolloutID) UnmarshalText(b []byte) error {
	return read((*states.Rollout)(r), b, states.ParseRollout)
}

// The enumerations of the wire. Their names are those of package states.
type (
	kind        states.Kind
	state       states.State
	mode        states.Mode
	status      states.Status
	onFailure   states.OnFailure
	disposition reducer.Disposition
)

// MarshalText implements [encoding.TextMarshaler].
func (k kind) MarshalText() ([]byte, error) { return []byte(states.Kind(k).String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler]. It takes an agent's
// kinds alone.
func (k *kind) UnmarshalText(b []byte) error { return read((*states.Kind)(k), b, parseAgentKind) }

// MarshalText implements [encoding.TextMarshaler].
func (s state) MarshalText() ([]byte, error) { return []byte(states.State(s).String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *state) UnmarshalText(b []byte) error { return read((*states.State)(s), b, states.ParseState) }

// MarshalText implements [encoding.TextMarshaler].
func (m mode) MarshalText() ([]byte, error) { return []byte(states.Mode(m).String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (m *mode) UnmarshalText(b []byte) error { return read((*states.Mode)(m), b, states.ParseMode) }

// MarshalText implements [encoding.TextMarshaler].
func (s status) MarshalText() ([]byte, error) { return []byte(states.Status(s).String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *status) UnmarshalText(b []byte) error {
	return read((*states.Status)(s), b, states.ParseStatus)
}

// MarshalText implements [encoding.TextMarshaler].
func (p onFailure) MarshalText() ([]byte, error) { return []byte(states.OnFailure(p).String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (p *onFailure) UnmarshalText(b []byte) error {
	return read((*states.OnFailure)(p), b, states.ParseOnFailure)
}

// MarshalText implements [encoding.TextMarshaler].
func (d disposition) MarshalText() ([]byte, error) {
	return []byte(reducer.Disposition(d).String()), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *disposition) UnmarshalText(b []byte) error {
	return read((*reducer.Disposition)(d), b, parseDisposition)
}

// read parses a name and says what would have been right.
func read[T any](to *T, b []byte, parse func(string) (T, error)) error {
	v, err := parse(string(b))
	var name *states.NameError
	if errors.As(err, &name) {
		return fmt.Errorf("%q is no %s: want %s", shown(name.Name), name.What, name.Want)
	}
	*to = v
	return err
}

func parseAgentKind(s string) (states.Kind, error) {
	if k, err := states.ParseKind(s); err == nil && k.Agent() {
		return k, nil
	}
	var names []string
	for k := range states.Kinds() {
		if k.Agent() {
			names = append(names, k.String())
		}
	}
	return 0, &states.NameError{What: "event kind", Name: s, Want: "one of " + strings.Join(names, ", ")}
}

func parseDisposition(s string) (reducer.Disposition, error) {
	var names []string
	for d := reducer.Applied; d <= reducer.Refused; d++ {
		if d.String() == s {
			return d, nil
		}
		names = append(names, d.String())
	}
	return 0, &states.NameError{What: "disposition", Name: s, Want: "one of " + strings.Join(names, ", ")}
}
