package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rollmend/rollmend/adapters/storetest"
)

// parts are all kinds of evidence, in the order in which they are gathered and
// shown.
func parts(root string) []part {
	return []part{
		simulated{realFleet},
		laws{},
		worlds{realWorlds},
		realHistories(),
		realKills,
		fuzz{root},
		trackRecord{root},
		planted{root},
		// These two end late where the budget is small: nobody's time is behind them.
		realCombinations,
		mutants{},
	}
}

type options struct {
	budget time.Duration
	seed   uint64
	state  string
	only   string
	write  bool
}

func main() {
	storetest.Serve(openKilled)
	var opts options
	flag.DurationVar(&opts.budget, "budget", 10*time.Minute, "shared among the parts")
	flag.Uint64Var(&opts.seed, "seed", 1, "which range of seeds to go on with; each is as long as any budget")
	flag.StringVar(&opts.state, "state", defaultState(), "the folder that keeps what was done so far")
	flag.StringVar(&opts.only, "only", "", "one part alone, by its name")
	flag.BoolVar(&opts.write, "write", false, "write "+pagePath+" from what was done so far")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := prove(ctx, opts, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// defaultState is in the user's cache, and among the temporary files where he
// has none. It must not be in the repository, whose content it is kept by.
func defaultState() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "rollmend-prove")
}

// prove runs the parts one after the other, and writes the page where it is
// told to, whatever came of them.
func prove(ctx context.Context, opts options, out io.Writer) error {
	root, err := findRoot()
	if err != nil {
		return err
	}
	if opts.seed == 0 || opts.budget < 0 || opts.budget == 0 && !opts.write {
		return errors.New("prove: -seed and -budget must be greater than 0; -budget 0 is for -write alone, which then writes what is there")
	}
	all := parts(root)
	chosen := slices.Clone(all)
	if opts.only != "" {
		chosen = slices.DeleteFunc(chosen, func(p part) bool { return p.name() != opts.only })
	}
	if len(chosen) == 0 {
		return fmt.Errorf("prove: there is no part %q: want one of %s", opts.only, strings.Join(names(all), ", "))
	}
	commit, err := commitOf(root)
	if err != nil {
		return err
	}
	r := runner{
		options: opts, root: root, out: &lines{to: out},
		ledgers: newLedgers(opts.state, commit),
		ends:    time.Now().Add(opts.budget),
	}
	fmt.Fprintf(r.out, "code of commit %s, seeds from range %d; state in %s\n", commit, opts.seed, r.ledgers.dir)
	var broken error
	if opts.budget > 0 {
		broken = r.all(ctx, chosen)
	}
	if opts.write {
		if err := writePage(root, all, r.ledgers); err != nil {
			return errors.Join(broken, err)
		}
		fmt.Fprintln(out, "wrote", pagePath)
	}
	return broken
}

func names(ps []part) (names []string) {
	for _, p := range ps {
		names = append(names, p.name())
	}
	return names
}

// runner runs parts on one commit.
type runner struct {
	options
	root    string
	out     io.Writer
	ledgers *ledgers
	ends    time.Time
}

// all runs the parts. A part that ends early leaves its time to those behind
// it; one that breaks a promise does not keep the others from running.
func (r *runner) all(ctx context.Context, ps []part) error {
	var failed []error
	for i, p := range ps {
		if err := r.one(ctx, p, shareOf(time.Until(r.ends), ps[i:])); err != nil {
			failed = append(failed, err)
		}
		if ctx.Err() != nil {
			return errors.Join(append(failed, errors.New("stopped; the same command goes on from here"))...)
		}
	}
	return errors.Join(failed...)
}

// shareOf returns what the first of some parts has of the time that is left for
// all of them.
func shareOf(left time.Duration, ps []part) time.Duration {
	shares := 0
	for _, p := range ps {
		shares += p.share()
	}
	return left * time.Duration(ps[0].share()) / time.Duration(shares)
}

// one runs a part for its share of the time.
func (r *runner) one(ctx context.Context, p part, share time.Duration) error {
	l, err := r.ledgers.open(p.name())
	if err != nil {
		return err
	}
	l.Machine = machine()
	began, before := time.Now(), l.Took
	now := &progress{}
	say := func(format string, args ...any) {
		fmt.Fprintf(r.out, "%-13s %s\n", p.name(), fmt.Sprintf(format, args...))
	}
	j := &job{
		root: r.root, shared: r.state, seed: r.seed,
		until: began.Add(share), ledger: l, say: say, doing: now.doing,
	}
	j.save = func() error {
		l.Took = before + time.Since(began)
		now.counted(summed(p, l))
		return r.ledgers.save(p.name(), l)
	}
	say("for %s: %s", share.Round(time.Second), p.about())
	quiet := every(sayEvery, func() {
		say("%s of %s: %s", time.Since(began).Round(time.Second), share.Round(time.Second), now)
	})
	err = p.run(ctx, j)
	quiet()
	if errors.Is(err, errUnbound) {
		return fmt.Errorf("%s: %w", p.name(), err)
	}
	var v *violation
	switch {
	case errors.Is(err, context.Canceled):
		err = nil // said once, for all parts
	case errors.As(err, &v):
		l.Broken = v.what + "\n" + v.replay
		err = fmt.Errorf("VIOLATION in %s\n%s\nagain with: %s", p.name(), v.what, v.replay)
	case err != nil:
		err = fmt.Errorf("%s: %w", p.name(), err)
	default:
		l.Broken = ""
	}
	err = errors.Join(err, j.save())
	say("after %s in all: %s", l.Took.Round(time.Second), summed(p, l))
	return err
}

// summed writes a part's figures into one line.
func summed(p part, l *ledger) string {
	var texts []string
	for _, f := range p.summary(l) {
		texts = append(texts, f.String())
	}
	if s := l.seeds(); s != "" {
		texts = append(texts, "seeds "+s)
	}
	return strings.Join(texts, "; ")
}
