package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/examples/prove/track"
)

func TestEveryPlantedDefectCanBePlanted(t *testing.T) {
	plants, err := loadPlants(repository)
	require.NoError(t, err)
	require.Greater(t, len(plants), 12)
	seen := map[string]bool{}
	for _, p := range plants {
		require.False(t, seen[p.ID], p.ID)
		seen[p.ID] = true
	}
}

// field is a repository with a fleet that breaks a sentence at seed 5 as it is,
// and with a defect in it from seed 300 on.
func field(t *testing.T) string {
	root := t.TempDir()
	for name, content := range map[string]string{
		"go.mod": "module example.com/one\n\ngo 1.26.0\n",
		"proptest/sim/fleet.go": `package sim

import "fmt"

func broken(seed uint64) bool { return false }

func Run(seed uint64) error {
	if seed == 5 || broken(seed) {
		return fmt.Errorf("sim: nothing is lost: it was\nreplay: go test -sim.seed=%d", seed)
	}
	return nil
}
`,
		"proptest/sim/fleet_test.go": `package sim

import (
	"flag"
	"testing"
)

var (
	seed = flag.Uint64("sim.seed", 1, "")
	runs = flag.Int("sim.runs", 1, "")
	_    = flag.Int("sim.shrink", 1, "")
)

func TestTheFleetKeepsThePromise(t *testing.T) {
	for s := *seed; s < *seed+uint64(*runs); s++ {
		if err := Run(s); err != nil {
			t.Fatal(err)
		}
	}
}
`,
	} {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	}
	t.Setenv("GOWORK", "off")
	return root
}

func TestADefectIsFoundWhereTheFleetIsSoundWithoutIt(t *testing.T) {
	root := field(t)
	defect := func(becomes string) plant {
		return plant{"d", track.Mutation{Says: "it loses", File: "proptest/sim/fleet.go", Old: "return false", New: becomes}}
	}
	for name, c := range map[string]struct {
		becomes string
		begins  uint64 // fleets that were run before
		want    string // what the ledger says; empty: the simulation is blind
		fleets  uint64
	}{
		"at once":                            {"return seed == 3", 0, "seed 3: nothing is lost", 3},
		"behind a seed that breaks anyway":   {"return seed >= 300", 0, "seed 300: nothing is lost", 300},
		"going on behind what was run":       {"return seed == 3 || seed == 600", 500, "seed 600: nothing is lost", 600},
		"never, within the bound of the job": {"return seed == 1<<40", fleetsMost - 10, "", fleetsMost + 240},
	} {
		t.Run(name, func(t *testing.T) {
			l := &ledger{}
			l.add(searchedBy+"d", c.begins)
			j := &job{
				root: root, seed: 1, until: time.Now().Add(time.Hour), ledger: l,
				save: func() error { return nil }, doing: func(string) {},
			}
			s := search{job: j, dir: t.TempDir()}
			err := s.find(t.Context(), defect(c.becomes))
			require.Equal(t, c.want, l.Facts[foundBy+"d"])
			require.Equal(t, c.fleets, l.Counts[searchedBy+"d"])
			if c.want != "" {
				require.NoError(t, err)
				return
			}
			var v *violation
			require.ErrorAs(t, err, &v)
			require.Contains(t, v.what, "the simulation is blind for it")
		})
	}
}

func TestADefectThatDoesNotCompileIsAViolation(t *testing.T) {
	root := field(t)
	j := &job{root: root, seed: 1, until: time.Now(), ledger: &ledger{}, save: func() error { return nil }}
	s := search{job: j, dir: t.TempDir()}
	err := s.find(t.Context(), plant{"d", track.Mutation{Says: "nonsense", File: "proptest/sim/fleet.go", Old: "return false", New: "return"}})
	var v *violation
	require.ErrorAs(t, err, &v)
	require.Contains(t, v.what, "d: the defect says nothing: building the fleet")
}
