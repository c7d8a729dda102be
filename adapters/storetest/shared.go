package storetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/states"
	"github.com/stretchr/testify/require"
)

var sharedCases = []Case{
	{"every process sees what the others stored", seenByOthers},
	{"of processes that decided on the same, exactly one wins, and each sees it", sharedByRealProcesses},
}

func seenByOthers(t testing.TB, f Fixture) {
	if !f.Promise.shared() {
		t.Log("not promised")
		return
	}
	b := prepare(t, f, "a")
	other := &bench{TB: t, ctx: b.ctx, fixture: f, store: f.Open(t)}
	defer f.Close(t, other.store)
	c := b.next("a")
	b.commit(c)
	other.holds(c.Record)
	b.conflicts(other.try(c)[0], c, 1)
	d := other.next("a")
	other.commit(d)
	b.holds(d.Record)
}

const (
	// meeting is how many processes meet.
	meeting = 3

	// meetings is how often they do: by turns at one record, and at one ordering
	// revision.
	meetings = 12
)

// What processes that meet say.
const (
	lineDecided = "decided" // the revision of the common record, the ordering revision
	lineStored  = "stored"
	lineRefused = "refused"
)

// meet is what a process does that meets others. Each time it decides on what
// it reads, says so, waits until all have decided, and then commits.
func meet(ctx context.Context, s adapters.Store, number int, in io.Reader, out io.Writer) error {
	if err := s.Enact(ctx, []adapters.Act{opening(hosts(meeting)...)}); err != nil {
		return err
	}
	told := bufio.NewReader(in)
	for i := range meetings {
		own := 0
		if i%2 == 1 {
			own = number - 1
		}
		rec, err := s.Record(ctx, keyOf(hosts(meeting)[own]))
		if err != nil {
			return err
		}
		f, err := s.Fleet(ctx)
		if err != nil {
			return err
		}
		c, err := walk(rec, 1)
		if err != nil {
			return err
		}
		if i%2 == 1 {
			c.Guard, c.Closes = f.Ordering, true
		}
		fmt.Fprintln(out, lineDecided, rec.Revision, f.Ordering)
		if _, err := told.ReadString('\n'); err != nil {
			return err
		}
		results, err := s.Commit(ctx, []adapters.Change{c})
		if err != nil {
			return err
		}
		var conflict *adapters.ConflictError
		switch err := results[0].Err; {
		case err == nil:
			fmt.Fprintln(out, lineStored)
		case errors.As(err, &conflict):
			fmt.Fprintln(out, lineRefused)
		default:
			return err
		}
	}
	return nil
}

func sharedByRealProcesses(t testing.TB, f Fixture) {
	if !f.Promise.SharedByProcesses {
		t.Log("not promised")
		return
	}
	require.NotEmpty(t, f.Place, "the store promises to be shared by processes: give its Place, and call Serve, so that it can be seen")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	all := make([]*child, meeting)
	for i := range all {
		c, err := order{Place: f.Place, Meeting: i + 1}.begin(ctx)
		require.NoError(t, err)
		all[i] = c
	}
	won := make([]states.Revision, meeting)
	var ordering adapters.Ordering
	for i := range meetings {
		ordering = met(t, all, i, won, ordering)
	}
	for _, c := range all {
		require.NoError(t, c.hear(func(line string) error { return fmt.Errorf("storetest: a line too many: %q", line) }))
	}
	b := &bench{TB: t, ctx: ctx, fixture: f, store: f.Open(t)}
	defer f.Close(t, b.store)
	for i, h := range hosts(meeting) {
		require.Equal(t, won[i], b.record(h).Revision)
		b.whole(h)
	}
	require.Equal(t, ordering, b.fleet().Ordering)
}

// met lets the processes meet once. won is how many changes of each record were
// stored before. It returns the ordering revision that must hold then.
func met(t testing.TB, all []*child, i int, won []states.Revision, ordering adapters.Ordering) adapters.Ordering {
	gated := i%2 == 1
	for n, c := range all {
		var rev states.Revision
		var at adapters.Ordering
		c.says(t, lineDecided, &rev, &at)
		if i == 0 && n == 0 {
			ordering = at
		}
		own := 0
		if gated {
			own = n
		}
		require.Equal(t, won[own], rev, "meeting %d: process %d does not see what was stored", i, n+1)
		require.Equal(t, ordering, at, "meeting %d: process %d does not see the ordering revision", i, n+1)
	}
	for _, c := range all {
		_, err := io.WriteString(c.in, "go\n")
		require.NoError(t, err)
	}
	winners := 0
	for n, c := range all {
		if line := c.line(t); line == lineStored {
			winners++
			if gated {
				won[n]++
			}
		} else {
			require.Equal(t, lineRefused, line)
		}
	}
	require.Equal(t, 1, winners, "meeting %d: so many processes won what one alone can", i)
	if gated {
		return ordering + 1
	}
	won[0]++
	return ordering
}

// line reads the next line that a process says.
func (c *child) line(t testing.TB) string {
	line, err := c.out.ReadString('\n')
	if err != nil {
		_ = c.cmd.Process.Kill()
		_ = c.cmd.Wait()
		require.NoError(t, err, "a process said %q and ended: %s", line, c.errs.String())
	}
	return strings.TrimSuffix(line, "\n")
}

// says reads a line that begins with a word, and the numbers behind it.
func (c *child) says(t testing.TB, word string, numbers ...any) {
	line := c.line(t)
	rest, ok := strings.CutPrefix(line, word+" ")
	require.True(t, ok, "want a line %q, got %q; does the program call storetest.Serve first?", word, line)
	_, err := fmt.Sscan(rest, numbers...)
	require.NoError(t, err)
}
