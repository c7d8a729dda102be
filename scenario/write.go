package scenario

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// ReportLine writes a report of an agent as the step that makes it, at a file's
// time. What happened elsewhere and fails can so become a file. It is empty for
// an event that no agent reports.
func ReportLine(ev reducer.Event, now states.Time) string {
	name := ""
	for verb, r := range reports {
		if ev.Body != nil && r.kind == ev.Kind() {
			name = verb
		}
	}
	if name == "" {
		return ""
	}
	l := line{words: []string{name, string(ev.Key.Host)}}
	l.add("seq", strconv.FormatUint(uint64(ev.Seq), 10), true)
	l.body(ev.Body)
	l.time("at", ev.At, ev.At != now)
	l.order(ev.Order)
	return l.String()
}

// BeatLine writes a heartbeat as the step that makes it, at a file's time.
func BeatLine(hb *synth.Heartbeat, now states.Time) string {
	l := line{words: []string{"beat", string(hb.Host)}}
	l.add("runs", string(hb.Current), hb.Current.Known())
	l.add("holds", hb.Holds.String(), !hb.Holds.IsZero())
	l.time("at", hb.At, hb.At != now)
	l.order(hb.Order)
	l.time("since", hb.CurrentSince, hb.CurrentSince.IsSet())
	l.add("failing", strings.Join(hb.Failing, ","), len(hb.Failing) > 0)
	l.add("queued", strconv.Itoa(hb.Queued), hb.Queued > 0)
	l.time("last-reply", hb.LastReply, hb.LastReply.IsSet())
	return l.String()
}

// TimeLine writes the step that sets a file's time.
func TimeLine(now states.Time) string { return "at " + timeText(now) }

// line is a step that is being written.
type line struct{ words []string }

func (l *line) String() string { return strings.Join(l.words, " ") }

// add writes an option where it is given.
func (l *line) add(name, value string, given bool) {
	switch {
	case !given:
		return
	case strings.ContainsAny(value, " \t"):
		value = `"` + value + `"`
	}
	l.words = append(l.words, name+"="+value)
}

func (l *line) time(name string, at states.Time, given bool) { l.add(name, timeText(at), given) }

func (l *line) order(o states.Order) {
	l.add("boot", strconv.FormatUint(o.Boot, 10), o.Boot != 0)
	l.add("beat", strconv.FormatUint(o.Beat, 10), o.Boot != 0)
}

// closure writes one, the unknown one as a file does.
func (l *line) closure(name string, c states.Closure) {
	text := string(c)
	if !c.Known() {
		text = unknown
	}
	l.add(name, text, true)
}

func (l *line) number(name string, n, otherwise int) {
	l.add(name, strconv.Itoa(n), n != otherwise)
}

func (l *line) probe(name string, mode states.Mode) {
	l.add("probe", name, true)
	l.add("mode", mode.String(), mode != states.Enforce)
}

// body writes what an event says, as far as a file can say it.
func (l *line) body(body reducer.Body) {
	switch b := body.(type) {
	case reducer.DispatchAck:
		l.closure("closure", b.AtDispatch)
	case reducer.ActivationStarted:
		l.add("method", b.Method, b.Method != "switch")
	case reducer.ActivationCompleted:
		l.closure("observed", b.Observed)
		l.number("exit", b.ExitCode, 0)
	case reducer.ActivationDeferred:
		l.add("component", b.Component, b.Component != "kernel")
	case reducer.ActivationFailed:
		l.number("exit", b.ExitCode, 1)
		l.add("stderr", b.StderrTail, b.StderrTail != "")
	case reducer.ProbeTopologyDeclared:
		for _, p := range b.Probes {
			l.add(p.Name, p.Mode.String(), true)
		}
	case reducer.ProbeObservedFirst:
		l.probe(b.Probe, b.Mode)
	case reducer.ProbeResult:
		l.probe(b.Probe, b.Mode)
		l.add("status", b.Status.String(), true)
		l.add("reason", b.Reason, b.Reason != "")
	case reducer.ProbeFailureFirst:
		l.probe(b.Probe, b.Mode)
	case reducer.Failed:
		l.add("for", b.Duration.String(), b.Duration != 0)
		l.add("failing", strings.Join(b.Failing, ","), len(b.Failing) > 0)
		l.add("policy", b.PolicyApplied.String(), b.PolicyApplied != 0)
	case reducer.RollbackComplete:
		l.closure("to", b.RevertedTo)
		l.number("exit", b.ExitCode, 0)
	case reducer.Converged:
		l.closure("closure", b.Current)
	}
}

// RolloutLine writes the step that declares a channel's rollout.
func RolloutLine(id states.Rollout, target states.Closure, policy states.Policy) string {
	l := line{words: []string{"rollout", id.String()}}
	l.add("target", target.String(), target.Known())
	l.add("soak", soakText(policy.Soak), policy.Soak != defaultSoak)
	l.add("on-failure", policy.OnFailure.String(), policy.OnFailure != states.RollbackAndHalt)
	l.add("deferred-is-done", "no", !policy.DeferredIsDone)
	return l.String()
}

// soakText writes a duration without the parts that are zero.
func soakText(d time.Duration) string {
	if d%time.Minute == 0 && d != 0 {
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.String()
}
