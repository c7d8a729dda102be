package httpapi

import (
	"time"

	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// heartbeat is the body of POST /v1/agent/heartbeat.
type heartbeat struct {
	Hostname      *string   `json:"hostname"`
	RolloutID     rolloutID `json:"rollout_id,omitzero"`
	Current       string    `json:"current_closure,omitzero"`
	At            *instant  `json:"at"`
	Boot          uint64    `json:"boot,omitzero"`
	Beat          uint64    `json:"beat,omitzero"`
	LastReply     instant   `json:"last_reply,omitzero"`
	CurrentSince  instant   `json:"current_since,omitzero"`
	FailingProbes []string  `json:"failing_probes,omitempty"`
	Queued        uint32    `json:"queued,omitzero"`
}

const messageHeartbeat = "heartbeat"

// readHeartbeat decodes a heartbeat. The error is a [*MessageError].
func readHeartbeat(b []byte, unknown func(message, field string)) (synth.Heartbeat, error) {
	var m heartbeat
	r := reader{message: messageHeartbeat, unknown: unknown}
	if err := r.read(b, &m); err != nil {
		return synth.Heartbeat{}, err
	}
	if *m.Hostname == "" {
		return synth.Heartbeat{}, r.refuse("hostname", "empty")
	}
	return m.synth(), nil
}

// synth returns what a heartbeat that is complete says.
func (m *heartbeat) synth() synth.Heartbeat {
	return synth.Heartbeat{
		Host:         states.Host(*m.Hostname),
		Holds:        states.Rollout(m.RolloutID),
		Current:      states.Closure(m.Current),
		At:           states.Time(*m.At),
		Order:        states.Order{Boot: m.Boot, Beat: m.Beat},
		LastReply:    states.Time(m.LastReply),
		CurrentSince: states.Time(m.CurrentSince),
		Failing:      named(m.FailingProbes),
		Queued:       int(m.Queued),
	}
}

// heartbeatOf gives an agent's heartbeat its form on the wire.
func heartbeatOf(host states.Host, hb agent.Heartbeat) heartbeat {
	return heartbeat{
		Hostname:      new(string(host)),
		RolloutID:     rolloutID(hb.Rollout),
		Current:       string(hb.Current),
		At:            new(instant(hb.At)),
		Boot:          hb.Order.Boot,
		Beat:          hb.Order.Beat,
		LastReply:     instant(hb.LastReply),
		CurrentSince:  instant(hb.CurrentSince),
		FailingProbes: hb.FailingProbes,
		Queued:        uint32(max(0, hb.Queued)),
	}
}

// heartbeatReply answers a heartbeat. The first missing number of the rollout
// that the heartbeat names goes into the header [HeaderReplayFrom].
type heartbeatReply struct {
	ReceivedAt *instant   `json:"received_at"`
	Bootstrap  []snapshot `json:"bootstrap_rollouts,omitempty"`
	NextBeatMs uint32     `json:"next_beat_ms,omitzero"`
	Replay     []replay   `json:"replay,omitempty"`
	LastBoot   uint64     `json:"last_boot,omitzero"`
	LastBeat   uint64     `json:"last_beat,omitzero"`
}

// replay asks for the kept reports of one rollout.
type replay struct {
	RolloutID *rolloutID `json:"rollout_id"`
	From      *uint64    `json:"from"`
}

// replyOf gives the engine's answer its form on the wire.
func replyOf(r engine.HeartbeatReply) heartbeatReply {
	out := heartbeatReply{
		ReceivedAt: new(instant(r.ReceivedAt)), NextBeatMs: uint32(r.NextBeat.Milliseconds()),
		LastBoot: r.Newest.Boot, LastBeat: r.Newest.Beat,
	}
	for _, s := range r.Snapshots {
		out.Bootstrap = append(out.Bootstrap, snapshotOf(s))
	}
	for _, p := range r.Replay {
		out.Replay = append(out.Replay, replayOf(p.Rollout, p.From))
	}
	return out
}

func replayOf(r states.Rollout, from states.Seq) replay {
	return replay{RolloutID: new(rolloutID(r)), From: new(uint64(from))}
}

// readHeartbeatReply decodes a reply as an agent takes it. The error is a
// [*MessageError].
func readHeartbeatReply(b []byte) (agent.BeatAnswered, error) {
	var m heartbeatReply
	if err := (reader{message: "heartbeat reply"}).read(b, &m); err != nil {
		return agent.BeatAnswered{}, err
	}
	out := agent.BeatAnswered{
		ReceivedAt: states.Time(*m.ReceivedAt),
		NextBeat:   time.Duration(m.NextBeatMs) * time.Millisecond,
		Newest:     states.Order{Boot: m.LastBoot, Beat: m.LastBeat},
	}
	for _, s := range m.Bootstrap {
		out.Snapshots = append(out.Snapshots, s.agent())
	}
	for _, p := range m.Replay {
		out.Replay = append(out.Replay, agent.Replay{Rollout: states.Rollout(*p.RolloutID), From: states.Seq(*p.From)})
	}
	return out, nil
}
