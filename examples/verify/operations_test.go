package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/postgres"
	"github.com/rollmend/rollmend/adapters/postgres/throwaway"
	"github.com/rollmend/rollmend/adapters/sqlite"
	"github.com/rollmend/rollmend/adapters/upkeep"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// box returns the commands of a box in docs/operations.md.
func box(t *testing.T, name string) string {
	t.Helper()
	page, err := os.ReadFile(operations)
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(page), "<!-- "+name+" -->\n```sh\n")
	require.True(t, ok, "docs/operations.md has no box %q", name)
	commands, _, ok := strings.Cut(rest, "```\n<!-- /"+name+" -->")
	require.True(t, ok, "the box %q of docs/operations.md does not end", name)
	return commands
}

// operations is found before a test changes its folder.
var operations, _ = filepath.Abs("../../docs/operations.md")

// try runs the commands of a box, as they stand there.
func try(t *testing.T, name string) {
	t.Helper()
	out, err := exec.Command("sh", "-ec", box(t, name)).CombinedOutput()
	require.NoError(t, err, "%s: %s", name, out)
}

// installed skips a test where a tool is not installed; in CI that is a failure.
func installed(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil && os.Getenv("CI") == "" {
			t.Skipf("%s is not installed: on Debian, apt-get install sqlite3 postgresql", tool)
		} else {
			require.NoError(t, err)
		}
	}
}

type closingStore interface {
	adapters.Store
	Close() error
}

func TestASQLiteStoreIsRestoredAsThePageSays(t *testing.T) {
	installed(t, "sqlite3")
	t.Chdir(t.TempDir())
	restored(t, func() closingStore {
		s, err := sqlite.OpenFile(t.Context(), "rollmend.db")
		require.NoError(t, err)
		return s
	}, func() { try(t, "sqlite backup") }, func() { try(t, "sqlite restore") })
}

func TestASQLiteStoreIsRestoredFromTheProgramsOwnBackup(t *testing.T) {
	t.Chdir(t.TempDir())
	restored(t, func() closingStore {
		s, err := sqlite.OpenFile(t.Context(), "rollmend.db")
		require.NoError(t, err)
		return s
	}, func() { require.NoError(t, sqlite.Backup(t.Context(), "rollmend.db", "backup.db")) }, func() { try(t, "sqlite restore") })
}

func TestAPostgreSQLStoreIsRestoredAsThePageSays(t *testing.T) {
	server, err := throwaway.Start(t.Context(), "fsync=off")
	if errors.Is(err, throwaway.ErrNoBinaries) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	installed(t, "pg_dump", "pg_restore", "psql")
	t.Chdir(t.TempDir())
	t.Setenv("DATABASE", server.DSN())
	restored(t, func() closingStore {
		s, err := postgres.OpenURL(context.Background(), server.DSN(), postgres.Options{})
		require.NoError(t, err)
		return s
	}, func() { try(t, "postgres backup") }, func() { try(t, "postgres restore") })
	require.Equal(t, well, run(t.Context(), []string{"-store", "postgres://postgres@/postgres?host=" + filepath.Dir(server.Socket())}, new(bytes.Buffer)))
}

func TestThePageSaysHowToVerify(t *testing.T) {
	require.Equal(t, "go run ./examples/verify -store rollmend.db\n", box(t, "verify"))
}

// settable is a clock that a test sets.
type settable struct{ now time.Time }

func (c *settable) Now() time.Time { return c.now }

// plan is a channel of three hosts, and one of another whose switch fails.
func plan() gates.Plan {
	policy := states.Policy{Soak: 10 * time.Second, OnFailure: states.RollbackAndHalt, DeferredIsDone: true}
	p := gates.Plan{Ref: "r1"}
	for _, h := range []struct {
		host    states.Host
		channel states.Channel
		target  states.Closure
	}{{"bad", "edge", "broken"}, {"web-1", "stable", "new"}, {"web-2", "stable", "new"}, {"web-3", "stable", "new"}} {
		p.Hosts = append(p.Hosts, gates.PlannedHost{Host: h.host, Channel: h.channel, Target: h.target, Policy: policy})
	}
	return p
}

// plane is a control plane on a store.
type plane struct {
	*testing.T
	clock *settable
	store closingStore
	*engine.Engine
}

func start(t *testing.T, clock *settable, store closingStore) *plane {
	e, err := engine.New(t.Context(), engine.Options{Store: store, Clock: clock, Cycle: time.Minute})
	require.NoError(t, err)
	_, err = e.Load(t.Context(), gates.NewFleet(plan()))
	require.NoError(t, err)
	return &plane{T: t, clock: clock, store: store, Engine: e}
}

func (p *plane) stop() {
	p.Close()
	require.NoError(p, p.store.Close())
}

func (p *plane) says(host states.Host, seq states.Seq, body reducer.Body) {
	p.Helper()
	p.clock.now = p.clock.now.Add(time.Second)
	key := states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "r1"}, Host: host}
	if host == "bad" {
		key.Rollout.Channel = "edge"
	}
	r, err := p.Report(p.Context(), engine.Report{Event: reducer.Event{Key: key, Seq: seq, At: states.TimeOf(p.clock.now), Body: body}})
	require.NoError(p, err)
	require.Contains(p, []reducer.Disposition{reducer.Applied, reducer.Absorbed}, r.Disposition, r.Reason)
}

func (p *plane) beats(host states.Host, runs states.Closure) engine.HeartbeatReply {
	p.Helper()
	p.clock.now = p.clock.now.Add(time.Second)
	reply, err := p.Heartbeat(p.Context(), synth.Heartbeat{Host: host, Current: runs, At: states.TimeOf(p.clock.now)})
	require.NoError(p, err)
	return reply
}

func (p *plane) shows(want map[states.Host]states.State) {
	p.Helper()
	for host, state := range want {
		ex, err := p.Explain(p.Context(), host)
		require.NoError(p, err)
		require.Len(p, ex.Records, 1, "%s", host)
		require.Equal(p, state, ex.Records[0].Record.State, "%s: %v", host, ex.Records[0].Finding)
	}
	for f, err := range upkeep.Verify(p.Context(), p.store, nil) {
		require.NoError(p, err)
		require.Fail(p, "a finding", "%s", f)
	}
}

// restored takes a fleet along, takes a backup in the midst of it, takes the
// fleet further, and loses the store: from the backup every host is there again
// with one heartbeat, the quarantine holds, and nothing is disturbed.
func restored(t *testing.T, open func() closingStore, backup, restore func()) {
	clock := &settable{now: time.Unix(1_790_000_000, 0)}
	p := start(t, clock, open())
	p.says("bad", 1, reducer.DispatchAck{AtDispatch: "old"})
	p.says("bad", 2, reducer.ActivationFailed{ExitCode: 1})
	p.says("bad", 3, reducer.RollbackComplete{RevertedTo: "old"})
	for _, host := range []states.Host{"web-1", "web-2"} {
		p.says(host, 1, reducer.DispatchAck{AtDispatch: "old"})
	}
	p.says("web-1", 2, reducer.ActivationCompleted{Observed: "new"})
	clock.now = clock.now.Add(time.Minute)
	p.says("web-1", 3, reducer.Converged{Current: "new"})
	backup()

	p.says("web-2", 2, reducer.ActivationCompleted{Observed: "new"})
	p.says("web-3", 1, reducer.DispatchAck{AtDispatch: "old"})
	p.says("web-3", 2, reducer.ActivationCompleted{Observed: "new"})
	clock.now = clock.now.Add(time.Minute)
	p.says("web-2", 3, reducer.Converged{Current: "new"})
	p.says("web-3", 3, reducer.Converged{Current: "new"})
	all := map[states.Host]states.State{
		"bad": states.Reverted, "web-1": states.Converged, "web-2": states.Converged, "web-3": states.Converged,
	}
	p.shows(all)
	p.stop()

	restore()
	p = start(t, clock, open())
	defer p.stop()
	p.shows(map[states.Host]states.State{
		"bad": states.Reverted, "web-1": states.Converged, "web-2": states.Activating, "web-3": states.Pending,
	})
	p.beats("bad", "old")
	p.beats("web-1", "new")
	reply := p.beats("web-2", "new")
	require.Len(t, reply.Snapshots, 1, "its agent finishes the soak itself")
	p.beats("web-3", "new")
	p.shows(map[states.Host]states.State{
		"bad": states.Reverted, "web-1": states.Converged, "web-2": states.Soaking, "web-3": states.Converged,
	})
	o, err := p.Fleet(t.Context())
	require.NoError(t, err)
	require.Len(t, o.Quarantines, 1, "what was quarantined stays so")
	for host := range all {
		_, ok, err := p.Dispatch(t.Context(), host, 0)
		require.NoError(t, err)
		require.False(t, ok, "%s is disturbed", host)
	}
	// The late truth comes in, and the agent finishes its soak.
	p.says("web-2", 2, reducer.ActivationCompleted{Observed: "new"})
	clock.now = clock.now.Add(time.Minute)
	p.says("web-2", 3, reducer.Converged{Current: "new"})
	p.shows(all)
}
