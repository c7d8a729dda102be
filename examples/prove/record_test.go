package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/examples/prove/track"
)

// repository is the root as tests see it.
const repository = "../.."

func record(t *testing.T) track.Record {
	t.Helper()
	r, err := track.Load(repository)
	require.NoError(t, err)
	return r
}

func TestTheTrackRecordNamesWhatIsThere(t *testing.T) {
	require.Empty(t, record(t).Faults(repository))
}

// The record has every entry of each subject, in their order.
func TestTheTrackRecordIsWhole(t *testing.T) {
	var got, want []string
	for _, e := range record(t) {
		got = append(got, e.ID)
	}
	for _, subject := range []struct {
		letter string
		n      int
	}{{"R", 16}, {"O", 14}, {"P", 7}, {"W", 12}, {"S", 5}} {
		for i := range subject.n {
			want = append(want, subject.letter+grouped(uint64(i+1)))
		}
	}
	require.Equal(t, want, got)
}

// The page is written by a long run, the record by people: the page must not
// say less, or something else.
func TestThePageShowsTheTrackRecordAsItIs(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(repository, pagePath))
	require.NoError(t, err)
	var shown []string
	for line := range strings.Lines(string(b)) {
		if last := strings.LastIndex(strings.TrimSuffix(strings.TrimSpace(line), "|"), "|"); isRow(line) {
			shown = append(shown, line[:last+1])
		}
	}
	var want []string
	for _, e := range record(t) {
		want = append(want, rows(e)...)
	}
	const again = "write the page anew: go run ./examples/prove -write"
	for i := range min(len(want), len(shown)) {
		require.Equal(t, want[i], shown[i], again)
	}
	require.Len(t, shown, len(want), again)
}

// isRow reports whether a line of the page is a row of the track record.
func isRow(line string) bool {
	id, _, ok := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
	return ok && len(id) >= 2 && len(id) <= 5 && strings.ContainsRune("ROPWS", rune(id[0])) && id[1] >= '1' && id[1] <= '9'
}

// Each fault that a record can have is found.
func TestFaultsOfATrackRecordAreFound(t *testing.T) {
	good := func() track.Record {
		return track.Record{{ID: "R1", Wrong: "it broke", Holds: "it holds", Checks: []track.Check{{
			Test:     track.Test{Dir: "synth", Name: "TestScenarios", Case: "case-1-an-agent-restarted-in-the-middle-of-the-switch"},
			Mutation: track.Mutation{Says: "a defect", File: "synth/doc.go", Old: "package synth\n", New: "package synth // changed\n"},
		}}}}
	}
	require.Empty(t, good().Faults(repository))
	for name, c := range map[string]struct {
		spoil func(r track.Record) track.Record
		want  string
	}{
		"an id that is none":       {func(r track.Record) track.Record { r[0].ID = "X1"; return r }, "the id is not"},
		"an id twice":              {func(r track.Record) track.Record { return append(r, r[0]) }, "the id stands twice"},
		"nothing said":             {func(r track.Record) track.Record { r[0].Holds = ""; return r }, "does not say what went wrong"},
		"a thread that is none":    {func(r track.Record) track.Record { r[0].Sources = []string{"somewhere"}; return r }, "is no thread"},
		"no check":                 {func(r track.Record) track.Record { r[0].Checks = nil; return r }, "no check"},
		"a test that is not there": {func(r track.Record) track.Record { r[0].Checks[0].Test.Name = "TestNothing"; return r }, "has a func TestNothing"},
		"a case that is not there": {func(r track.Record) track.Record { r[0].Checks[0].Test.Case = "case-99"; return r }, `has no subtest "case-99"`},
		"a file that is not there": {func(r track.Record) track.Record { r[0].Checks[0].Mutation.File = "no.go"; return r }, "no such file"},
		"a text that is not there": {func(r track.Record) track.Record { r[0].Checks[0].Mutation.Old = "nowhere"; return r }, "stands 0 times"},
		"a text that is ambiguous": {func(r track.Record) track.Record { r[0].Checks[0].Mutation.Old = "e"; return r }, "want once"},
		"a mutation of nothing": {func(r track.Record) track.Record {
			r[0].Checks[0].Mutation.New = r[0].Checks[0].Mutation.Old
			return r
		}, "does not say or change anything"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, strings.Join(c.spoil(good()).Faults(repository), "\n"), c.want)
		})
	}
}
