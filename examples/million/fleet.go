package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// waves is how many each channel has.
const waves = 5

// soak is served by every host long before the wipe.
const soak = 5 * time.Minute

// channels of the fleet: each behind the one at the place that it names.
var channels = [...]struct {
	name   states.Channel
	behind int // none: -1
}{{"canary", -1}, {"early", 0}, {"stable", 1}, {"lab", -1}}

const ref = "a1b2c3d4"

// fleet knows its hosts by their number, and each by its name: who checks needs
// no table of a million names.
type fleet struct {
	hosts int
	seed  uint64
}

const hostPrefix = "host-"

func (f fleet) name(i int) states.Host {
	var text [len(hostPrefix) + 7]byte
	copy(text[:], hostPrefix)
	for at := len(text) - 1; at >= len(hostPrefix); at-- {
		text[at] = byte('0' + i%10)
		i /= 10
	}
	return states.Host(text[:])
}

// number is the inverse of name.
func (f fleet) number(host states.Host) (int, error) {
	i, err := strconv.Atoi(strings.TrimPrefix(string(host), hostPrefix))
	if err != nil || i < 0 || i >= f.hosts {
		return 0, fmt.Errorf("%q is not a host of the fleet", host)
	}
	return i, nil
}

func (f fleet) channel(i int) int { return i % len(channels) }

func (f fleet) wave(i int) int { return i / len(channels) % waves }

// target is what the hosts of a channel run.
func (f fleet) target(channel int) states.Closure {
	return states.Closure("/nix/store/0c6kzph9ql4m7cxyn8v5w2r3bdf1jgas-system-" + string(channels[channel].name) + "-26.05")
}

// plan is the manifest.
func (f fleet) plan() gates.Plan {
	plan := gates.Plan{Ref: ref, Hosts: make([]gates.PlannedHost, f.hosts)}
	var targets [len(channels)]states.Closure
	for c := range channels {
		targets[c] = f.target(c)
		if front := channels[c].behind; front >= 0 {
			plan.ChannelEdges = append(plan.ChannelEdges, gates.ChannelEdge{Gates: channels[front].name, Gated: channels[c].name})
		}
	}
	for i := range plan.Hosts {
		c := f.channel(i)
		plan.Hosts[i] = gates.PlannedHost{
			Host: f.name(i), Channel: channels[c].name, Wave: states.Wave(f.wave(i)), Target: targets[c],
			Policy: states.Policy{Soak: soak, OnFailure: states.RollbackAndHalt},
		}
	}
	return plan
}

// shuffled returns the hosts' numbers in a random order that depends on the
// seed.
func (f fleet) shuffled() []int32 {
	order := f.sorted()
	rand.New(rand.NewPCG(f.seed, 0)).Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
}

func (f fleet) sorted() []int32 {
	order := make([]int32, f.hosts)
	for i := range order {
		order[i] = int32(i)
	}
	return order
}

// heartbeat is what a relay hands in: a name and a closure of its own, as from
// a message that was decoded.
func (f fleet) heartbeat(i int, at states.Time, beat uint64) synth.Heartbeat {
	return synth.Heartbeat{
		Host: f.name(i), Current: f.target(f.channel(i)),
		At: at, Order: states.Order{Boot: 3, Beat: beat},
	}
}

// relayed is what a relay hands in.
func relayed(f fleet, hosts []int32, beat uint64) []synth.Heartbeat {
	at := states.TimeOf(time.Now())
	batch := make([]synth.Heartbeat, len(hosts))
	for i, host := range hosts {
		batch[i] = f.heartbeat(int(host), at, beat)
	}
	return batch
}
