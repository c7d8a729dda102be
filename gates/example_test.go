package gates_test

import (
	"fmt"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

func twoWaves() (*gates.View, states.Rollout) {
	fleet := gates.NewFleet(gates.Plan{
		Ref: "a1b2",
		Hosts: []gates.PlannedHost{
			{Host: "web-1", Channel: "stable", Wave: 0, Target: "new"},
			{Host: "web-2", Channel: "stable", Wave: 1, Target: "new"},
		},
	})
	id, _ := fleet.Rollout("stable")
	view := gates.NewView(fleet, []reducer.Quarantine{})
	view.Open(id)
	for i, host := range []states.Host{"web-1", "web-2"} {
		rec := states.Record{
			Key:  states.Key{Rollout: id, Host: host},
			Wave: states.Wave(i), Target: "new",
			Belief: states.Belief{State: states.Pending},
		}
		view.Track(gates.Standing{}, gates.StandingOf(&rec), nil)
	}
	return view, id
}

func ask(id states.Rollout, host states.Host, wave states.Wave) gates.Ask {
	return gates.Ask{
		Purpose: gates.Dispatch, Wave: wave, Target: "new",
		Key: states.Key{Rollout: id, Host: host},
	}
}

func ExampleEvaluate() {
	view, id := twoWaves()
	for _, verdict := range gates.Evaluate(view, ask(id, "web-1", 0), ask(id, "web-2", 1)) {
		fmt.Println(verdict.Ask.Key.Host, verdict)
	}
	// Output:
	// web-1 may go
	// web-2 held: wave-promotion (wave 1 of stable@a1b2): wave 0 is current, 1 of its hosts are not done; released by every host of wave 0 and of those up to 0 done
}

// freeze is a gate of one's own: nothing goes on these channels for now.
type freeze map[states.Channel]string

func (freeze) Name() string { return "freeze" }

func (f freeze) Hold(_ *gates.View, ask gates.Ask) (gates.Block, bool) {
	why, frozen := f[ask.Key.Rollout.Channel]
	return gates.Block{
		Scope:   string(ask.Key.Rollout.Channel),
		Why:     why,
		Release: "the end of the freeze",
	}, frozen
}

func ExampleRules() {
	view, id := twoWaves()
	rules := gates.Rules{Own: []gates.Gate{freeze{"stable": "the shop is full until Monday"}}}
	fmt.Println(rules.Evaluate(view, ask(id, "web-1", 0))[0])
	// Output:
	// held: freeze (stable): the shop is full until Monday; released by the end of the freeze
}
