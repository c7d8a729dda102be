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
		worlds{realWorlds},
		laws{},
		realHistories(),
		realKills,
		fuzz{root},
		mutants{},
		trackRecord{root},
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
	flag.BoolVar(&opts.write, "write", false, "write "+pagePath+" from what was done so far on this commit")
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
	if opts.seed == 0 || opts.budget <= 0 {
		return errors.New("prove: -seed and -budget must be greater than 0")
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
		options: opts, root: root, out: out,
		ledgers: ledgers{filepath.Join(opts.state, commit)},
		ends:    time.Now().Add(opts.budget),
	}
	fmt.Fprintf(out, "commit %s; figures of other commits are not mixed in\nstate in %s\n", commit, r.ledgers.dir)
	broken := r.all(ctx, chosen)
	if opts.write {
		if err := writePage(root, commit, all, r.ledgers); err != nil {
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
	ledgers ledgers
	ends    time.Time
}

// all runs the parts. A part that ends early leaves its time to those behind
// it; one that breaks a promise does not keep the others from running.
func (r *runner) all(ctx context.Context, ps []part) error {
	var failed []error
	for i, p := range ps {
		shares := 0
		for _, q := range ps[i:] {
			shares += q.share()
		}
		share := time.Until(r.ends) * time.Duration(p.share()) / time.Duration(shares)
		if err := r.one(ctx, p, share); err != nil {
			failed = append(failed, err)
		}
		if ctx.Err() != nil {
			return errors.Join(append(failed, errors.New("stopped; the same command goes on from here"))...)
		}
	}
	return errors.Join(failed...)
}

// sayEvery is how often a part that runs says how far it is.
const sayEvery = 10 * time.Second

// one runs a part for its share of the time.
func (r *runner) one(ctx context.Context, p part, share time.Duration) error {
	l, err := r.ledgers.open(p.name())
	if err != nil {
		return err
	}
	l.Machine = machine()
	began, before := time.Now(), l.Took
	said := began
	j := &job{
		root: r.root, shared: r.state, seed: r.seed,
		until: began.Add(share), ledger: l,
	}
	j.say = func(format string, args ...any) {
		fmt.Fprintf(r.out, "%-13s %s\n", p.name(), fmt.Sprintf(format, args...))
	}
	j.save = func() error {
		l.Took = before + time.Since(began)
		if time.Since(said) > sayEvery {
			said = time.Now()
			j.say("%s of %s: %s", time.Since(began).Round(time.Second), share.Round(time.Second), summed(p, l))
		}
		return r.ledgers.save(p.name(), l)
	}
	j.say("for %s: %s", share.Round(time.Second), p.about())
	err = p.run(ctx, j)
	l.Broken = ""
	var v *violation
	if errors.As(err, &v) {
		l.Broken = v.what + "\n" + v.replay
		err = fmt.Errorf("VIOLATION in %s\n%s\nagain with: %s", p.name(), v.what, v.replay)
	} else if err != nil {
		err = fmt.Errorf("%s: %w", p.name(), err)
	}
	err = errors.Join(err, j.save())
	j.say("after %s in all: %s", l.Took.Round(time.Second), summed(p, l))
	if errors.Is(err, context.Canceled) {
		return nil // said once, for all parts
	}
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
