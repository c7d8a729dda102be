package sqlite_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/sqlite"
	"github.com/stretchr/testify/require"
)

// smallPages makes a new database of the smallest pages: a store of a few
// records is then small enough for a fuzzer to reach every byte of it.
const smallPages = `PRAGMA page_size = 512`

// smallStore is a store with a record that two changes were made to, one that
// was rebuilt, and one that was only opened, all of it in the one file.
func smallStore(t testing.TB, path string) {
	spoil(t, path, smallPages, `VACUUM`)
	s := openFile(t, path)
	o := opening(3)
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
	rec, _, err := o.Record(o.Members[0])
	require.NoError(t, err)
	first := dispatch(t, rec)
	commit(t, s, first)
	commit(t, s, dispatch(t, first.Record), recovery(t, o, o.Members[1]))
	require.NoError(t, s.Close())
}

// shapes are what a file can turn out to be when it is opened.
var shapes = []struct {
	name string
	make func(t testing.TB, path string)
}{
	{"nothing", func(t testing.TB, path string) { require.NoError(t, os.WriteFile(path, nil, 0o600)) }},
	{"text", func(t testing.TB, path string) {
		require.NoError(t, os.WriteFile(path, bytes.Repeat([]byte("not a database "), 100), 0o600))
	}},
	{"a header alone", func(t testing.TB, path string) {
		smallStore(t, path)
		require.NoError(t, os.Truncate(path, 100))
	}},
	{"another database", func(t testing.TB, path string) { spoil(t, path, smallPages, `CREATE TABLE songs (title TEXT)`) }},
	{"a new store", func(t testing.TB, path string) {
		spoil(t, path, smallPages, `VACUUM`)
		require.NoError(t, openFile(t, path).Close())
	}},
	{"a store", smallStore},
	{"half a store", func(t testing.TB, path string) {
		smallStore(t, path)
		whole, err := os.Stat(path)
		require.NoError(t, err)
		require.NoError(t, os.Truncate(path, whole.Size()/2))
	}},
	{"a store of another journal", spoilt(`PRAGMA journal_mode = DELETE`)},
	{"a store from the future", spoilt(`INSERT INTO rollmend_schema (version) VALUES (99)`)},
	{"a store of a version below zero", spoilt(`UPDATE rollmend_schema SET version = -1`)},
	{"a store without a writer", spoilt(`DELETE FROM writer`)},
	{"a store without a table", spoilt(`DROP TABLE changes`)},
	{"a store with another table of a name", spoilt(`DROP TABLE writer`, `CREATE TABLE writer (name TEXT)`)},
	{"a store with a row that is damaged", spoilt(`UPDATE changes SET data = x'0163ff' WHERE id = 2`)},
	{"a store with rows in a circle", spoilt(`UPDATE changes SET previous = 2 WHERE id = 1`)},
	{"a damaged store of another journal", spoilt(`DELETE FROM changes WHERE id = 1`, `PRAGMA journal_mode = DELETE`)},
}

// spoilt makes a store and runs SQL against it, past the store.
func spoilt(statements ...string) func(testing.TB, string) {
	return func(t testing.TB, path string) {
		smallStore(t, path)
		spoil(t, path, statements...)
	}
}

// FuzzOpenFile: whatever a file holds, opening it gives a store that can be
// read and opened again, or an error that says what to do, and then not a byte
// of the file was written.
func FuzzOpenFile(f *testing.F) {
	for i, shape := range shapes {
		path := filepath.Join(f.TempDir(), fmt.Sprint(i))
		shape.make(f, path)
		b, err := os.ReadFile(path)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		path := filepath.Join(dir, "fleet.db")
		require.NoError(t, os.WriteFile(path, b, 0o600))
		s, err := sqlite.OpenFile(t.Context(), path)
		if err != nil {
			refused(t, err)
			unwritten(t, path, b, err)
			return
		}
		read(t, s)
		require.NoError(t, s.Close())
		s, err = sqlite.OpenFile(t.Context(), path)
		require.NoError(t, err, "it was opened before")
		require.NoError(t, s.Close())
	})
}

// refused requires an error that says what to do.
func refused(t *testing.T, err error) {
	t.Helper()
	var not *adapters.NotAStoreError
	var newer *adapters.NewerSchemaError
	switch {
	case errors.As(err, &not):
		require.NotEmpty(t, not.Reason)
	case errors.As(err, &newer):
		require.Greater(t, newer.Found, newer.Known)
	default:
		require.ErrorIs(t, err, sqlite.ErrReadOnly)
	}
}

// unwritten requires the file to be as it was, and alone.
func unwritten(t *testing.T, path string, before []byte, refusal error) {
	t.Helper()
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, bytes.Equal(before, after), "the file was written to, and then refused: %v", refusal)
	beside, err := filepath.Glob(path + "*")
	require.NoError(t, err)
	require.Equal(t, []string{path}, beside, "something was left beside the file")
}

// read reads all that a store holds. What was damaged behind the rows that are
// looked at while opening is an error now, and no more than that.
func read(t *testing.T, s *sqlite.Store) {
	t.Helper()
	_, _ = s.Fleet(t.Context())
	for rec, err := range s.Records(t.Context()) {
		if err != nil {
			break
		}
		_, _ = s.Record(t.Context(), rec.Key)
		_, _ = s.Log(t.Context(), rec.Key)
	}
}

// Each shape is refused for what is wrong with it, or opened.
func TestWhatAFileTurnsOutToBe(t *testing.T) {
	want := map[string]string{
		"nothing": "", "a new store": "", "a store": "", "a store of another journal": "",
		"text":                                 "file is not a database",
		"a header alone":                       "database",
		"another database":                     "it is a database of something else",
		"half a store":                         "malformed",
		"a store from the future":              "schema version 99",
		"a store of a version below zero":      "schema version -1",
		"a store without a writer":             "it has no writer",
		"a store without a table":              "no such table: changes",
		"a store with another table of a name": "no such column",
		"a store with a row that is damaged":   "change 2",
		"a store with rows in a circle":        "change 1",
		"a damaged store of another journal":   "change",
	}
	for _, shape := range shapes {
		t.Run(shape.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "fleet.db")
			shape.make(t, path)
			before, err := os.ReadFile(path)
			require.NoError(t, err)
			s, err := sqlite.OpenFile(t.Context(), path)
			if want[shape.name] == "" {
				require.NoError(t, err)
				require.NoError(t, s.Close())
				return
			}
			refused(t, err)
			require.ErrorContains(t, err, want[shape.name])
			unwritten(t, path, before, err)
		})
	}
}
