package host

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/rollmend/rollmend/adapters/httpapi"
	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/states"
)

// Options say how a host's agent runs. All fields must be given.
type Options struct {
	Config agent.Config
	Folder Folder
	Cache  string // a folder of closures, to fetch from
	Client *httpapi.Client
}

const (
	// maxInputs bounds what the agent's tasks have found out and its machine has
	// not heard yet: more tasks than ever run at once.
	maxInputs = 64

	// replyWithin bounds how long a reply is waited for: half a cycle, so that a
	// lost one does not cost two heartbeats.
	replyWithin = time.Second

	// dispatchWait is how long the control plane is asked to wait for a dispatch.
	dispatchWait = 20 * time.Second

	// dispatchPause is the least time between two requests for a dispatch: one
	// that is not acknowledged yet is handed out again at once.
	dispatchPause = 250 * time.Millisecond
)

// process is an agent's process: the loop around its machine.
type process struct {
	Options
	machine agent.Machine
	journal *Journal
	diary   *Diary
	inputs  chan agent.Input

	tasks   sync.WaitGroup
	probing bool
	probed  chan struct{}
}

// Run runs a host's agent until the context ends. It may be killed at any
// point and started again.
func Run(ctx context.Context, opts Options) error {
	machine, err := agent.New(opts.Config)
	if err != nil {
		return fmt.Errorf("host: %w", err)
	}
	journal, err := OpenJournal(opts.Folder.JournalPath())
	if err != nil {
		return err
	}
	defer journal.Close()
	diary, err := OpenDiary(opts.Folder.DiaryPath())
	if err != nil {
		return err
	}
	defer diary.Close()
	p := &process{
		Options: opts, machine: machine, journal: journal, diary: diary,
		inputs: make(chan agent.Input, maxInputs),
		probed: make(chan struct{}, 1),
	}
	ctx, cancel := context.WithCancel(ctx)
	defer p.tasks.Wait()
	defer cancel()
	return p.loop(ctx)
}

// loop hands the machine what happens, and does what it asks for.
func (p *process) loop(ctx context.Context) error {
	running, err := p.Folder.Profile().Current()
	if err != nil {
		return err
	}
	p.note(Note{What: ProcessStarted, Closure: running, Detail: p.Folder.BootID()})
	p.spawn(func() { p.askForDispatches(ctx) })
	var in agent.Input = agent.Started{
		Now: now(), Current: running, BootID: p.Folder.BootID(), Journal: p.journal.Entries(),
	}
	for {
		var actions []agent.Action
		p.machine, actions = p.machine.Step(in)
		for _, action := range actions {
			if err := p.do(ctx, action); err != nil {
				return err
			}
		}
		if in = p.next(ctx); in == nil {
			return nil
		}
	}
}

// next waits for something to happen, time included; nil means that the
// process is to end.
func (p *process) next(ctx context.Context) agent.Input {
	timer := time.NewTimer(time.Until(p.machine.Wake().UTC()))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.probed:
			p.probing = false
		case in := <-p.inputs:
			return in
		case <-timer.C:
			return agent.Ticked{Now: now(), Current: p.running()}
		}
	}
}

// do does one action; what takes long is begun, and its end is an input.
func (p *process) do(ctx context.Context, action agent.Action) error {
	switch a := action.(type) {
	case agent.Keep:
		if err := p.journal.Keep(a.Entry); err != nil {
			return err
		}
		if report, ok := a.Entry.(agent.Report); ok {
			p.noteKept(report)
		}
	case agent.Forget:
		return p.journal.Forget(a.Slot)
	case agent.Beat:
		p.spawn(func() { p.beat(ctx, a) })
	case agent.Send:
		p.spawn(func() { p.send(ctx, a) })
	case agent.RunProbes:
		if !p.probing {
			p.probing = true
			p.spawn(func() { p.runProbes(ctx, a) })
		}
	case agent.Activate:
		p.spawn(func() { p.activate(ctx, a) })
	case agent.RollBack:
		p.spawn(func() { p.rollBack(ctx, a) })
	}
	return nil
}

func (p *process) spawn(task func()) {
	p.tasks.Add(1)
	go func() {
		defer p.tasks.Done()
		task()
	}()
}

// hear hands an input to the machine, unless the process ends.
func (p *process) hear(ctx context.Context, in agent.Input) {
	select {
	case p.inputs <- in:
	case <-ctx.Done():
	}
}

// running reads what the host runs, unknown where that cannot be read.
func (p *process) running() states.Closure {
	closure, err := p.Folder.Profile().Current()
	if err != nil {
		p.note(Note{What: WentWrong, Detail: err.Error()})
	}
	return closure
}

// note writes into the diary. A diary that cannot be written must not keep the
// host from its work; whoever reads it will miss the note.
func (p *process) note(n Note) {
	n.At = now()
	_ = p.diary.Write(n)
}

func (p *process) noteKept(r agent.Report) {
	p.note(Note{What: ReportKept, Rollout: r.Event.Key.Rollout.String(), Seq: r.Event.Seq, Kind: r.Event.Kind().String()})
}

func now() states.Time { return states.TimeOf(time.Now()) }
