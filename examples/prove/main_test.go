package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rollmend/rollmend/proptest"
)

// counting is a part that counts seeds, a hundred in a millisecond.
type counting struct {
	id     string
	breaks uint64        // the seed that breaks its promise; 0: none
	given  time.Duration // its share in the last run
	stops  context.CancelFunc
}

func (p *counting) name() string  { return p.id }
func (p *counting) about() string { return "counts" }
func (p *counting) share() int    { return 1 }

func (p *counting) summary(l *ledger) []figure {
	return []figure{{what: "seeds", n: l.Counts["seeds"]}}
}

func (p *counting) run(ctx context.Context, j *job) error {
	p.given = j.left()
	for {
		from := j.next()
		if p.breaks >= from && p.breaks < from+100 {
			return &violation{what: "it broke", replay: "do it again"}
		}
		j.ledger.add("seeds", 100)
		if err := j.used(from + 99); err != nil {
			return err
		}
		if p.stops != nil {
			p.stops()
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if j.left() <= 0 {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
}

func runnerOf(t *testing.T, dir string, budget time.Duration, seed uint64) (*runner, *bytes.Buffer) {
	t.Helper()
	var out bytes.Buffer
	return &runner{
		options: options{seed: seed, state: dir}, root: repository, out: &out,
		ledgers: newLedgers(dir, "abc"), ends: time.Now().Add(budget),
	}, &out
}

func TestAShareIsThatOfTheTimeThatIsLeft(t *testing.T) {
	ps := []part{simulated{}, laws{}, worlds{}} // 20, 20 and 10 shares
	require.Equal(t, 40*time.Second, shareOf(100*time.Second, ps))
	require.Equal(t, 40*time.Second, shareOf(60*time.Second, ps[1:]))
	require.Equal(t, 20*time.Second, shareOf(20*time.Second, ps[2:]))
	all := 0
	for _, p := range parts(repository) {
		all += p.share()
	}
	require.Equal(t, 100, all, "a share is one of a hundred")
}

func TestPartsShareTheBudgetAndGoOnWhereTheyWere(t *testing.T) {
	dir := t.TempDir()
	a, b := &counting{id: "a"}, &counting{id: "b"}
	for range 2 {
		r, _ := runnerOf(t, dir, 100*time.Millisecond, 1)
		require.NoError(t, r.all(t.Context(), []part{a, b}))
		require.NotZero(t, a.given)
		require.NotZero(t, b.given)
	}
	l, err := newLedgers(dir, "abc").open("a")
	require.NoError(t, err)
	require.Equal(t, []span{{1, l.Counts["seeds"]}}, l.Seeds, "no seed twice, none left out")
	require.GreaterOrEqual(t, l.Counts["seeds"], uint64(200), "at least a round in each run")
	require.Positive(t, l.Took)

	r, _ := runnerOf(t, dir, 10*time.Millisecond, 3)
	require.NoError(t, r.all(t.Context(), []part{a}))
	l, err = newLedgers(dir, "abc").open("a")
	require.NoError(t, err)
	require.Len(t, l.Seeds, 2)
	require.Equal(t, uint64(2*seedsPerRange+1), l.Seeds[1].First)
}

func TestAViolationIsPrintedInFullAndDoesNotKeepTheOthersFromRunning(t *testing.T) {
	dir := t.TempDir()
	a, b := &counting{id: "a", breaks: 150}, &counting{id: "b"}
	r, _ := runnerOf(t, dir, 20*time.Millisecond, 1)
	err := r.all(t.Context(), []part{a, b})
	require.ErrorContains(t, err, "VIOLATION in a\nit broke\nagain with: do it again")
	for name, broken := range map[string]string{"a": "it broke\ndo it again", "b": ""} {
		l, err := newLedgers(dir, "abc").open(name)
		require.NoError(t, err)
		require.Equal(t, broken, l.Broken)
		require.Positive(t, l.Counts["seeds"])
	}
}

func TestARunThatIsStoppedKeepsWhatItHasDone(t *testing.T) {
	dir := t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	a, b := &counting{id: "a", stops: stop}, &counting{id: "b"}
	r, out := runnerOf(t, dir, time.Hour, 1)
	err := r.all(ctx, []part{a, b})
	require.EqualError(t, err, "stopped; the same command goes on from here")
	require.Contains(t, out.String(), "100 seeds; seeds 1 to 100")
	require.Zero(t, b.given, "what comes behind is not begun")
}

func TestABrokenLawIsSaidWithItsSeed(t *testing.T) {
	law := proptest.Property{Name: "what is odd is even", Check: func(t *rapid.T, _ proptest.System) error {
		if rapid.Bool().Draw(t, "odd") {
			return errors.New("it is odd")
		}
		return nil
	}}
	try := func(_ context.Context, seed uint64) (map[string]uint64, error) {
		return tryLaws([]proptest.Property{law}, int(seed))
	}
	j := &job{seed: 1, ledger: &ledger{}, save: func() error { return nil }}
	var v *violation
	require.ErrorAs(t, rounds(t.Context(), j, 100, try), &v)
	require.Empty(t, j.ledger.Seeds, "the round does not count")
	require.Regexp(t, `(?s)what is odd is even\nseed \d+: it is odd`, v.what)
	require.Regexp(t, `-proptest.seed=\d+$`, v.replay)
}

func TestAMutantThatLivesIsAViolation(t *testing.T) {
	j := &job{ledger: &ledger{}, save: func() error { return nil }}
	require.NoError(t, weigh(j, []byte(`{"mutants": 9, "judged": 5, "killed": 4, "equivalent": 1}`), ""))
	require.Equal(t, "4 of 4 mutants killed; 5 of 9 mutants judged; 1 equivalent", summed(mutants{}, j.ledger))
	err := weigh(j, []byte(`{"survivors": [{"file": "reducer/step.go", "line": 7, "in": "Step", "what": "deleted"}]}`), "")
	require.ErrorContains(t, err, "reducer/step.go:7: Step: deleted")
	require.ErrorContains(t, weigh(j, nil, "no such tool"), "no such tool")
}

func TestThePageBeginsWithWhatIsBroken(t *testing.T) {
	p := page{commit: "abc", parts: []part{laws{}}, ledgers: map[string]*ledger{"laws": {Commit: "abc", Took: 1}}}
	require.Contains(t, p.String(), "found a promise broken on this code.")
	p.ledgers["laws"].Broken = "it broke\n" + strings.Repeat("a line\n", 100) + "do it again"
	text := p.String()
	require.Contains(t, text, "## Broken promises\n\nlaws, on commit abc; again with `do it again`:\n\n    it broke\n    a line\n")
	require.Less(t, strings.Count(text, "a line"), brokenMost)
	require.Less(t, strings.Index(text, "it broke"), strings.Index(text, "## What a release"))
	require.NotContains(t, text, "found a promise broken on this code.")
}

func TestTheGoalsSayWhetherTheyAreReached(t *testing.T) {
	for n, word := range map[uint64]string{9_999_999: "not reached yet", 10_000_000: "reached"} {
		p := page{commit: "abc", parts: []part{laws{}, realCombinations}, ledgers: map[string]*ledger{
			"laws":         {Commit: "abc", Counts: map[string]uint64{propertyCases: n - 7}},
			"combinations": {Commit: "abc", Counts: map[string]uint64{combinationsCompared: 7}},
		}}
		require.Equal(t, n-7, p.figure(target{part: "laws", what: propertyCases}).n)
		var b strings.Builder
		p.goals(&b)
		const what = "| property cases and combinations | 10,000,000 | "
		require.Contains(t, b.String(), what+grouped(n)+" | "+word+" |")
		if n < 10_000_000 {
			continue
		}
		p.commit = "def"
		b.Reset()
		p.goals(&b)
		require.Contains(t, b.String(), what+grouped(n)+" | reached, on abc |")
	}
}
