package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestEveryFuzzTargetIsFound(t *testing.T) {
	targets, err := fuzzTargets(repository)
	require.NoError(t, err)
	require.Contains(t, targets, fuzzTarget{"adapters/manifest", "FuzzParse"})
	require.Contains(t, targets, fuzzTarget{"internal/codec", "FuzzRecord"})
	require.Contains(t, targets, fuzzTarget{"reducer", "FuzzStep"})
	require.Contains(t, targets, fuzzTarget{"adapters/sqlite", "FuzzOpenFile"})
	require.NotContains(t, targets, fuzzTarget{"examples/prove", "FuzzGood"}, "it is a text of this file")
}

// What the tool says when its own time is up, and what it says of an input.
func TestAnEndOfTimeIsNoViolation(t *testing.T) {
	const timeUp = "fuzz: elapsed: 14s, execs: 62735 (6691/sec), new interesting: 25 (total: 389)\n" +
		"--- FAIL: FuzzHeartbeat (14.46s)\n    context deadline exceeded\nFAIL\nexit status 1\n"
	require.True(t, onlyTimeUp(timeUp))
	require.False(t, onlyTimeUp(timeUp+"    Failing input written to testdata/fuzz/FuzzHeartbeat/1\n"))
	require.False(t, onlyTimeUp("--- FAIL: FuzzHeartbeat (1.0s)\n    --- FAIL: FuzzHeartbeat (0.00s)\n        one_test.go:7: context deadline exceeded\nFAIL\n"))
	require.False(t, onlyTimeUp("FAIL\texample.com/one [build failed]\n"))
}

func TestAnInputThatFailsIsAViolation(t *testing.T) {
	root := t.TempDir()
	for name, content := range map[string]string{
		"go.mod": "module example.com/one\n\ngo 1.26.0\n",
		"one_test.go": `package one

import "testing"

func FuzzGood(f *testing.F) { f.Fuzz(func(t *testing.T, b []byte) {}) }

func FuzzBad(f *testing.F) {
	f.Add(7)
	f.Fuzz(func(t *testing.T, n int) {
		if n == 7 {
			t.Fatal("seven")
		}
	})
}
`,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(content), 0o644))
	}
	t.Setenv("GOWORK", "off")
	var doing []string
	at := &job{root: root, doing: func(what string) { doing = append(doing, what) }}
	runs, err := fuzzTarget{".", "FuzzGood"}.run(t.Context(), at, time.Second)
	require.NoError(t, err)
	require.Positive(t, runs)
	require.Contains(t, doing[len(doing)-1], "ok")
	_, err = fuzzTarget{".", "FuzzBad"}.run(t.Context(), at, time.Second)
	var v *violation
	require.ErrorAs(t, err, &v)
	require.Contains(t, v.what, "seven")
	require.Equal(t, "go test -run=FuzzBad ./.", v.replay)
}
