package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"syscall"
	"time"

	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/gates"
)

// bench is what the parts share: the fleet, the control plane as the part
// before left it, and the table.
type bench struct {
	options
	kind  kind
	fleet fleet
	table table
	temp  string // to be removed; empty where the caller named a folder
	made  int    // folders
	at    string // where the store's server is, where it has one
	stop  func() // ends it

	now *plane // the fleet's control plane; nil before the first
}

func newBench(ctx context.Context, opts options) (*bench, error) {
	k, err := kindNamed(opts.store)
	if err != nil {
		return nil, err
	}
	b := &bench{options: opts, kind: k, fleet: fleet{hosts: opts.hosts, seed: opts.seed}, stop: func() {}}
	if b.dir == "" {
		if b.temp, err = os.MkdirTemp("", "rollmend-million-"); err != nil {
			return nil, err
		}
		b.dir = b.temp
	}
	fmt.Printf("%d hosts, a cycle of %s, %s in %s, seed %d, %d processors, %s\n",
		opts.hosts, opts.cycle, k.name, b.dir, opts.seed, runtime.NumCPU(), runtime.Version())
	if k.start != nil {
		if b.at, b.stop, err = k.start(ctx); err != nil {
			_ = os.RemoveAll(b.temp)
			return nil, err
		}
	}
	return b, nil
}

func (b *bench) close() {
	b.end()
	b.stop()
	if b.temp != "" {
		_ = os.RemoveAll(b.temp)
	}
}

// folder makes a folder for one database.
func (b *bench) folder() (string, error) {
	b.made++
	dir := filepath.Join(b.dir, fmt.Sprintf("%02d", b.made))
	return dir, os.MkdirAll(dir, 0o700)
}

// plane is a control plane: a store, the witness around it, and the engine.
type plane struct {
	fleet  fleet
	dir    string
	store  closingStore
	seen   *witness
	engine *engine.Engine
	beat   uint64 // of the cycle that every host has had
}

// wall is the machine's clock.
type wall struct{}

// Now implements [adapters.Clock].
func (wall) Now() time.Time { return time.Now() }

// wiped starts a control plane on an empty store, and loads the manifest.
func (b *bench) wiped(ctx context.Context, f fleet) (*plane, error) {
	dir, err := b.folder()
	if err != nil {
		return nil, err
	}
	p := &plane{fleet: f, dir: dir}
	if p.store, err = b.kind.open(ctx, b.at, dir); err != nil {
		return nil, err
	}
	p.seen = newWitness(f, p.store, b.kind.encode)
	if p.engine, err = engine.New(ctx, engine.Options{Store: p.seen, Clock: wall{}, Cycle: b.cycle}); err != nil {
		return p, err
	}
	_, err = p.engine.Load(ctx, gates.NewFleet(f.plan()))
	return p, err
}

func (p *plane) close() {
	if p == nil {
		return
	}
	if p.engine != nil {
		p.engine.Close()
	}
	if p.store != nil {
		_ = p.store.Close()
	}
}

// end closes the fleet's control plane, and gives its memory back.
func (b *bench) end() {
	b.now.close()
	b.now = nil
	settleMemory()
}

// settleMemory collects garbage and hands it back, so that the next part is not
// measured with the memory of the one before.
func settleMemory() {
	debug.FreeOSMemory()
	// Begins a new peak of the resident memory; where the system has no such
	// thing, the peak is that of the whole run.
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
}

// heapNow is what lives, in bytes.
func heapNow() int64 {
	runtime.GC()
	runtime.GC() // what finalizers gave up
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// peak is the most resident memory since the last settleMemory, in bytes; 0
// where the system does not say.
func peak() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			var kb int64
			if _, err := fmt.Sscan(rest, &kb); err == nil {
				return kb << 10
			}
		}
	}
	return 0
}

// cpu is the processor time of the process so far.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func writeHeap(path string) error {
	if path == "" {
		return nil
	}
	runtime.GC()
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer out.Close()
	return pprof.Lookup("heap").WriteTo(out, 0)
}
