package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
)

// maxSoakMinutes bounds a soak: what is longer than a year is a slip of the
// hand, and far beyond it a duration overflows.
const maxSoakMinutes = 366 * 24 * 60

// reader turns a document into a plan.
type reader struct {
	*findings
	doc      document
	hosts    []string // sorted
	channels []string // sorted
	placed   map[string]place
}

// place is where the waves put a host.
type place struct {
	wave           int
	path           string
	soakMinutes    int64
	deferredIsDone bool
}

func newReader(doc document, f *findings) *reader {
	r := &reader{
		findings: f, doc: doc, placed: map[string]place{},
		hosts:    slices.Sorted(maps.Keys(doc.Hosts)),
		channels: slices.Sorted(maps.Keys(doc.Channels)),
	}
	r.checkPolicies()
	r.checkChannels()
	r.readWaves()
	return r
}

func (r *reader) checkPolicies() {
	for _, name := range slices.Sorted(maps.Keys(r.doc.RolloutPolicies)) {
		policy := r.doc.RolloutPolicies[name]
		if policy == nil {
			r.fault(at("rolloutPolicies", name), "null is no policy")
			continue
		}
		if _, err := states.ParseOnFailure(policy.OnHealthFailure); err != nil {
			r.fault(at("rolloutPolicies", name, "onHealthFailure"), err.Error())
		}
		for i, w := range policy.Waves {
			path := at("rolloutPolicies", name, "waves", i)
			if w == nil {
				r.fault(path, "null is no wave")
				continue
			}
			r.checkSoak(path, w.SoakMinutes)
			w.Selector.prepare()
		}
	}
}

func (r *reader) checkSoak(path string, minutes int64) {
	if minutes < 0 || minutes > maxSoakMinutes {
		r.fault(path+"/soakMinutes", fmt.Sprintf("%d is no soak: want 0 to %d minutes, which is a year", minutes, maxSoakMinutes))
	}
}

func (r *reader) checkChannels() {
	for _, name := range r.channels {
		if name == "" || strings.Contains(name, "@") {
			r.fault(at("channels", name), fmt.Sprintf(`%q cannot name a channel: want a name without the @ that parts channel and ref in the id "channel@ref"`, name))
		}
		policy := r.doc.Channels[name].RolloutPolicy
		if r.doc.RolloutPolicies[policy] == nil {
			r.fault(at("channels", name, "rolloutPolicy"), fmt.Sprintf("no policy %q in rolloutPolicies", policy))
		}
	}
}

// readWaves finds the place of every host that is in a wave.
func (r *reader) readWaves() {
	for _, name := range slices.Sorted(maps.Keys(r.doc.Waves)) {
		if _, ok := r.doc.Channels[name]; !ok {
			r.fault(at("waves", name), fmt.Sprintf("no channel %q in channels", name))
			continue
		}
		for i, w := range r.doc.Waves[name] {
			r.checkSoak(at("waves", name, i), w.SoakMinutes)
			for j, hostName := range w.Hosts {
				r.readPlace(name, hostName, place{
					wave: i, path: at("waves", name, i, "hosts", j), soakMinutes: w.SoakMinutes,
					deferredIsDone: w.DeferredIsDone == nil || *w.DeferredIsDone,
				})
			}
		}
	}
}

func (r *reader) readPlace(channelName, hostName string, p place) {
	h, known := r.doc.Hosts[hostName]
	earlier, twice := r.placed[hostName]
	switch {
	case !known:
		r.fault(p.path, fmt.Sprintf("no host %q in hosts", hostName))
	case h.Channel != channelName:
		r.fault(p.path, fmt.Sprintf("host %q is of channel %q, and this wave is of %q", hostName, h.Channel, channelName))
	case twice:
		r.fault(p.path, fmt.Sprintf("host %q is in wave %d already, at %s: a host goes once", hostName, earlier.wave, earlier.path))
	default:
		r.placed[hostName] = p
	}
}

// planHosts resolves every host, and warns of those that no wave takes along.
func (r *reader) planHosts() []gates.PlannedHost {
	out := make([]gates.PlannedHost, 0, len(r.hosts))
	unstaged := map[string][]string{}
	for _, name := range r.hosts {
		h := r.doc.Hosts[name]
		if name == "" {
			r.fault("/hosts/", "a host needs a name")
		}
		if _, ok := r.doc.Channels[h.Channel]; !ok {
			r.fault(at("hosts", name, "channel"), fmt.Sprintf("no channel %q in channels", h.Channel))
			continue
		}
		p := r.placeOf(name)
		if p.wave == int(states.Unstaged) && h.ClosureHash != "" {
			unstaged[h.Channel] = append(unstaged[h.Channel], name)
		}
		out = append(out, gates.PlannedHost{
			Host: states.Host(name), Channel: states.Channel(h.Channel),
			Wave: states.Wave(p.wave), Target: states.Closure(h.ClosureHash),
			Policy: states.Policy{
				Soak:           time.Duration(p.soakMinutes) * time.Minute,
				OnFailure:      r.onFailure(h.Channel),
				DeferredIsDone: p.deferredIsDone,
			},
		})
	}
	for _, name := range r.channels {
		if held := unstaged[name]; len(held) > 0 {
			r.warning(at("waves", name), fmt.Sprintf("%d of the channel's hosts in none of its waves, so they stay held: %s", len(held), some(held)))
		}
	}
	return out
}

// placeOf returns the place of a host of a known channel. One that is in no
// wave soaks for as long as its channel's policy says: the longest soak of the
// policy's waves that select it, none where none does.
func (r *reader) placeOf(name string) place {
	if p, ok := r.placed[name]; ok {
		return p
	}
	h := r.doc.Hosts[name]
	p := place{deferredIsDone: true}
	if len(r.doc.Waves[h.Channel]) > 0 {
		p.wave = int(states.Unstaged)
	}
	if policy := r.policyOf(h.Channel); policy != nil {
		for _, w := range policy.Waves {
			if w != nil && w.Selector.selects(name, h) {
				p.soakMinutes = max(p.soakMinutes, w.SoakMinutes)
			}
		}
	}
	return p
}

func (r *reader) policyOf(channelName string) *rolloutPolicy {
	return r.doc.RolloutPolicies[r.doc.Channels[channelName].RolloutPolicy]
}

// onFailure returns a channel's failure policy; an unknown one was told where
// it stands.
func (r *reader) onFailure(channelName string) states.OnFailure {
	policy := r.policyOf(channelName)
	if policy == nil {
		return 0
	}
	on, err := states.ParseOnFailure(policy.OnHealthFailure)
	if err != nil {
		return 0
	}
	return on
}
