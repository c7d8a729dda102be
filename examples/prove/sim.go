package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rollmend/rollmend/proptest/sim"
)

// simulated runs fleets with faults, a fleet a seed. The error of one that
// breaks a promise is a [*violation].
type simulated struct {
	fleet func(seed uint64) (simulation, error)
}

// simulation is what one run of a fleet has seen.
type simulation struct {
	events      uint64
	byFault     map[string]int
	synthesised map[string]int // by case
	exceptions  map[string]int // guesses that did not come true, by the limit that names them
	worst       time.Duration  // until a record agreed with its host again after the last fault
}

// fleetsPerRound is how many fleets are run before the ledger is kept: about a
// second of work.
const fleetsPerRound = 50

const injectedFaults = "injected faults"

// What a ledger counts one by one begins with one of these.
const (
	faultsByName      = "fault "
	guessesByCase     = "synthesised "
	exceptionsByLimit = "exception "
)

// triesToShrink bounds how many runs are spent on making a violation smaller:
// a few seconds' worth.
const triesToShrink = 200

// realFleet runs one fleet, and makes a violation as small as it gets.
func realFleet(seed uint64) (simulation, error) {
	r, err := sim.Run(sim.Options{Seed: seed})
	var broken *sim.Violation
	if errors.As(err, &broken) {
		small := sim.Shrink(broken, triesToShrink)
		return simulation{}, &violation{what: small.Error(), replay: small.Options.Replay()}
	}
	return simulation{
		events: uint64(r.Events), byFault: r.ByFault, synthesised: r.Synthesised, exceptions: r.Exceptions,
		worst: r.WorstSettle,
	}, err
}

func (simulated) name() string { return "sim" }

func (simulated) about() string {
	return "whole fleets in one goroutine, with faults of the network, the disk, the clocks, the agents and the control planes; after each step what is believed is compared with what is true"
}

func (simulated) share() int { return 20 }

func (simulated) summary(l *ledger) []figure {
	return []figure{
		{what: injectedFaults, n: l.Counts[injectedFaults]},
		{what: "simulated events", n: l.Counts["events"]},
		{what: "fleets", n: l.Counts["fleets"]},
		{what: "ms at the worst until a record agreed with its host again after the last fault", n: l.Counts["worst"]},
	}
}

func (p simulated) run(ctx context.Context, j *job) error {
	var mu sync.Mutex
	return rounds(ctx, j, fleetsPerRound, func(_ context.Context, seed uint64) (map[string]uint64, error) {
		s, err := p.fleet(seed)
		if err != nil {
			return nil, err
		}
		mu.Lock()
		defer mu.Unlock()
		j.ledger.raise("worst", uint64(s.worst.Milliseconds()))
		counts := map[string]uint64{"events": s.events, "fleets": 1}
		for list, numbers := range map[string]map[string]int{faultsByName: s.byFault, guessesByCase: s.synthesised, exceptionsByLimit: s.exceptions} {
			for name, n := range numbers {
				counts[list+name] += uint64(n)
			}
		}
		for _, n := range s.byFault {
			counts[injectedFaults] += uint64(n)
		}
		return counts, nil
	})
}

// details lists every sort of fault, every case that was synthesised, and every
// guess that did not come true, with their numbers.
func (simulated) details(l *ledger) string {
	if l == nil || l.Took == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("## What the fleets went through\n\n")
	for _, list := range []struct{ title, prefix string }{
		{"Faults", faultsByName}, {"Events synthesised, by case", guessesByCase}, {"Guesses that did not come true, by the limit that names them", exceptionsByLimit},
	} {
		var items []string
		for _, what := range slices.Sorted(maps.Keys(l.Counts)) {
			if name, ok := strings.CutPrefix(what, list.prefix); ok {
				items = append(items, fmt.Sprintf("%s %s", name, grouped(l.Counts[what])))
			}
		}
		if len(items) > 0 {
			fmt.Fprintf(&b, "%s: %s.\n\n", list.title, strings.Join(items, ", "))
		}
	}
	return b.String()
}
