package scenario_test

import (
	"context"
	"fmt"

	"github.com/rollmend/rollmend/scenario"
)

// A life that somebody saw, as a text: what must have come of it is filled in.
func ExamplePlay() {
	text, err := scenario.Play(context.Background(), "life.txt", `# The database is lost while a host runs the target.
rollout stable@a1b2 target=new soak=5m
host web-1 runs=new
at 1000s
wipe
at 1005s
beat web-1 runs=new
----
`)
	fmt.Print(text, err)
	// Output:
	// # The database is lost while a host runs the target.
	// rollout stable@a1b2 target=new soak=5m
	// host web-1 runs=new
	// at 1000s
	// wipe
	// at 1005s
	// beat web-1 runs=new
	// ----
	// web-1  Pending -> Converged  (synthesised: records-lost)
	//   log         DispatchAck
	//   transition  Pending -> Activating
	//   log         ActivationCompleted observed=new
	//   transition  Activating -> Soaking
	//   log         Converged current=new
	//   transition  Soaking -> Converged
	// <nil>
}
