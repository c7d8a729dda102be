package main

import (
	"fmt"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
)

// share holds a channel until so many percent of another one have converged.
type share struct {
	gated, gating states.Channel
	percent       int
}

func (share) Name() string { return "share" }

// Hold holds where it cannot tell: a rollout that is planned and not open yet
// has nobody who converged.
func (s share) Hold(view *gates.View, ask gates.Ask) (gates.Block, bool) {
	if ask.Key.Rollout.Channel != s.gated {
		return gates.Block{}, false
	}
	id, planned := view.Fleet().Rollout(s.gating)
	if !planned {
		return gates.Block{}, false // nothing is rolled out there
	}
	progress, open := view.Progress(id)
	if open && 100*progress.Converged >= s.percent*progress.Hosts {
		return gates.Block{}, false
	}
	return gates.Block{
		Scope:   fmt.Sprintf("%s behind %d %% of %s", s.gated, s.percent, s.gating),
		Why:     fmt.Sprintf("%d of %d hosts of %s have converged", progress.Converged, progress.Hosts, id),
		Release: fmt.Sprintf("%d %% of them converged", s.percent),
	}, true
}
