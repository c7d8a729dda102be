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
	runs, err := fuzzTarget{".", "FuzzGood"}.run(t.Context(), root, time.Second)
	require.NoError(t, err)
	require.Positive(t, runs)
	_, err = fuzzTarget{".", "FuzzBad"}.run(t.Context(), root, time.Second)
	var v *violation
	require.ErrorAs(t, err, &v)
	require.Contains(t, v.what, "seven")
	require.Equal(t, "go test -run=FuzzBad ./.", v.replay)
}
