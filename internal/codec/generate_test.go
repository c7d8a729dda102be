package codec_test

import (
	"math"
	"strings"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"pgregory.net/rapid"
)

// The generators make every value that a field can hold, likely or not: what a
// reducer would never write must survive as well.

// text draws names as they come, and as nobody would choose them.
func text[S ~string](t *rapid.T) S {
	return S(rapid.OneOf(
		rapid.SampledFrom([]string{"", "a", "ab", "web-1", "/nix/store/q0l9", "Zürich", "ホスト", "\x00\xff\xfe", strings.Repeat("n", 4096)}),
		rapid.String(),
		rapid.StringN(0, 40, 200),
	).Draw(t, "text"))
}

func clock(t *rapid.T) states.Time {
	return rapid.OneOf(
		rapid.SampledFrom([]states.Time{0, 1, -1, math.MinInt64, math.MaxInt64, 1_700_000_000_000}),
		rapid.Map(rapid.Int64(), func(v int64) states.Time { return states.Time(v) }),
	).Draw(t, "time")
}

// enum draws any named value of an enumeration, zero among them.
func enum[E interface {
	~uint8
	String() string
}](t *rapid.T,
) E {
	all := []E{0}
	for e := E(1); !strings.HasPrefix(e.String(), "invalid"); e++ {
		all = append(all, e)
	}
	return rapid.SampledFrom(all).Draw(t, "enum")
}

func truth(t *rapid.T) bool { return rapid.Bool().Draw(t, "truth") }

func list[V any](t *rapid.T, most int, one func(*rapid.T) V) []V {
	return rapid.SliceOfN(rapid.Custom(one), 0, most).Draw(t, "list")
}

func order(t *rapid.T) states.Order {
	return states.Order{Boot: rapid.Uint64().Draw(t, "boot"), Beat: rapid.Uint64().Draw(t, "beat")}
}

func rollout(t *rapid.T) states.Rollout {
	return states.Rollout{Channel: text[states.Channel](t), Ref: text[states.Ref](t)}
}

func key(t *rapid.T) states.Key {
	return states.Key{Rollout: rollout(t), Host: text[states.Host](t)}
}

func policy(t *rapid.T) states.Policy {
	return states.Policy{
		Soak:           time.Duration(rapid.Int64().Draw(t, "soak")),
		OnFailure:      enum[states.OnFailure](t),
		DeferredIsDone: truth(t),
	}
}

func opened(t *rapid.T) reducer.Opened {
	return reducer.Opened{
		Wave:   states.Wave(rapid.Int32().Draw(t, "wave")),
		Target: text[states.Closure](t),
		Policy: policy(t),
	}
}

func observation(t *rapid.T) states.Observation {
	return states.Observation{
		At:      clock(t),
		Order:   order(t),
		Current: text[states.Closure](t),
		Seq:     states.Seq(rapid.Uint64().Draw(t, "seq")),
	}
}

func probe(t *rapid.T) states.Probe {
	return states.Probe{
		Name: text[string](t), Mode: enum[states.Mode](t), Declared: truth(t), Status: enum[states.Status](t),
		At: clock(t), Reason: text[string](t), SinceGap: truth(t),
	}
}

func belief(t *rapid.T) states.Belief {
	b := states.Belief{
		State:      enum[states.State](t),
		AtDispatch: text[states.Closure](t), Current: text[states.Closure](t), RevertedTo: text[states.Closure](t),
		PolicyApplied: enum[states.OnFailure](t), Probes: list(t, 5, probe),
		LastOrder: order(t), DeferredOrder: order(t),
	}
	for s := range states.AllStamps() {
		if truth(t) {
			b.Set(s, clock(t), truth(t))
		}
	}
	return b
}

func record(t *rapid.T) states.Record {
	rec := states.Record{
		Key: key(t), Wave: states.Wave(rapid.Int32().Draw(t, "wave")), Target: text[states.Closure](t), Policy: policy(t),
		Opened: clock(t), Dispatched: clock(t),
		LastSeq: states.Seq(rapid.Uint64().Draw(t, "seq")), Gap: truth(t),
		Revision: states.Revision(rapid.Uint64().Draw(t, "revision")),
		Belief:   belief(t),
	}
	if truth(t) {
		rec.Doubt = &states.Doubt{Before: belief(t)}
		for range rapid.IntRange(1, states.MaxGuesses).Draw(t, "guesses") {
			rec.Doubt.Guesses = append(rec.Doubt.Guesses, states.Guess{
				Kind: enum[states.Kind](t), Case: enum[states.Case](t), At: clock(t), From: observation(t),
			})
		}
	}
	return rec
}

func body(t *rapid.T) reducer.Body {
	exit := rapid.Int().Draw(t, "exit")
	return rapid.SampledFrom([]func() reducer.Body{
		func() reducer.Body { return opened(t) },
		func() reducer.Body { return reducer.Dispatched{} },
		func() reducer.Body { return reducer.DispatchAck{AtDispatch: text[states.Closure](t)} },
		func() reducer.Body { return reducer.ActivationStarted{Method: text[string](t)} },
		func() reducer.Body {
			return reducer.ActivationCompleted{Observed: text[states.Closure](t), ExitCode: exit}
		},
		func() reducer.Body { return reducer.ActivationDeferred{Component: text[string](t)} },
		func() reducer.Body { return reducer.ActivationFailed{ExitCode: exit, StderrTail: text[string](t)} },
		func() reducer.Body { return reducer.ProbeTopologyDeclared{Probes: list(t, 4, declaration)} },
		func() reducer.Body {
			return reducer.ProbeObservedFirst{Probe: text[string](t), Mode: enum[states.Mode](t)}
		},
		func() reducer.Body {
			return reducer.ProbeResult{
				Probe: text[string](t), Mode: enum[states.Mode](t), Status: enum[states.Status](t),
				Reason: text[string](t), Sub: list(t, 4, subResult),
			}
		},
		func() reducer.Body {
			return reducer.ProbeFailureFirst{Probe: text[string](t), Mode: enum[states.Mode](t)}
		},
		func() reducer.Body {
			return reducer.Failed{
				Duration: time.Duration(rapid.Int64().Draw(t, "duration")), Failing: list(t, 4, text[string]),
				PolicyApplied: enum[states.OnFailure](t),
			}
		},
		func() reducer.Body {
			return reducer.RollbackComplete{RevertedTo: text[states.Closure](t), ExitCode: exit}
		},
		func() reducer.Body { return reducer.Converged{Current: text[states.Closure](t)} },
	}).Draw(t, "body")()
}

func declaration(t *rapid.T) reducer.Declaration {
	return reducer.Declaration{Name: text[string](t), Kind: text[string](t), Mode: enum[states.Mode](t)}
}

func subResult(t *rapid.T) reducer.SubResult {
	return reducer.SubResult{
		ControlID: text[string](t), Status: enum[states.Status](t), Framework: text[string](t),
		Article: text[string](t), EffectiveMode: enum[states.Mode](t), OverrideReason: text[string](t),
	}
}

func entry(t *rapid.T) reducer.LogEntry {
	e := reducer.LogEntry{
		Revision:    states.Revision(rapid.Uint64().Draw(t, "revision")),
		Disposition: enum[reducer.Disposition](t), Reason: text[string](t),
		Event: reducer.Event{
			Key: key(t), Seq: states.Seq(rapid.Uint64().Draw(t, "seq")),
			Origin: reducer.Origin{By: enum[reducer.By](t)},
			At:     clock(t), Order: order(t), Clamped: truth(t), Body: body(t),
		},
	}
	if truth(t) {
		e.Event.Origin.Case, e.Event.Origin.From = enum[states.Case](t), observation(t)
	}
	return e
}

func quarantine(t *rapid.T) reducer.Quarantine {
	return reducer.Quarantine{
		Channel: text[states.Channel](t), Closure: text[states.Closure](t), Since: clock(t),
		Why: text[string](t), Rollout: rollout(t), Host: text[states.Host](t),
	}
}

func transition(t *rapid.T) reducer.Transition {
	return reducer.Transition{From: enum[states.State](t), To: enum[states.State](t), At: clock(t)}
}

// change draws a change whose parts fit together, as the port asks for.
func change(t *rapid.T) adapters.Change {
	c := adapters.Change{
		Expect: states.Revision(rapid.Uint32().Draw(t, "expect")),
		Record: record(t),
	}
	c.Effects = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) reducer.Effects {
		e := reducer.Effects{Entry: entry(t)}
		if truth(t) {
			e.Quarantine = quarantine(t)
		}
		if truth(t) {
			e.Transition = transition(t)
		}
		return e
	}), 1, 4).Draw(t, "effects")
	for i := range c.Effects {
		e := &c.Effects[i]
		e.Entry.Event.Key = c.Record.Key
		e.Entry.Revision = c.Expect + states.Revision(i) + 1
	}
	c.Record.Revision = c.Expect + states.Revision(len(c.Effects))
	return c
}

func opening(t *rapid.T) adapters.Opening {
	hosts := rapid.SliceOfNDistinct(rapid.Custom(text[states.Host]), 0, 8, rapid.ID[states.Host]).Draw(t, "hosts")
	with := list(t, 2, opened)
	o := adapters.Opening{Rollout: rollout(t), At: clock(t), SignedAt: clock(t)}
	for _, h := range sorted(hosts) {
		m := adapters.Member{Host: h}
		if len(with) > 0 {
			m.Opened = rapid.SampledFrom(with).Draw(t, "opened")
		}
		o.Members = append(o.Members, m)
	}
	return o
}

func resumption(t *rapid.T) adapters.Resumption {
	return adapters.Resumption{Rollout: rollout(t), At: clock(t), Reason: text[string](t), Hosts: list(t, 4, text[states.Host])}
}

func imposition(t *rapid.T) adapters.Imposition {
	return adapters.Imposition{Quarantine: quarantine(t)}
}

func clearance(t *rapid.T) adapters.Clearance {
	return adapters.Clearance{
		Channel: text[states.Channel](t), Closure: text[states.Closure](t), At: clock(t), Reason: text[string](t),
	}
}
