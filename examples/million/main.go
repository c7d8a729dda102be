// Command million brings a fleet of a million hosts back whose database was
// wiped, and measures what that takes.
//
//	go run ./examples/million
//	go run ./examples/million -hosts 100000 -parts fast -store postgres
//	go run ./examples/million -hosts 100000 -parts fast -store etcd
//
// The fleet has four channels of five waves each, three of the channels behind
// one another. Every host beats once in a cycle, in random order, through
// relays that hand in a thousand at once. The program shows its progress, ends
// with a table and a plot of the hosts by state over time (an SVG), and with
// exit code 1 where a state is wrong or a gate was passed. It judges that by
// the order of the commits, which it sees pass by, and never by the engine's
// word. Times are shown beside what they are wished to be, and not judged: they
// are the machine's as well.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strings"
	"syscall"
	"time"
)

// memoryLimit leaves room below a gigabyte for what Go does not count: the
// store's own memory, and files that are mapped.
const memoryLimit = 800 << 20

type options struct {
	hosts int
	cycle time.Duration
	store string
	seed  uint64
	parts string
	svg   string
	dir   string
	cpu   string
	heap  string
}

func main() {
	var opts options
	flag.IntVar(&opts.hosts, "hosts", 1_000_000, "of the fleet")
	flag.DurationVar(&opts.cycle, "cycle", time.Minute, "between two heartbeats of a host")
	flag.StringVar(&opts.store, "store", "sqlite", "where the control plane keeps its records: "+strings.Join(storeNames(), ", "))
	flag.Uint64Var(&opts.seed, "seed", 1, "chooses the order of the heartbeats")
	flag.StringVar(&opts.parts, "parts", strings.Join(partNames(), ","), "what to do, in this order")
	flag.StringVar(&opts.svg, "svg", "million.svg", "where to write the plot; empty writes none")
	flag.StringVar(&opts.dir, "dir", "", "a folder for the databases, on the disk to measure; empty takes a temporary one")
	flag.StringVar(&opts.cpu, "cpuprofile", "", "write a CPU profile of all parts to this file")
	flag.StringVar(&opts.heap, "memprofile", "", "write a profile of what lives at the end of the first part to this file")
	flag.Parse()
	if flag.NArg() > 0 || opts.hosts < 1 || opts.cycle <= 0 {
		fmt.Fprintln(os.Stderr, "million: -hosts and -cycle must be greater than 0, and there are no arguments")
		flag.Usage()
		os.Exit(2)
	}
	// The fleet, its hosts and the control plane live in one process, which is to
	// stay within a gigabyte: near it the garbage collector works more.
	debug.SetMemoryLimit(memoryLimit)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := profiled(opts.cpu, func() error { return run(ctx, opts) }); err != nil {
		fmt.Fprintln(os.Stderr, "million:", err)
		os.Exit(1)
	}
}

// profiled runs f, and writes a CPU profile of it where a file is named.
func profiled(path string, f func() error) error {
	if path == "" {
		return f()
	}
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := pprof.StartCPUProfile(out); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return f()
}

// part is one thing that is done to the fleet and measured.
type part struct {
	name string
	does string
	run  func(context.Context, *bench) error
}

// parts are in the order of a fleet's life. Each begins with the store as the
// one before left it, or with an empty one of its own.
var parts = []part{
	{"cycle", "the store is wiped; every host beats once, spread over a cycle", inOneCycle},
	{"steady", "every host beats once more; nothing has changed", unchanged},
	{"restart", "the control plane starts on the store as it is", restarted},
	{"storm", "every host beats in the first second after a start", stormed},
	{"fast", "wiped again; heartbeats as fast as they are taken, beside a bare driver", asFastAsTaken},
	{"growth", "the same with fleets of other sizes", growing},
	{"http", "heartbeats over HTTP with TLS, beside a bare handler", overHTTP},
}

func partNames() (names []string) {
	for _, p := range parts {
		names = append(names, p.name)
	}
	return names
}

func run(ctx context.Context, opts options) error {
	b, err := newBench(ctx, opts)
	if err != nil {
		return err
	}
	defer b.close()
	chosen := strings.Split(opts.parts, ",")
	for _, name := range chosen {
		if !slices.Contains(partNames(), name) {
			return fmt.Errorf("there is no part %q: want some of %s", name, strings.Join(partNames(), ","))
		}
	}
	done := 0
	for _, p := range parts {
		if !slices.Contains(chosen, p.name) {
			continue
		}
		fmt.Printf("\n%s: %s\n", p.name, p.does)
		if err := p.run(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		if done++; done == 1 {
			if err := writeHeap(opts.heap); err != nil {
				return err
			}
		}
	}
	b.table.print(os.Stdout)
	return nil
}
