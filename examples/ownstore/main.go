package main

import (
	"context"
	"fmt"
	"log"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/scenario"
)

// open opens an empty store. A control plane is given one by
// engine.Options{Store: store, ...}.
func open() (adapters.Store, error) { return newFoldingStore(), nil }

// life is one in which the store is asked for what it kept.
const life = `# The control plane starts anew in the middle of a rollout.
rollout stable@a1b2 target=new soak=10s
host web-1 runs=old
dispatch web-1
ack web-1 seq=1
restart
activated web-1 seq=2
log web-1
----
`

func main() {
	text, err := scenario.Control{Open: open}.Play(context.Background(), "life", life)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(text)
}
