package host

import (
	"context"
	"time"

	"github.com/rollmend/rollmend/adapters/httpapi"
	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/states"
)

func (p *process) beat(ctx context.Context, a agent.Beat) {
	ctx, cancel := context.WithTimeout(ctx, replyWithin)
	defer cancel()
	answer, err := p.Client.Heartbeat(ctx, a.Heartbeat)
	if err != nil {
		return // the next one follows anyway
	}
	p.note(Note{
		What: BeatWasAnswered, Rollout: a.Heartbeat.Rollout.String(), Closure: a.Heartbeat.Current,
		Order: a.Heartbeat.Order, SentAt: a.Heartbeat.At, Received: answer.ReceivedAt,
	})
	answer.Now = now()
	p.hear(ctx, answer)
}

func (p *process) send(ctx context.Context, a agent.Send) {
	if p.Folder.Holds(BeforeReports) {
		return // lost on the way; it is sent again
	}
	ctx, cancel := context.WithTimeout(ctx, replyWithin)
	defer cancel()
	answer, _ := p.Client.Report(ctx, a) // the answer holds whatever the error
	answer.Now = now()
	if answer.Answer == agent.Told || answer.Answer == agent.NoRecord {
		p.note(Note{
			What: ReportAnswered, Rollout: answer.Rollout.String(), Seq: answer.Seq,
			Kind: a.Report.Kind().String(), Disposition: disposition(answer), Detail: answer.Reason,
		})
	}
	p.hear(ctx, answer.ReportAnswered)
}

// disposition says what became of a report that was consumed.
func disposition(a httpapi.ReportAnswer) string {
	if a.Answer == agent.NoRecord {
		return "no-record"
	}
	return a.Disposition.String()
}

// askForDispatches asks for one dispatch after the other.
func (p *process) askForDispatches(ctx context.Context) {
	for ctx.Err() == nil {
		dispatch, ok, err := p.Client.Dispatch(ctx, dispatchWait)
		if err == nil && ok {
			p.note(Note{What: WasDispatched, Rollout: dispatch.Rollout.String(), Closure: dispatch.Target})
			p.hear(ctx, agent.Dispatched{Now: now(), Current: p.running(), Dispatch: dispatch})
		}
		select {
		case <-ctx.Done():
		case <-time.After(dispatchPause):
		}
	}
}

// runProbes looks at the closure that runs: what it declares, then each probe.
func (p *process) runProbes(ctx context.Context, a agent.RunProbes) {
	defer func() { p.probed <- struct{}{} }()
	p.Folder.wait(ctx, BeforeProbes)
	profile := p.Folder.Profile()
	declared, err := profile.Probes()
	if err != nil {
		p.note(Note{What: WentWrong, Detail: err.Error()})
		return
	}
	if !p.running().Is(a.Closure) {
		return // it looked at another one
	}
	p.hear(ctx, agent.ProbesDeclared{Now: now(), Closure: a.Closure, Probes: declared})
	for _, d := range declared {
		if d.Mode == states.Disabled {
			continue
		}
		status, reason := profile.RunProbe(d.Name)
		if !p.running().Is(a.Closure) {
			return
		}
		p.hear(ctx, agent.ProbeReported{
			Now: now(), Closure: a.Closure, Name: d.Name, Mode: d.Mode, Status: status, Reason: reason,
		})
	}
}

// activate brings the host to the target: by a switch, or, where a critical
// component would change under running programs, by staging it for the next
// boot.
func (p *process) activate(ctx context.Context, a agent.Activate) {
	profile := p.Folder.Profile()
	err := profile.Fetch(p.Cache, a.Target)
	component := ""
	if err == nil {
		component, err = profile.Critical(a.Target)
	}
	switch {
	case err != nil:
	case component != "":
		err = profile.Stage(a.Target)
	default:
		err = profile.Switch(a.Target)
	}
	switch {
	case err != nil:
		p.note(Note{What: SwitchNotWorking, Closure: a.Target, Detail: err.Error()})
		p.hear(ctx, agent.SwitchFinished{Now: now(), Current: p.running(), ExitCode: 1, Stderr: err.Error()})
	case component != "":
		p.note(Note{What: StagedForBoot, Closure: a.Target, Detail: component})
		p.hear(ctx, agent.SwitchDeferred{Now: now(), Current: p.running(), Component: component})
	default:
		p.note(Note{What: SwitchedTo, Closure: a.Target})
		p.Folder.wait(ctx, AfterSwitch)
		p.hear(ctx, agent.SwitchFinished{Now: now(), Current: p.running()})
	}
}

func (p *process) rollBack(ctx context.Context, a agent.RollBack) {
	exitCode := 0
	if err := p.Folder.Profile().Switch(a.To); err != nil {
		p.note(Note{What: SwitchNotWorking, Closure: a.To, Detail: err.Error()})
		exitCode = 1
	} else {
		p.note(Note{What: RolledBackTo, Closure: a.To})
		p.Folder.wait(ctx, AfterRollback)
	}
	p.hear(ctx, agent.RollbackFinished{Now: now(), Current: p.running(), ExitCode: exitCode})
}
