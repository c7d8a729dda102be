// Command recovery shows rollmend's promise on real processes: a control plane
// whose database is destroyed knows its fleet again as soon as every host has
// beaten once, and disturbs nobody on the way.
//
//	go run ./examples/recovery
//	go run ./examples/recovery -store postgres -replicas 3
//	go run ./examples/recovery -store etcd -replicas 3
//
// It starts a control plane (SQLite on disk, HTTPS with mutual TLS on
// loopback) and an agent process per host of fleet.resolved.json, does to them
// what happens in life, and checks the outcome against the truth on disk: where
// each host's profile points, and what each host wrote into its own diary. It
// ends with a table, and with exit code 1 where something did not hold.
//
// With several replicas on a server database, every request of a host goes to
// another of them than the one before, and they are killed in turn. The server
// is started from the PostgreSQL that is installed; the three etcd servers are
// built from the repository.
//
// One program plays all parts: started with a role as its first argument it is
// the control plane or an agent.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// The parts that the program plays when it starts itself.
const (
	roleControlPlane = "role:control-plane"
	roleAgent        = "role:agent"
)

// defaultCycle is the time between two heartbeats of a host. A fleet has a
// minute; a demonstration has not.
const defaultCycle = 2 * time.Second

// endWithin is what a process has for its end, once its parent is gone.
const endWithin = 2 * time.Second

func main() {
	role := ""
	if len(os.Args) > 1 {
		role = os.Args[1]
	}
	var err error
	switch role {
	case roleControlPlane:
		err = runControlPlane(whileParentLives(), os.Args[2:])
	case roleAgent:
		err = runAgent(whileParentLives(), os.Args[2:])
	default:
		os.Exit(runStory())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, role+":", err)
		os.Exit(1)
	}
}

// whileParentLives returns a context that ends with the process that started
// this one, however that one ends: the pipe that it holds is closed then.
func whileParentLives() context.Context {
	signal.Ignore(os.Interrupt) // Ctrl-C is for the parent to answer
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
		// What does not end by itself is ended.
		time.Sleep(endWithin)
		os.Exit(1)
	}()
	return ctx
}

// defaultStore needs nothing but this program.
const defaultStore = "sqlite"

// check refuses what cannot be played.
func (o storyOptions) check() error {
	kind, err := storeNamed(o.store)
	switch {
	case err != nil:
		return err
	case o.cycle < defaultCycle:
		return fmt.Errorf("-cycle: %s, want %s or more: processes take a part of that to start", o.cycle, defaultCycle)
	case o.replicas < 1:
		return fmt.Errorf("-replicas: %d, want 1 or more", o.replicas)
	case kind.most > 0 && o.replicas > kind.most:
		return fmt.Errorf("-replicas: %s is for %d control plane: take another -store for %d", kind.name, kind.most, o.replicas)
	}
	return nil
}

// runStory plays the whole story and returns the exit code.
func runStory() int {
	var opts storyOptions
	flag.StringVar(&opts.manifest, "manifest", "", "a fleet.resolved.json to play with, instead of the one beside the source")
	flag.StringVar(&opts.keep, "keep", "", "leave everything on disk, in this folder")
	flag.Int64Var(&opts.seed, "seed", 1, "chooses the hosts that things happen to, and when processes are killed")
	flag.IntVar(&opts.hosts, "hosts", 0, "at least so many hosts: those of the last waves are multiplied")
	flag.BoolVar(&opts.verbose, "v", false, "tell each finding and each log")
	flag.StringVar(&opts.store, "store", defaultStore, "the database: sqlite; postgres, which starts a server of its own; etcd, which builds and starts a cluster of three")
	flag.IntVar(&opts.replicas, "replicas", 1, "so many control planes on the one database, which are killed in turn; with sqlite there is one")
	flag.DurationVar(&opts.cycle, "cycle", defaultCycle, "the time between two heartbeats of a host; longer for a machine that is busy with something else")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "recovery: unknown argument %q\n", flag.Arg(0))
		flag.Usage()
		return 2
	}
	if err := opts.check(); err != nil {
		fmt.Fprintln(os.Stderr, "recovery:", err)
		return 2
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	held, err := tell(ctx, opts)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "recovery:", err)
		return 1
	case !held:
		return 1
	}
	return 0
}
