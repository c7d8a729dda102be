package main

import (
	"bytes"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/sqlite"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

const dawn states.Time = 1_790_000_000_000

// fleetOf is a store of hosts that have acknowledged, open as a control plane
// has it.
func fleetOf(t *testing.T, path string, hosts int) *sqlite.Store {
	t.Helper()
	s, err := sqlite.OpenFile(t.Context(), path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	o := adapters.Opening{Rollout: states.Rollout{Channel: "stable", Ref: "r1"}, At: dawn}
	for i := range hosts {
		o.Members = append(o.Members, adapters.Member{Host: states.Host(fmt.Sprintf("web-%05d", i)), Opened: reducer.Opened{
			Target: "new", Policy: states.Policy{Soak: time.Minute, OnFailure: states.Halt},
		}})
	}
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
	var changes []adapters.Change
	for _, m := range o.Members {
		rec, _, err := o.Record(m)
		require.NoError(t, err)
		out, err := reducer.Step(rec, reducer.Event{Key: rec.Key, Seq: 1, At: dawn, Body: reducer.DispatchAck{AtDispatch: "old"}})
		require.NoError(t, err)
		changes = append(changes, adapters.Change{Record: out.Record, Effects: []reducer.Effects{out.Effects}})
	}
	_, err = s.Commit(t.Context(), changes)
	require.NoError(t, err)
	return s
}

func TestAStoreThatIsWellExitsWithZeroAndIsNotTakenOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollmend.db")
	s := fleetOf(t, path, 2500)
	var out bytes.Buffer
	require.Equal(t, well, run(t.Context(), []string{"-store", path}, &out), out.String())
	require.Contains(t, out.String(), "2000 of 2500 records\n")
	require.Contains(t, out.String(), "all is well\n")
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{adapters.Imposition{}}), "the control plane goes on")
}

func TestAStoreThatIsDamagedExitsWithOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollmend.db")
	fleetOf(t, path, 3)
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	defer db.Close()
	// The log says that another closure was running than the record does.
	var data []byte
	require.NoError(t, db.QueryRow(`SELECT data FROM changes WHERE id = 2`).Scan(&data))
	at := bytes.LastIndex(data, []byte("old"))
	require.Positive(t, at)
	copy(data[at:], "odd")
	_, err = db.Exec(`UPDATE changes SET data = ? WHERE id = 2`, data)
	require.NoError(t, err)
	var out bytes.Buffer
	require.Equal(t, wrong, run(t.Context(), []string{"-store", path}, &out), out.String())
	require.Contains(t, out.String(), "differs: stable@r1/web-00001: the record differs from what its log gives in Belief\n")
	require.Contains(t, out.String(), "findings: 1. Restore a backup")

	_, err = db.Exec(`UPDATE changes SET data = x'0163' WHERE id = 2`)
	require.NoError(t, err)
	out.Reset()
	require.Equal(t, wrong, run(t.Context(), []string{"-store", path}, &out))
	require.Contains(t, out.String(), "unreadable: ")
}

func TestWhatCannotBeLookedAtExitsWithTwo(t *testing.T) {
	for _, args := range [][]string{{}, {"-nonsense"}, {"-store", filepath.Join(t.TempDir(), "none.db")}, {"-store", "a.db", "b.db"}} {
		var out bytes.Buffer
		require.Equal(t, notLooked, run(t.Context(), args, &out), args)
		require.NotEmpty(t, out.String())
	}
}
