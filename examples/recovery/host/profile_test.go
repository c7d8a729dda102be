package host_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/examples/recovery/host"
	"github.com/rollmend/rollmend/states"
)

// cache writes closures, each with the files that it is given.
func cache(t *testing.T, closures map[states.Closure]map[string]string) string {
	dir := t.TempDir()
	for closure, files := range closures {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, string(closure)), 0o755))
		for name, content := range files {
			require.NoError(t, os.WriteFile(filepath.Join(dir, string(closure), name), []byte(content), 0o644))
		}
	}
	return dir
}

func profile(t *testing.T, cache string, fetched ...states.Closure) host.Profile {
	folder := host.Folder(filepath.Join(t.TempDir(), "web-1"))
	require.NoError(t, folder.Make())
	for _, closure := range fetched {
		require.NoError(t, folder.Profile().Fetch(cache, closure))
	}
	return folder.Profile()
}

func TestAProfileThatNeverRanAnythingIsUnknown(t *testing.T) {
	got, err := profile(t, "").Current()
	require.NoError(t, err)
	require.False(t, got.Known())
}

func TestASwitchIsSeenWhole(t *testing.T) {
	p := profile(t, cache(t, map[states.Closure]map[string]string{"old": {"v": "old"}, "new": {"v": "new"}}), "old", "new")
	require.NoError(t, p.Switch("old"))
	stop, torn := make(chan struct{}), make(chan string, 1)
	go func() {
		defer close(torn)
		for {
			select {
			case <-stop:
				return
			default:
			}
			if v, err := p.File("v"); err != nil || string(v) != "old" && string(v) != "new" {
				torn <- string(v)
				return
			}
		}
	}()
	for range 100 {
		require.NoError(t, p.Switch("new"))
		require.NoError(t, p.Switch("old"))
	}
	close(stop)
	for v := range torn {
		t.Fatalf("a reader saw %q between two switches", v)
	}
}

func TestASwitchThatWasCutOffDoesNotStopTheNext(t *testing.T) {
	p := profile(t, cache(t, map[states.Closure]map[string]string{"old": nil, "new": nil}), "old", "new")
	require.NoError(t, p.Switch("old"))
	require.NoError(t, os.Symlink("store/new", filepath.Join(string(p), "current.new")))
	got, err := p.Current()
	require.NoError(t, err)
	require.True(t, got.Is("old"), "runs %s", got)
	require.NoError(t, p.Switch("new"))
	got, err = p.Current()
	require.NoError(t, err)
	require.True(t, got.Is("new"), "runs %s", got)
}

func TestAClosureThatWasNotFetchedIsNotSwitchedTo(t *testing.T) {
	p := profile(t, cache(t, map[states.Closure]map[string]string{"old": nil}), "old")
	require.NoError(t, p.Switch("old"))
	require.ErrorIs(t, p.Switch("new"), os.ErrNotExist)
	require.ErrorIs(t, p.Fetch(t.TempDir(), "new"), os.ErrNotExist)
	got, err := p.Current()
	require.NoError(t, err)
	require.True(t, got.Is("old"), "runs %s", got)
}

func TestAStagedClosureRunsAfterTheBoot(t *testing.T) {
	c := cache(t, map[states.Closure]map[string]string{"old": {"critical": "kernel\n6.1"}, "new": {"critical": "kernel\n6.2"}})
	p := profile(t, c, "old", "new")
	require.NoError(t, p.Switch("old"))
	component, err := p.Critical("new")
	require.NoError(t, err)
	require.Equal(t, "kernel", component)
	require.NoError(t, p.Stage("new"))

	// The boot is cut off between its switch and its removal of the link.
	require.NoError(t, p.Switch("new"))
	require.NoError(t, p.BootStaged())

	got, err := p.Current()
	require.NoError(t, err)
	require.True(t, got.Is("new"), "runs %s", got)
	left, err := p.Staged()
	require.NoError(t, err)
	require.False(t, left.Known())
}

func TestASameKernelDoesNotDefer(t *testing.T) {
	c := cache(t, map[states.Closure]map[string]string{"old": {"critical": "kernel\n6.1"}, "new": {"critical": "kernel\n6.1"}})
	p := profile(t, c, "old", "new")
	require.NoError(t, p.Switch("old"))
	component, err := p.Critical("new")
	require.NoError(t, err)
	require.Empty(t, component)
}

func TestProbesLookAtTheClosureThatRuns(t *testing.T) {
	c := cache(t, map[states.Closure]map[string]string{
		"good": {"probes": "health enforce\ndisk observe\n", "health.probe": "ok\n", "disk.probe": "90 % full\n"},
		"bad":  {"probes": "health enforce\n", "health.probe": "refuses connections\n"},
	})
	p := profile(t, c, "good", "bad")
	require.NoError(t, p.Switch("good"))
	declared, err := p.Probes()
	require.NoError(t, err)
	require.Len(t, declared, 2)
	require.Equal(t, states.Observe, declared[1].Mode)
	status, reason := p.RunProbe("health")
	require.Equal(t, states.Pass, status, reason)
	status, reason = p.RunProbe("disk")
	require.Equal(t, states.Fail, status)
	require.Equal(t, "90 % full", reason)

	require.NoError(t, p.Switch("bad"))
	status, reason = p.RunProbe("health")
	require.Equal(t, states.Fail, status)
	require.Equal(t, "refuses connections", reason)
}
