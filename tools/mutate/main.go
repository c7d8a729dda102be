package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"time"
)

// errSurvivors is the outcome of a run that did its work and found a mutant
// alive, or an entry of the list of equivalents that is not true.
var errSurvivors = errors.New("not every mutant is killed or listed")

// settings is what a run is told.
type settings struct {
	root       string         // the folder of the module to mutate
	packages   []string       // folders in it whose guards are mutated
	judges     []judge        // who looks at a mutant, in this order
	equivalent string         // the list of equivalents
	state      string         // where verdicts are kept from run to run; empty: nowhere
	only       *regexp.Regexp // mutants to judge, by their full name; nil: all
	seed       uint64         // of the order of the mutants
	budget     time.Duration  // no mutant is begun after it; 0: no bound
	jobs       int            // mutants that are judged at once
	progress   io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	switch err := command(ctx, os.Args[1:]); {
	case errors.Is(err, errSurvivors):
		os.Exit(1)
	case err != nil:
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(2)
	}
}

func command(ctx context.Context, args []string) error {
	set := settings{packages: pure, judges: judges, progress: os.Stdout}
	flags := flag.NewFlagSet("mutate", flag.ExitOnError)
	flags.StringVar(&set.root, "root", "..", "the folder of the module whose guards are mutated")
	flags.StringVar(&set.equivalent, "equivalent", "mutate/equivalent.txt", "the list of mutants that no test can tell apart")
	flags.StringVar(&set.state, "state", "", "a file that keeps verdicts, so that a later run goes on from there")
	flags.Uint64Var(&set.seed, "seed", 0, "the seed of the order of the mutants; 0: one from the clock, which is printed")
	flags.DurationVar(&set.budget, "budget", 0, "begin no mutant so long after the first; 0: judge them all")
	flags.IntVar(&set.jobs, "jobs", runtime.NumCPU(), "how many mutants to judge at once")
	only := flags.String("only", "", "judge only mutants whose name (file: function: what) matches this expression")
	asJSON := flags.Bool("json", false, "write the summary to standard output as JSON, and the progress to standard error")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *only != "" {
		expression, err := regexp.Compile(*only)
		if err != nil {
			return fmt.Errorf("-only: %w", err)
		}
		set.only = expression
	}
	if set.seed == 0 {
		set.seed = uint64(time.Now().UnixNano())
	}
	if *asJSON {
		set.progress = os.Stderr
	}
	sum, err := run(ctx, set)
	if err != nil {
		return err
	}
	if *asJSON {
		err = sum.json(os.Stdout)
	} else {
		err = sum.text(os.Stdout)
	}
	if err == nil && !sum.clean() {
		err = errSurvivors
	}
	return err
}
