package main

import (
	"context"
	"fmt"
	"log"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/scenario"
)

// rules is what a control plane is given: engine.Options{Rules: rules, ...}.
var rules = gates.Rules{Own: []gates.Gate{share{gated: "edge", gating: "stable", percent: 50}}}

// life is one that the gate has a say in.
const life = `# The edge follows half of stable.
rollout stable@a1b2 target=new soak=10s
host stable-1 stable-2 runs=old
rollout edge@a1b2 target=new soak=10s
host edge-1 runs=old
dispatch edge-1
----

dispatch stable-1
ack stable-1 seq=1
activated stable-1 seq=2
wait 10s
converged stable-1 seq=3
poll edge-1
----
`

func main() {
	text, err := scenario.Control{Rules: rules}.Play(context.Background(), "life", life)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(text)
}
