package scenario

import (
	"errors"
	"fmt"
	"slices"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// reportVerb is a step that has agents report something.
type reportVerb struct {
	kind    states.Kind
	usage   string
	options []string
	needs   []string
	body    func(p *player, host states.Host, o *options) reducer.Body
}

// reports is how each of the agent's events is written.
var reports = map[string]reportVerb{
	"ack": {
		states.KindDispatchAck, "[closure=C] ",
		[]string{"closure"},
		nil,
		func(p *player, host states.Host, o *options) reducer.Body {
			return reducer.DispatchAck{AtDispatch: o.closure("closure", p.runs[host])}
		},
	},
	"started": {
		states.KindActivationStarted, "[method=switch] ",
		[]string{"method"},
		nil,
		func(_ *player, _ states.Host, o *options) reducer.Body {
			return reducer.ActivationStarted{Method: o.or("method", "switch")}
		},
	},
	"activated": {
		states.KindActivationCompleted, "[observed=TARGET] [exit=0] ",
		[]string{"observed", "exit"},
		nil,
		func(p *player, host states.Host, o *options) reducer.Body {
			observed := o.closure("observed", p.target(host))
			p.runs[host] = observed
			return reducer.ActivationCompleted{Observed: observed, ExitCode: int(o.number("exit", 0))}
		},
	},
	"deferred": {
		states.KindActivationDeferred, "[component=kernel] ",
		[]string{"component"},
		nil,
		func(_ *player, _ states.Host, o *options) reducer.Body {
			return reducer.ActivationDeferred{Component: o.or("component", "kernel")}
		},
	},
	"activation-failed": {
		states.KindActivationFailed, "[exit=1] [stderr=] ",
		[]string{"exit", "stderr"},
		nil,
		func(_ *player, _ states.Host, o *options) reducer.Body {
			return reducer.ActivationFailed{ExitCode: int(o.number("exit", 1)), StderrTail: o.or("stderr", "")}
		},
	},
	"declared": {states.KindProbeTopologyDeclared, "PROBE=MODE... ", []string{"*"}, nil, declaredProbes},
	"probed-first": {
		states.KindProbeObservedFirst, "probe= [mode=enforce] ",
		[]string{"probe", "mode"},
		[]string{"probe"},
		func(_ *player, _ states.Host, o *options) reducer.Body {
			return reducer.ProbeObservedFirst{Probe: o.or("probe", ""), Mode: o.mode()}
		},
	},
	"probed": {
		states.KindProbeResult, "probe= status=pass|fail [mode=enforce] [reason=] ",
		[]string{"probe", "mode", "status", "reason"},
		[]string{"probe", "status"},
		func(_ *player, _ states.Host, o *options) reducer.Body {
			return reducer.ProbeResult{
				Probe: o.or("probe", ""), Mode: o.mode(), Status: named(o, "status", states.ParseStatus), Reason: o.or("reason", ""),
			}
		},
	},
	"probe-failing": {
		states.KindProbeFailureFirst, "probe= [mode=enforce] ",
		[]string{"probe", "mode"},
		[]string{"probe"},
		func(_ *player, _ states.Host, o *options) reducer.Body {
			return reducer.ProbeFailureFirst{Probe: o.or("probe", ""), Mode: o.mode()}
		},
	},
	"failed": {
		states.KindFailed, "[for=1m] [failing=P,P] [policy=] ",
		[]string{"for", "failing", "policy"},
		nil,
		func(_ *player, _ states.Host, o *options) reducer.Body {
			return reducer.Failed{
				Duration: o.duration("for"), Failing: o.list("failing"), PolicyApplied: named(o, "policy", states.ParseOnFailure),
			}
		},
	},
	"rollback": {
		states.KindRollbackComplete, "to=C [exit=0] ",
		[]string{"to", "exit"},
		[]string{"to"},
		func(p *player, host states.Host, o *options) reducer.Body {
			to := o.closure("to", "")
			p.runs[host] = to
			return reducer.RollbackComplete{RevertedTo: to, ExitCode: int(o.number("exit", 0))}
		},
	},
	"converged": {
		states.KindConverged, "[closure=TARGET] ",
		[]string{"closure"},
		nil,
		func(p *player, host states.Host, o *options) reducer.Body {
			return reducer.Converged{Current: o.closure("closure", p.target(host))}
		},
	},
}

// mode reads a probe's mode, which is enforce unless it is said.
func (o *options) mode() states.Mode {
	if m := named(o, "mode", states.ParseMode); m != 0 {
		return m
	}
	return states.Enforce
}

// declaredProbes takes each option that no other report knows for a probe.
func declaredProbes(_ *player, _ states.Host, o *options) reducer.Body {
	var b reducer.ProbeTopologyDeclared
	for _, opt := range o.step.Options {
		if slices.Contains([]string{"seq", "at", "boot", "beat", "rollout"}, opt.Name) {
			continue
		}
		b.Probes = append(b.Probes, reducer.Declaration{Name: opt.Name, Mode: named(o, opt.Name, states.ParseMode)})
	}
	return b
}

// report has each host of the step report.
func report(p *player, s Step, o *options) error {
	for _, name := range s.Args {
		if err := p.known(name); err != nil {
			return err
		}
		host := states.Host(name)
		key, err := p.key(host, o)
		if err != nil {
			return err
		}
		ev := reducer.Event{
			Key: key, Seq: states.Seq(o.number("seq", 0)), At: o.at("at", p.now), Order: o.order(),
			Body: reports[s.Verb].body(p, host, o),
		}
		if o.err != nil {
			return o.err
		}
		if err := p.report(ev); err != nil {
			return err
		}
	}
	return nil
}

func (p *player) report(ev reducer.Event) error {
	reply, changes, err := p.hand(engine.Report{Event: ev})
	if err != nil {
		return err
	}
	p.sayChanges(changes)
	host := p.label(ev.Key)
	gap := new(engine.GapError)
	switch {
	case errors.As(reply.Err, &gap):
		p.say("%s  put back: reports wanted from %d", host, gap.From)
		return nil // said again, the gap would be accepted
	case errors.Is(reply.Err, adapters.ErrNotFound):
		p.say("%s  no such record", host)
		return nil
	case reply.Err != nil:
		return reply.Err
	case reply.Report.Disposition == reducer.Duplicate && !touches(changes, ev.Key):
		rec, err := p.plane.store.Record(p.ctx, ev.Key)
		if err != nil {
			return err
		}
		p.say("%s  %s  (retransmit)", host, rec.State)
	case reply.Report.Disposition != reducer.Refused && reply.Report.Reason != "":
		p.say("%s  said: %s", host, reply.Report.Reason)
	}
	return p.again(func() error {
		reply, changes, err := p.hand(engine.Report{Event: ev})
		if err != nil {
			return err
		}
		if reply.Report.Disposition != reducer.Duplicate || len(changes) > 0 {
			return fmt.Errorf("the report is %s when it is sent again, with %d changes: want a duplicate that changes nothing", reply.Report.Disposition, len(changes))
		}
		return nil
	})
}

func touches(changes []told, key states.Key) bool {
	return slices.ContainsFunc(changes, func(c told) bool { return c.Record.Key == key })
}
