package manifest_test

import (
	"fmt"

	"github.com/rollmend/rollmend/adapters/manifest"
)

func Example() {
	m, err := manifest.Load("testdata/fleet.resolved.json")
	if err != nil {
		fmt.Println(err) // every fault, with its place
		return
	}
	for _, w := range m.Warnings() {
		fmt.Println("warning:", w)
	}
	plan := m.Plan()
	fmt.Printf("%d hosts, to be rolled out to %s\n", len(plan.Hosts), plan.Ref)
	// Output:
	// warning: /meta/signedBy: unknown name "signedBy": ignored
	// warning: /waves/stable: 1 of the channel's hosts in none of its waves, so they stay held: web-3
	// warning: /edges/1: "cache-1" is of channel "lab" and "build-1" of "edge-slow": an edge between hosts orders one channel alone, so this one holds nobody; write a channel edge
	// 8 hosts, to be rolled out to a1b2c3d4
}
