package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/sqlite"
	"github.com/rollmend/rollmend/adapters/upkeep"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/stretchr/testify/require"
)

const dawn states.Time = 1_790_000_000_000

var stable = states.Rollout{Channel: "stable", Ref: "r1"}

func keyOf(r states.Rollout, i int) states.Key {
	return states.Key{Rollout: r, Host: states.Host(fmt.Sprintf("web-%02d", i))}
}

func openingOf(r states.Rollout, hosts int) adapters.Opening {
	o := adapters.Opening{Rollout: r, At: dawn}
	for i := range hosts {
		o.Members = append(o.Members, adapters.Member{Host: keyOf(r, i).Host, Opened: reducer.Opened{
			Target: "/nix/store/new", Policy: states.Policy{Soak: time.Minute, OnFailure: states.Halt},
		}})
	}
	return o
}

// said stores reports of a host, one after the other.
func said(t testing.TB, s adapters.Store, key states.Key, bodies ...reducer.Body) {
	for _, body := range bodies {
		rec, err := s.Record(t.Context(), key)
		require.NoError(t, err)
		seq := rec.LastSeq + 1
		out, err := reducer.Step(rec, reducer.Event{Key: key, Seq: seq, At: dawn.Add(time.Duration(seq) * time.Minute), Body: body})
		require.NoError(t, err)
		results, err := s.Commit(t.Context(), []adapters.Change{{Expect: rec.Revision, Record: out.Record, Effects: []reducer.Effects{out.Effects}}})
		require.NoError(t, err)
		require.NoError(t, results[0].Err)
	}
}

// work takes hosts through a rollout.
func work(t testing.TB, s adapters.Store, r states.Rollout, hosts int) {
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{openingOf(r, hosts)}))
	for i := range hosts {
		said(t, s, keyOf(r, i), reducer.DispatchAck{AtDispatch: "/nix/store/old"}, reducer.ActivationStarted{Method: "switch"},
			reducer.ActivationCompleted{Observed: "/nix/store/new"}, reducer.Converged{Current: "/nix/store/new"})
	}
}

func verified(t testing.TB, s adapters.Store) (found []upkeep.Finding) {
	for f, err := range upkeep.Verify(t.Context(), s, nil) {
		require.NoError(t, err)
		found = append(found, f)
	}
	return found
}

// rowsOf asks the file itself, past the store.
func rowsOf(t testing.TB, path, query string) (n int) {
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	defer db.Close()
	require.NoError(t, db.QueryRow(query).Scan(&n))
	return n
}

// A record that was altered in the file is found, though the file opens.
func TestAnAlteredRowIsFound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet.db")
	s, err := sqlite.OpenFile(t.Context(), path)
	require.NoError(t, err)
	work(t, s, stable, 3)
	require.Empty(t, verified(t, s))
	rec, err := s.Record(t.Context(), keyOf(stable, 1))
	require.NoError(t, err)
	log, err := s.Log(t.Context(), rec.Key)
	require.NoError(t, err)
	require.NoError(t, s.Close())

	altered := rec
	altered.State = states.Failed
	data, err := codec.AppendChange(nil, &adapters.Change{
		Expect: rec.Revision - 1, Record: altered, Effects: []reducer.Effects{{Entry: log[len(log)-1]}},
	})
	require.NoError(t, err)
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	_, err = db.Exec(`UPDATE changes SET data = ? WHERE id = 8`, data) // the fourth of the second host
	require.NoError(t, err)
	require.NoError(t, db.Close())

	require.Equal(t, []upkeep.Finding{{
		Problem: upkeep.Differs, Key: rec.Key, Detail: "the record differs from what its log gives in Belief",
	}}, verified(t, openFile(t, path)))
}

// An entry that was altered is found by what it leads to.
func TestAnAlteredLogIsFound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet.db")
	s, err := sqlite.OpenFile(t.Context(), path)
	require.NoError(t, err)
	work(t, s, stable, 3)
	require.NoError(t, s.Close())
	// The row of one host's second report takes the place of another's.
	spoil(t, path, `UPDATE changes SET data = (SELECT data FROM changes WHERE id = 2) WHERE id = 3`)
	_, err = sqlite.OpenFile(t.Context(), path)
	var not *adapters.NotAStoreError
	require.ErrorAs(t, err, &not, "the chain of revisions is looked at when a file is opened")

	spoil(t, path, `UPDATE changes SET data = x'0163' WHERE id = 3`)
	_, err = sqlite.OpenFile(t.Context(), path)
	require.ErrorAs(t, err, &not)
}

func TestWhatIsCompactedAndForgottenTakesNoRoom(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet.db")
	s := openFile(t, path)
	work(t, s, stable, 20)
	const rows, blank = `SELECT count(*) FROM changes`, `SELECT count(*) FROM changes WHERE data = x''`
	require.Equal(t, 80, rowsOf(t, path, rows))
	done, err := upkeep.Compact(t.Context(), s, upkeep.Rest{Now: dawn.Add(time.Hour), Least: 2}, nil)
	require.NoError(t, err)
	require.Equal(t, 20, done.Compacted)
	require.Equal(t, 20, rowsOf(t, path, rows))
	require.Empty(t, verified(t, s))

	next := states.Rollout{Channel: "stable", Ref: "r2"}
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{openingOf(next, 20)}))
	for _, more := range []bool{true, false} {
		pruned, err := s.Prune(t.Context(), adapters.Pruning{Rollouts: []states.Rollout{stable}, Most: 10})
		require.NoError(t, err)
		require.Equal(t, adapters.Pruned{Erased: 10, More: more}, pruned)
	}
	require.Equal(t, 1, rowsOf(t, path, rows), "the newest row keeps its id from being given again")
	require.Equal(t, 1, rowsOf(t, path, blank))
	work(t, s, next, 20)
	require.Empty(t, verified(t, s))
	require.NoError(t, s.Close())
	again := openFile(t, path)
	require.Empty(t, verified(t, again))
	rec, err := again.Record(t.Context(), keyOf(next, 7))
	require.NoError(t, err)
	require.Equal(t, states.Converged, rec.State)
}

// A copy is taken while the store is written to, and the writer goes on.
func TestABackupIsTakenWhileTheStoreIsInUse(t *testing.T) {
	dir := t.TempDir()
	path, to := filepath.Join(dir, "fleet % of ?#1.db"), filepath.Join(dir, "backup of ?#1.db")
	s := openFile(t, path)
	work(t, s, stable, 5)
	require.NoError(t, sqlite.Backup(t.Context(), path, to))
	require.NoFileExists(t, to+".partial")
	next := states.Rollout{Channel: "stable", Ref: "r2"}
	work(t, s, next, 5) // nothing was taken over

	before, err := os.ReadFile(to)
	require.NoError(t, err)
	require.ErrorIs(t, sqlite.Backup(t.Context(), path, to), fs.ErrExist)
	after, err := os.ReadFile(to)
	require.NoError(t, err)
	require.Equal(t, before, after, "a copy that is there is not written to")

	copied := openFile(t, to)
	require.Empty(t, verified(t, copied))
	f, err := copied.Fleet(t.Context())
	require.NoError(t, err)
	require.Len(t, f.Openings, 1, "as it was when the copy was taken")
	work(t, copied, next, 5)
}

func TestABackupOfWhatIsNoStoreIsRefused(t *testing.T) {
	dir := t.TempDir()
	to := filepath.Join(dir, "backup.db")
	require.ErrorIs(t, sqlite.Backup(t.Context(), filepath.Join(dir, "none.db"), to), fs.ErrNotExist)
	require.NoFileExists(t, filepath.Join(dir, "none.db"))
	songs := filepath.Join(dir, "songs.db")
	spoil(t, songs, `CREATE TABLE songs (title TEXT)`)
	text := filepath.Join(dir, "text.db")
	require.NoError(t, os.WriteFile(text, []byte("this is no database, whatever its name says, and long enough to be looked at as one of them"), 0o600))
	for _, path := range []string{songs, text} {
		var not *adapters.NotAStoreError
		require.ErrorAs(t, sqlite.Backup(t.Context(), path, to), &not, path)
	}
	path := filepath.Join(dir, "fleet.db")
	openFile(t, path)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, sqlite.Backup(over, path, to), context.Canceled)
	require.Error(t, sqlite.Backup(t.Context(), path, filepath.Join(dir, "nowhere", "backup.db")))
	left, err := filepath.Glob(filepath.Join(dir, "backup*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

// What docs/operations.md says of the command line.
func TestTheCommandLineToolCopiesAStoreInUse(t *testing.T) {
	tool, err := exec.LookPath("sqlite3")
	if err != nil && os.Getenv("CI") == "" {
		t.Skip("no sqlite3 is installed: on Debian, apt-get install sqlite3")
	}
	require.NoError(t, err)
	dir := t.TempDir()
	s := openFile(t, filepath.Join(dir, "rollmend.db"))
	work(t, s, stable, 5)
	run := func(args ...string) string {
		cmd := exec.Command(tool, args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return string(out)
	}
	run("rollmend.db", "VACUUM INTO 'backup.db'")
	require.Equal(t, "ok\n", run("backup.db", "PRAGMA integrity_check"))
	require.Empty(t, verified(t, openFile(t, filepath.Join(dir, "backup.db"))))
}

// Why docs/operations.md says never to copy the file alone: what was stored last
// stands in the file beside it.
func TestACopyOfTheFileAloneLacksWhatWasStoredLast(t *testing.T) {
	dir := t.TempDir()
	path, to := filepath.Join(dir, "rollmend.db"), filepath.Join(dir, "copy.db")
	s := openFile(t, path)
	work(t, s, stable, 5)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to, data, 0o600))
	copied, err := sqlite.OpenFile(t.Context(), to)
	if err == nil {
		defer copied.Close()
		_, err = copied.Record(t.Context(), keyOf(stable, 0))
	}
	require.Error(t, err, "and it does not say so: it opens as an older store, or not at all")
}

// A commit that has found its record while the rollout was being forgotten, and
// waited for its turn, must not store anything behind it.
func TestACommitThatWaitsForAPruningFindsNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet.db")
	s := openFile(t, path)
	work(t, s, stable, 2)
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{openingOf(states.Rollout{Channel: "stable", Ref: "r2"}, 2)}))
	rec, err := s.Record(t.Context(), keyOf(stable, 0))
	require.NoError(t, err)
	out, _ := reducer.Step(rec, reducer.Event{Key: rec.Key, Seq: 5, At: dawn, Body: reducer.ActivationFailed{}})
	require.Equal(t, reducer.Refused, out.Disposition)

	// Somebody else's lock keeps the pruning from its end.
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	defer db.Close()
	db.SetMaxOpenConns(1)
	_, err = db.Exec(`BEGIN IMMEDIATE`)
	require.NoError(t, err)
	pruned, told := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := s.Prune(t.Context(), adapters.Pruning{Rollouts: []states.Rollout{stable}, Most: 100})
		pruned <- err
	}()
	time.Sleep(200 * time.Millisecond) // it has the turn to write; where not, the commit is stored before it, and erased
	go func() {
		results, err := s.Commit(t.Context(), []adapters.Change{{Expect: rec.Revision, Record: out.Record, Effects: []reducer.Effects{out.Effects}}})
		if err == nil {
			err = results[0].Err
		}
		told <- err
	}()
	time.Sleep(200 * time.Millisecond) // it has found its record, and waits
	_, err = db.Exec(`ROLLBACK`)
	require.NoError(t, err)
	require.NoError(t, <-pruned)
	if err := <-told; err != nil {
		require.ErrorIs(t, err, adapters.ErrNotFound)
	}
	require.Equal(t, 1, rowsOf(t, path, `SELECT count(*) FROM changes`))
}
