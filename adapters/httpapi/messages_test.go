package httpapi_test

import (
	"time"

	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// The messages of an agent, each with what the engine is to get. The name is
// that of the golden file.
var heartbeats = []struct {
	name string
	sent agent.Heartbeat
	got  synth.Heartbeat
}{
	{
		"heartbeat",
		agent.Heartbeat{
			Rollout: release, Current: "sha256:new", At: noon, Order: states.Order{Boot: 3, Beat: 17},
			LastReply: noon - 60_000, CurrentSince: noon - 3_600_000, FailingProbes: []string{"disk", "http"}, Queued: 2,
		},
		synth.Heartbeat{
			Host: "web-1", Holds: release, Current: "sha256:new", At: noon, Order: states.Order{Boot: 3, Beat: 17},
			LastReply: noon - 60_000, CurrentSince: noon - 3_600_000, Failing: []string{"disk", "http"}, Queued: 2,
		},
	},
	{
		"heartbeat-alive",
		agent.Heartbeat{At: noon},
		synth.Heartbeat{Host: "web-1", At: noon},
	},
}

var policy = states.Policy{Soak: 5 * time.Minute, OnFailure: states.RollbackAndHalt, DeferredIsDone: true}

// soaking is a record on its way.
func soaking() states.Record {
	rec := states.Record{
		Key: states.Key{Rollout: release, Host: "web-1"}, Wave: 1, Target: "sha256:new", Policy: policy,
		Opened: noon - 600_000, Dispatched: noon - 500_000, LastSeq: 4, Revision: 5,
	}
	rec.State, rec.AtDispatch, rec.Current = states.Soaking, "sha256:old", "sha256:new"
	rec.Set(states.AckedAt, noon-400_000, true)
	rec.Set(states.StartedAt, noon-390_000, true)
	rec.Set(states.ActivatedAt, noon-300_500, true)
	rec.Set(states.LastTransitionAt, noon-300_500, true)
	rec.Probes = states.Probes{{Name: "http", Mode: states.Enforce, Declared: true, Status: states.Pass, At: noon - 200_000}}
	return rec
}

// The answers to a heartbeat, each with what the agent is to get.
var heartbeatReplies = []struct {
	name string
	sent engine.HeartbeatReply
	got  agent.BeatAnswered
}{
	{
		"heartbeat-reply",
		engine.HeartbeatReply{
			ReceivedAt: noon, NextBeat: time.Minute,
			Snapshots:  []engine.Snapshot{{Record: soaking(), SoakDueAt: noon - 500, LastBoot: 3}},
			ReplayFrom: 5,
			Replay:     []engine.Replay{{Rollout: states.Rollout{Channel: "stable", Ref: "older"}, From: 1}},
			Findings:   []synth.Finding{{Reason: synth.Stale}},
		},
		agent.BeatAnswered{
			ReceivedAt: noon, NextBeat: time.Minute,
			Snapshots: []agent.Snapshot{{
				Rollout: release, State: states.Soaking, Target: "sha256:new", AtDispatch: "sha256:old",
				SoakDueAt: noon - 500, LastSeq: 4, Soak: 5 * time.Minute, OnFailure: states.RollbackAndHalt, LastBoot: 3,
			}},
			Replay: []agent.Replay{
				{Rollout: states.Rollout{Channel: "stable", Ref: "older"}, From: 1},
				{Rollout: release, From: 5}, // the header's
			},
		},
	},
	{
		"heartbeat-reply-plain",
		engine.HeartbeatReply{ReceivedAt: noon},
		agent.BeatAnswered{ReceivedAt: noon},
	},
}

var (
	handedOut = engine.Dispatch{
		Key: states.Key{Rollout: release, Host: "web-1"}, Target: "sha256:new", Policy: policy,
		EnqueuedAt: noon - 5_000, SentAt: noon,
	}
	taken = agent.Dispatch{
		Rollout: release, Target: "sha256:new", Soak: 5 * time.Minute, SoakDueAt: noon.Add(5 * time.Minute),
		OnFailure: states.RollbackAndHalt,
	}
)

// bodies holds a body of every kind that an agent sends, with every field set.
var bodies = []reducer.Body{
	reducer.DispatchAck{AtDispatch: "sha256:old"},
	reducer.ActivationStarted{Method: "switch"},
	reducer.ActivationCompleted{Observed: "sha256:new", ExitCode: 4},
	reducer.ActivationDeferred{Component: "kernel"},
	reducer.ActivationFailed{ExitCode: -1, StderrTail: "no space left\n\tat \"store\""},
	reducer.ProbeTopologyDeclared{Probes: []reducer.Declaration{
		{Name: "http", Kind: "endpoint", Mode: states.Enforce}, {Name: "disk", Kind: "command", Mode: states.Observe},
	}},
	reducer.ProbeObservedFirst{Probe: "http", Mode: states.Enforce},
	reducer.ProbeResult{Probe: "cis", Mode: states.Observe, Status: states.Fail, Reason: "1 of 2", Sub: []reducer.SubResult{
		{ControlID: "1.1", Status: states.Pass, Framework: "cis", EffectiveMode: states.Enforce},
		{ControlID: "1.2", Status: states.Fail, Framework: "cis", Article: "4", EffectiveMode: states.Disabled, OverrideReason: "lab"},
	}},
	reducer.ProbeFailureFirst{Probe: "http", Mode: states.Enforce},
	reducer.Failed{Duration: 90 * time.Second, Failing: []string{"http"}, PolicyApplied: states.Halt},
	reducer.RollbackComplete{RevertedTo: "sha256:old", ExitCode: 1},
	reducer.Converged{Current: "sha256:new"},
}

func eventOf(b reducer.Body, seq states.Seq) reducer.Event {
	return reducer.Event{
		Key: states.Key{Rollout: release, Host: "web-1"}, Seq: seq, At: noon,
		Order: states.Order{Boot: 3, Beat: 16}, Body: b,
	}
}
