package proptest

import (
	"slices"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
)

// slow answers an ask from the list of records alone, as section 7 of the
// specification has it; spent lists the hosts that were let through before it
// in the same pass.
func (f *Fleet) slow(ask gates.Ask, spent []states.Host) []reason {
	id := ask.Key.Rollout
	if id.Ref != f.Plan.Ref || !slices.Contains(f.Open, id) || !f.planned(ask.Key.Host) {
		return []reason{{"unknown", gates.Wait{On: gates.OnManifest}}}
	}
	dispatch := ask.Purpose == gates.Dispatch
	out := f.slowQuarantine(ask)
	if dispatch {
		out = append(out, f.slowHalted(id)...)
	}
	out = append(out, sortedEdges(f.slowChannels(id.Channel, map[states.Channel]bool{}))...)
	out = append(out, f.slowWave(ask)...)
	out = append(out, f.slowHosts(ask)...)
	if dispatch {
		out = append(out, f.slowBudgets(ask, spent)...)
		out = append(out, f.slowCompliance(ask)...)
	}
	return out
}

func (f *Fleet) planned(host states.Host) bool {
	return slices.ContainsFunc(f.Plan.Hosts, func(h gates.PlannedHost) bool { return h.Host == host })
}

func (f *Fleet) slowQuarantine(ask gates.Ask) []reason {
	for _, q := range f.Quarantines {
		if q.Channel == ask.Key.Rollout.Channel && q.Closure.Is(ask.Target) {
			return []reason{{"quarantine", gates.Wait{On: gates.OnClearance, Channel: q.Channel, Closure: q.Closure}}}
		}
	}
	return nil
}

func (f *Fleet) slowHalted(id states.Rollout) []reason {
	for i := range f.Records {
		if rec := &f.Records[i]; rec.Rollout == id && bad(rec.State) && !slices.Contains(f.Resumed, rec.Key) {
			return []reason{{"halted", gates.Wait{On: gates.OnResume, Rollout: id}}}
		}
	}
	return nil
}

// slowChannels looks at the predecessors of a channel, through those that have
// no rollout of their own.
func (f *Fleet) slowChannels(channel states.Channel, seen map[states.Channel]bool) (out []reason) {
	for _, edge := range f.Plan.ChannelEdges {
		if edge.Gated != channel || seen[edge.Gates] {
			continue
		}
		seen[edge.Gates] = true
		if !f.hasRollout(edge.Gates) {
			out = append(out, f.slowChannels(edge.Gates, seen)...)
		} else if !f.terminal(edge.Gates) {
			out = append(out, reason{"channel-edges", gates.Wait{On: gates.OnChannel, Channel: edge.Gates}})
		}
	}
	return out
}

func (f *Fleet) hasRollout(channel states.Channel) bool {
	return slices.ContainsFunc(f.Plan.Hosts, func(h gates.PlannedHost) bool { return h.Channel == channel && h.Target.Known() })
}

func (f *Fleet) terminal(channel states.Channel) bool {
	id := states.Rollout{Channel: channel, Ref: f.Plan.Ref}
	if !slices.Contains(f.Open, id) {
		return false
	}
	for i := range f.Records {
		if rec := &f.Records[i]; rec.Rollout == id && rec.State != states.Converged {
			return false
		}
	}
	return true
}

func (f *Fleet) slowWave(ask gates.Ask) []reason {
	if ask.Wave == states.Unstaged {
		return []reason{{"wave-promotion", gates.Wait{On: gates.OnManifest}}}
	}
	for i := range f.Records {
		rec := &f.Records[i]
		done := rec.State == states.Converged || rec.State == states.Deferred && rec.Policy.DeferredIsDone
		if rec.Rollout == ask.Key.Rollout && rec.Wave >= 0 && rec.Wave < ask.Wave && !done {
			return []reason{{"wave-promotion", gates.Wait{On: gates.OnWave, Rollout: ask.Key.Rollout, Wave: ask.Wave}}}
		}
	}
	return nil
}

func (f *Fleet) slowHosts(ask gates.Ask) (out []reason) {
	for _, edge := range f.Plan.HostEdges {
		if edge.Gated != ask.Key.Host {
			continue
		}
		ready := slices.ContainsFunc(f.Records, func(rec states.Record) bool {
			return rec.Host == edge.Gates && rec.Rollout == ask.Key.Rollout &&
				(rec.State == states.Converged || rec.State == states.Deferred)
		})
		if !ready {
			out = append(out, reason{"host-edges", gates.Wait{On: gates.OnRecord, Rollout: ask.Key.Rollout, Host: edge.Gates}})
		}
	}
	return out
}

// flying returns the hosts of a budget that are in flight, each once.
func (f *Fleet) flying(b gates.Budget) (hosts []states.Host) {
	for i := range f.Records {
		rec := &f.Records[i]
		now := rec.State == states.Activating || rec.State == states.Soaking || rec.State == states.Pending && rec.Dispatched.IsSet()
		if now && slices.Contains(b.Hosts, rec.Host) && !slices.Contains(hosts, rec.Host) {
			hosts = append(hosts, rec.Host)
		}
	}
	return hosts
}

// most is a budget's maximum.
func most(b gates.Budget) int {
	share := len(b.Hosts) * b.MaxPercent / 100
	switch {
	case b.MaxPercent == 0:
		return b.MaxInFlight
	case share < 1:
		return 1
	case b.MaxInFlight > 0 && b.MaxInFlight < share:
		return b.MaxInFlight
	}
	return share
}

func (f *Fleet) slowBudgets(ask gates.Ask, spent []states.Host) (out []reason) {
	for _, b := range f.Plan.Budgets {
		if !slices.Contains(b.Hosts, ask.Key.Host) {
			continue
		}
		taken := f.flying(b)
		for _, host := range spent {
			if slices.Contains(b.Hosts, host) && !slices.Contains(taken, host) {
				taken = append(taken, host)
			}
		}
		taken = slices.DeleteFunc(taken, func(h states.Host) bool { return h == ask.Key.Host })
		if len(taken) >= most(b) {
			out = append(out, reason{"disruption-budget", gates.Wait{On: gates.OnBudget, Budget: b.Name}})
		}
	}
	return out
}

func (f *Fleet) slowCompliance(ask gates.Ask) []reason {
	first := ask.Wave
	for i := range f.Records {
		rec := &f.Records[i]
		if rec.Rollout == ask.Key.Rollout && slices.Contains(f.Failing, rec.Key) && rec.Wave >= 0 && rec.Wave < first {
			first = rec.Wave
		}
	}
	if first == ask.Wave {
		return nil
	}
	return []reason{{"compliance-wave", gates.Wait{On: gates.OnProbes, Rollout: ask.Key.Rollout, Wave: first}}}
}
