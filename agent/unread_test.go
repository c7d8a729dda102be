package agent_test

import (
	"testing"

	"github.com/rollmend/rollmend/agent"
)

func TestNothingIsSwitchedWhileItCannotBeReadWhatRuns(t *testing.T) {
	h := newHost(t).start()
	h.do(agent.Dispatched{Now: h.now, Dispatch: agent.Dispatch{Rollout: first, Target: "new", Soak: minute}})
	h.wantActs("probe old") // of its start
}
