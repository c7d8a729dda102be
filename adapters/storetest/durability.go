package storetest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/states"
	"github.com/stretchr/testify/require"
)

var durabilityCases = []Case{
	{"what was stored is there when the store is opened again", reopened},
	{"what was acknowledged before a kill is there after it, and every record whole", killed},
}

func reopened(t testing.TB, f Fixture) {
	if !f.Promise.Durable {
		t.Log("not promised")
		return
	}
	b := prepare(t, f, "a", "b", "c")
	resumption := adapters.Resumption{Rollout: rollout, At: start, Reason: "fixed by hand", Hosts: []states.Host{"a"}}
	clearance := adapters.Clearance{Channel: "stable", Closure: target, At: start, Reason: "fixed"}
	a, c := advance(t, b.record("a"), stepsToReverted), b.next("b")
	b.commit(a, c)
	require.NoError(t, b.store.Enact(b.ctx, []adapters.Act{
		resumption, clearance, adapters.Imposition{Quarantine: bad("edge", target)},
	}))
	untouched := b.record("c")
	last := b.next("b")
	last.Closes = true
	b.commit(last)
	before := b.fleet()

	b.reopen()
	require.Equal(t, before, b.fleet())
	b.holds(a.Record)
	b.holds(last.Record)
	b.holds(untouched)
	b.conflicts(b.try(c)[0], c, last.Record.Revision)

	more := b.next("b")
	b.commit(more)
	b.reopen()
	b.holds(more.Record)
}

// kills is how many processes are killed. Each is killed at another moment of
// its work; one that is never hit in mid-commit shows nothing.
const kills = 6

func killed(t testing.TB, f Fixture) {
	if !f.Promise.Durable || f.Kill == nil {
		t.Log("not promised, or no way to show it")
		return
	}
	acked := make(map[states.Host]states.Revision)
	for range kills {
		var acks bytes.Buffer
		f.Kill(t, &acks)
		n, err := readAcks(&acks, acked)
		require.NoError(t, err)
		require.NotZero(t, n, "the process was killed before it had stored anything")

		b := &bench{TB: t, ctx: context.Background(), fixture: f, store: f.Open(t)}
		for h, revision := range acked {
			require.GreaterOrEqual(t, b.record(h).Revision, revision, "%s was acknowledged", h)
			b.whole(h)
		}
		reverted := false
		for rec, err := range b.store.Records(b.ctx) {
			require.NoError(t, err)
			b.whole(rec.Host)
			reverted = reverted || rec.State == states.Reverted
		}
		require.Equal(t, reverted, len(b.fleet().Quarantines) == 1, "a quarantine stands with the rollback that brought it, or not at all")
		f.Close(t, b.store)
	}
}

// batch is how many hosts a commit of Work touches.
const batch = 20

// Work opens a rollout and takes its hosts along, batch after batch, until the
// context ends or the store fails. After each commit it writes to acks a line
// for every change that the store acknowledged. It is what the process does
// that [Fixture.Kill] kills; started again, it goes on where it was.
func Work(ctx context.Context, s adapters.Store, acks io.Writer) error {
	all := hosts(batch * 5)
	if err := s.Enact(ctx, []adapters.Act{opening(all...)}); err != nil {
		return err
	}
	for round := 0; ; round++ {
		at := round % (len(all) / batch) * batch
		var changes []adapters.Change
		for i, h := range all[at : at+batch] {
			rec, err := s.Record(ctx, keyOf(h))
			if err != nil {
				return err
			}
			c, err := walk(rec, 1+i%3)
			if err != nil {
				return err
			}
			changes = append(changes, c)
		}
		results, err := s.Commit(ctx, changes)
		if err != nil {
			return err
		}
		var lines strings.Builder
		for i, r := range results {
			if r.Err != nil {
				return r.Err
			}
			fmt.Fprintf(&lines, "%s %d\n", changes[i].Record.Host, changes[i].Record.Revision)
		}
		if _, err := io.WriteString(acks, lines.String()); err != nil {
			return err
		}
	}
}

// readAcks notes every whole line that Work wrote. A last one that the kill cut
// short is left out.
func readAcks(r io.Reader, acked map[states.Host]states.Revision) (n int, err error) {
	in := bufio.NewReader(r)
	for ; ; n++ {
		line, err := in.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		host, number, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		revision, err := strconv.ParseUint(number, 10, 64)
		if err != nil {
			return n, fmt.Errorf("storetest: the line %q is none that Work writes", line)
		}
		acked[states.Host(host)] = states.Revision(revision)
	}
}
