package postgres_test

import (
	"testing"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/postgres"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/reducer"
	"github.com/stretchr/testify/require"
)

// Rows of the log from before a change had one, with an entry each.
func TestALogWithRowsOfAnEntryEachIsRead(t *testing.T) {
	dsn, in := database(t), schema()
	s := open(t, dsn, postgres.Options{Schema: in, Timeout: unhurried})
	o := fleetOf(1)
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
	c := recovered(t, &o, 0)
	require.NoError(t, commitOf(t.Context(), s, []adapters.Change{c})())
	want, err := s.Log(t.Context(), c.Record.Key)
	require.NoError(t, err)
	require.Len(t, want, 4)

	conn := raw(t, dsn, in)
	_, err = conn.Exec(t.Context(), `DELETE FROM log`)
	require.NoError(t, err)
	for _, e := range want[1:] {
		data, err := codec.AppendEntry(nil, &e)
		require.NoError(t, err)
		_, err = conn.Exec(t.Context(), `INSERT INTO log (rollout, host, revision, data)
			SELECT rollout, host, $1, $2 FROM records`, int64(e.Revision), data)
		require.NoError(t, err)
	}
	got, err := s.Log(t.Context(), c.Record.Key)
	require.NoError(t, err)
	require.Equal(t, want, got)

	next := adapters.Change{Expect: c.Record.Revision, Record: c.Record}
	step(t, &next, 1, reducer.DispatchAck{AtDispatch: running})
	require.NoError(t, commitOf(t.Context(), s, []adapters.Change{next})())
	stored(t, s, []adapters.Change{next})
}

func TestALogThatDoesNotHoldTogetherIsNotGivenOut(t *testing.T) {
	for name, spoil := range map[string]string{
		"a row is missing":          `DELETE FROM log WHERE revision = 3`,
		"a row stands elsewhere":    `UPDATE log SET revision = 5 WHERE revision = 4`,
		"a row is another host's":   `UPDATE log l SET data = o.data FROM log o WHERE l.revision = 3 AND o.revision = 3 AND l.host <> o.host`,
		"a row cannot be read":      `UPDATE log SET data = '\x0165' WHERE revision = 4`,
		"a row holds nothing of it": `UPDATE log SET data = '' WHERE revision = 3`,
	} {
		t.Run(name, func(t *testing.T) {
			dsn, in := database(t), schema()
			s := open(t, dsn, postgres.Options{Schema: in, Timeout: unhurried})
			o := fleetOf(2)
			require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
			var firsts, nexts []adapters.Change
			for i := range o.Members {
				first := recovered(t, &o, i)
				next := adapters.Change{Expect: first.Record.Revision, Record: first.Record}
				step(t, &next, 1, reducer.DispatchAck{AtDispatch: running})
				firsts, nexts = append(firsts, first), append(nexts, next)
			}
			require.NoError(t, commitOf(t.Context(), s, firsts)())
			require.NoError(t, commitOf(t.Context(), s, nexts)())
			stored(t, s, nexts)
			run(t, raw(t, dsn, in), spoil)
			_, err := s.Log(t.Context(), firsts[0].Record.Key)
			require.ErrorAs(t, err, new(*adapters.NotAStoreError))
		})
	}
}
