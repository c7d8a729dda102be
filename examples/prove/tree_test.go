package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// tree is a repository in a folder of its own.
type tree struct {
	*testing.T
	root string
}

func newTree(t *testing.T) tree {
	for _, name := range []string{"GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"} {
		t.Setenv(name, "somebody")
	}
	tr := tree{t, t.TempDir()}
	tr.git("init", "-q", "-b", "main")
	return tr
}

func (tr tree) git(args ...string) string {
	out, err := git(tr.root, args...)
	require.NoError(tr, err)
	return out
}

func (tr tree) write(name, content string) {
	path := filepath.Join(tr.root, name)
	require.NoError(tr, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(tr, os.WriteFile(path, []byte(content), 0o644))
}

// commit commits everything, and returns the name of the commit.
func (tr tree) commit(says string) string {
	tr.git("add", "-A")
	tr.git("commit", "-q", "-m", says)
	return tr.git("rev-parse", "HEAD")[:commitDigits]
}

func (tr tree) code() string {
	name, err := commitOf(tr.root)
	require.NoError(tr, err)
	return name
}

// The page is committed behind the code that it tells of: that must not make
// its own figures old.
func TestACommitOfPagesAloneLeavesTheCodeWhatItIs(t *testing.T) {
	tr := newTree(t)
	_, err := commitOf(tr.root)
	require.Error(t, err, "nothing was committed yet")
	tr.write("go.work", "go 1.26.0\n")
	tr.write("docs/track-record.json", "[]")
	first := tr.commit("code")
	require.Equal(t, first, tr.code())

	for _, name := range []string{"docs/reliability.md", "CHANGELOG.md", "sub/README.md", "docs/states.svg", ".ci/run", "LICENSE"} {
		tr.write(name, "anything")
		require.Equal(t, first, tr.code(), "%s, untracked", name)
		tr.commit("a page")
		require.Equal(t, first, tr.code(), "%s, committed", name)
		tr.write(name, "something else")
		require.Equal(t, first, tr.code(), "%s, changed", name)
	}
	tr.commit("the pages")

	for _, name := range []string{"docs/track-record.json", "sub/code.go", "go.work"} {
		tr.write(name, "not what it was")
		changed := tr.code()
		require.Regexp(t, "^"+tr.git("log", "-1", "--format=%H", "--", "go.work")[:commitDigits]+"|dirty", changed, name)
		require.Contains(t, changed, dirty, name)
		tr.write(name, "yet something else")
		require.NotEqual(t, changed, tr.code(), "%s: another difference is other code", name)
		require.Equal(t, tr.commit("more code"), tr.code(), name)
	}
}

func TestAMergeIsItsOwnCodeWhereBothSidesChangedIt(t *testing.T) {
	tr := newTree(t)
	tr.write("one.go", "1")
	first := tr.commit("first")
	tr.git("checkout", "-q", "-b", "side")
	tr.write("page.md", "a page")
	tr.commit("a page on the side")
	tr.git("checkout", "-q", "main")
	tr.git("merge", "-q", "--no-ff", "-m", "merge the page", "side")
	require.Equal(t, first, tr.code(), "the merge brought a page alone")

	tr.git("checkout", "-q", "side")
	tr.write("two.go", "2")
	tr.commit("code on the side")
	tr.git("checkout", "-q", "main")
	tr.write("three.go", "3")
	tr.commit("code")
	tr.git("merge", "-q", "--no-ff", "-m", "merge the code", "side")
	require.Equal(t, tr.git("rev-parse", "HEAD")[:commitDigits], tr.code())
}

// A part that was not run on the newest code shows what it had before, and says
// on which commit.
func TestOlderFiguresAreShownAsWhatTheyAre(t *testing.T) {
	tr := newTree(t)
	tr.write("docs/track-record.json", "[]")
	old := tr.commit("first")
	tr.write("code.go", "1")
	newer := tr.commit("second")
	state := t.TempDir()
	for commit, l := range map[string]*ledger{
		old:     {Took: time.Minute, Counts: map[string]uint64{propertyCases: 20_000_000}, Seeds: []span{{1, 7}}},
		"other": {Took: time.Minute, Counts: map[string]uint64{propertyCases: 30_000_000}},
	} {
		l.Commit = commit
		require.NoError(t, newLedgers(state, commit).save("laws", l))
	}
	require.NoError(t, writePage(tr.root, []part{laws{}}, newLedgers(state, newer)))
	b, err := os.ReadFile(filepath.Join(tr.root, pagePath))
	require.NoError(t, err)
	require.Contains(t, string(b), "Code: commit "+newer+".")
	require.Contains(t, string(b), "20,000,000 property cases")
	require.Contains(t, string(b), "| 1 to 7 | 1m0s | "+old+" (before the newest) | none |")
	require.Contains(t, string(b), "| property cases and combinations | 10,000,000 | 20,000,000 | reached, on "+old+" |")
	require.NotContains(t, string(b), "30,000,000", "it is of a commit that is none of those before")
}
