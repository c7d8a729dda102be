package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// ownPoints are the crash points that the kit reaches itself: around the calls.
var ownPoints = []string{beforeCommit, afterCommit, beforeEnact, afterEnact}

// passings are which of its passings of a crash point a process dies at, one
// after the other on one place: the first ones, among them what happens while a
// place is made or taken over, and some in mid-work.
var passings = []int{1, 2, 3, 5, 8}

// roundsToCrash is how long a process works that does not come to its crash
// point, or not often enough.
const roundsToCrash = 3 * enactEvery

// CrashCase is the case of one crash point: of those in [Fixture.CrashPoints],
// or of the kit's own around the calls, which [Run] runs as well.
func CrashCase(point string) Case {
	return Case{
		Name:  "killed " + point + ", a place keeps what was acknowledged, and every change whole",
		Check: func(t testing.TB, f Fixture) { killedAt(t, f, point) },
	}
}

// killedAt has processes killed at a crash point. Each looks first at what its
// predecessors left.
func killedAt(t testing.TB, f Fixture, point string) {
	require.NotEmpty(t, f.Place, "a crash point needs a place that another process can open")
	var kept told
	died := 0
	for _, n := range passings {
		err := after(context.Background(), order{Place: f.Place, Point: point, Passing: n, Look: true, Rounds: roundsToCrash}, &kept)
		if errors.Is(err, errKilled) {
			died++
			continue
		}
		require.NoError(t, err, "passing %d, after %d processes died %s", n, died, point)
	}
	require.NotZero(t, died, "no process ever came to the moment %q: the point is declared, and not told to Reach", point)
	err := after(context.Background(), order{Place: f.Place, Look: true, Rounds: enactEvery}, &kept)
	require.NoError(t, err, "a process goes on, after %d died %s", died, point)
	require.NoError(t, look(context.Background(), f.Place, &kept))
}

// crashCases yields a case for each crash point of a fixture.
func crashCases(f Fixture) (cases []Case) {
	if !f.Promise.Durable || f.Place == "" {
		return nil
	}
	for _, point := range append(append([]string(nil), ownPoints...), f.CrashPoints...) {
		cases = append(cases, CrashCase(point))
	}
	return cases
}
