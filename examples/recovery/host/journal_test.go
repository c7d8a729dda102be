package host_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/examples/recovery/host"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

var rollout = states.Rollout{Channel: "stable", Ref: "a1b2"}

func report(seq states.Seq, body reducer.Body) agent.Report {
	return agent.Report{Event: reducer.Event{
		Key: states.Key{Rollout: rollout, Host: "web-1"},
		Seq: seq, At: 1_700_000_000_000 + states.Time(seq), Order: states.Order{Boot: 1, Beat: 2}, Body: body,
	}}
}

// everyEntry is one of each kind of entry, with one of each kind of report.
var everyEntry = agent.Journal{}.
	Keep(agent.Standing{BootID: "b", Order: states.Order{Boot: 1, Beat: 2}, Current: "new", Since: 5, LastReply: 6}).
	Keep(agent.Taken{Rollout: rollout, Nth: 1, State: states.Pending, Target: "new", AtDispatch: "old", Soak: 1000, OnFailure: states.Halt}).
	Keep(agent.Answered{Rollout: rollout, Through: 3}).
	Keep(report(1, reducer.DispatchAck{AtDispatch: "old"})).
	Keep(report(2, reducer.ActivationStarted{Method: "switch"})).
	Keep(report(3, reducer.ActivationCompleted{Observed: "new"})).
	Keep(report(4, reducer.ActivationDeferred{Component: "kernel"})).
	Keep(report(5, reducer.ActivationFailed{ExitCode: 1, StderrTail: "a\nb"})).
	Keep(report(6, reducer.ProbeTopologyDeclared{Probes: []reducer.Declaration{{Name: "health", Kind: "file", Mode: states.Enforce}}})).
	Keep(report(7, reducer.ProbeObservedFirst{Probe: "health", Mode: states.Enforce})).
	Keep(report(8, reducer.ProbeResult{Probe: "health", Mode: states.Enforce, Status: states.Fail, Reason: "down"})).
	Keep(report(9, reducer.ProbeFailureFirst{Probe: "health", Mode: states.Enforce})).
	Keep(report(10, reducer.Failed{Duration: 5, Failing: []string{"health"}, PolicyApplied: states.Halt})).
	Keep(report(11, reducer.RollbackComplete{RevertedTo: "old"})).
	Keep(report(12, reducer.Converged{Current: "new"}))

func reopened(t *testing.T, path string) []agent.Entry {
	j, err := host.OpenJournal(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, j.Close()) }()
	return j.Entries()
}

func TestAJournalGivesBackWhatWasKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, err := host.OpenJournal(path)
	require.NoError(t, err)
	for _, e := range everyEntry {
		require.NoError(t, j.Keep(e))
	}
	require.NoError(t, j.Forget(report(4, nil).Slot()))
	require.NoError(t, j.Close())
	require.Equal(t, []agent.Entry(everyEntry.Forget(report(4, nil).Slot())), reopened(t, path))
}

func TestAJournalThatIsWrittenForLongStaysSmall(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, err := host.OpenJournal(path)
	require.NoError(t, err)
	require.NoError(t, j.Keep(report(1, reducer.DispatchAck{AtDispatch: "old"})))
	var want []agent.Entry
	for beat := range uint64(1200) {
		standing := agent.Standing{Order: states.Order{Boot: 1, Beat: beat}}
		require.NoError(t, j.Keep(standing))
		want = []agent.Entry{standing, report(1, reducer.DispatchAck{AtDispatch: "old"})}
	}
	require.NoError(t, j.Close())
	require.Equal(t, want, reopened(t, path))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Less(t, info.Size(), int64(200_000))
}

func TestALineThatWasCutOffIsNotThere(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "lines")
	lines, _, err := host.OpenLines(path)
	require.NoError(t, err)
	require.NoError(t, lines.Append([]byte("one"), []byte("two")))
	require.NoError(t, lines.Append([]byte("three")))
	require.NoError(t, lines.Close())
	whole, err := os.ReadFile(path)
	require.NoError(t, err)

	for size := range len(whole) + 1 {
		cut := filepath.Join(dir, fmt.Sprint("cut", size))
		require.NoError(t, os.WriteFile(cut, whole[:size], 0o644))
		lines, found, err := host.OpenLines(cut)
		require.NoError(t, err, "cut at %d", size)
		require.Len(t, found, countLines(whole[:size]), "cut at %d", size)
		require.NoError(t, lines.Append([]byte("after")))
		require.NoError(t, lines.Close())
		_, again, err := host.OpenLines(cut)
		require.NoError(t, err, "cut at %d", size)
		require.Equal(t, append(found, []byte("after")), again, "cut at %d", size)
	}
}

func countLines(b []byte) (n int) {
	for _, c := range b {
		if c == '\n' {
			n++
		}
	}
	return n
}

func TestADamagedLineInTheMiddleIsNotPassedOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lines")
	lines, _, err := host.OpenLines(path)
	require.NoError(t, err)
	require.NoError(t, lines.Append([]byte("one"), []byte("two"), []byte("three")))
	require.NoError(t, lines.Close())
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	b[18] ^= 1
	require.NoError(t, os.WriteFile(path, b, 0o644))
	_, _, err = host.OpenLines(path)
	var damage *host.DamageError
	require.ErrorAs(t, err, &damage)
	require.Equal(t, 2, damage.Line)
}

// appendForEver names the file that the test's own program appends to when it
// is run as the process to be killed.
const appendForEver = "ROLLMEND_TEST_APPEND"

func TestMain(m *testing.M) {
	path := os.Getenv(appendForEver)
	if path == "" {
		os.Exit(m.Run())
	}
	j, err := host.OpenJournal(path)
	for seq := states.Seq(1); err == nil; seq++ {
		if err = j.Keep(report(seq, reducer.Converged{Current: "new"})); err == nil {
			_, err = fmt.Println(seq)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func TestWhatWasKeptIsThereAfterAKill(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	for round := range 3 {
		path := filepath.Join(t.TempDir(), "journal")
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), appendForEver+"="+path)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		kept := 0
		for s := bufio.NewScanner(out); s.Scan(); {
			if kept++; kept == 50+40*round {
				require.NoError(t, cmd.Process.Kill())
			}
		}
		require.Error(t, cmd.Wait(), "it was killed")
		entries := reopened(t, path)
		require.GreaterOrEqual(t, len(entries), kept)
		for i, e := range entries {
			require.Equal(t, report(states.Seq(i+1), reducer.Converged{Current: "new"}), e)
		}
	}
}
