package codec_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

var rewrite = flag.Bool("rewrite", false, "write the messages of testdata/fuzz anew")

const corpusHead = "go test fuzz v1\n[]byte("

// realMessages are messages as a control plane stores them, by the fuzz target that
// they belong to and by what they show.
func realMessages(t *testing.T) map[string]map[string][]byte {
	all := map[string]map[string][]byte{}
	add := func(target, name string, b []byte, err error) {
		if err != nil {
			t.Fatal(err)
		}
		if all[target] == nil {
			all[target] = map[string][]byte{}
		}
		all[target][name] = b
	}
	for life, events := range realLives {
		o := realOpening()
		rec, first, err := o.Record(o.Members[0])
		if err != nil {
			t.Fatal(err)
		}
		b, err := entries.append(nil, &first)
		add("FuzzEntry", life+"-0-Opened", b, err)
		log := []reducer.LogEntry{first}
		for i, ev := range events {
			ev.Key = rec.Key
			out, _ := reducer.Step(rec, ev) // a refusal is stored as well
			c := adapters.Change{Expect: rec.Revision, Record: out.Record, Effects: []reducer.Effects{out.Effects}}
			rec, log = out.Record, append(log, out.Effects.Entry)
			name := fmt.Sprintf("%s-%d-%s", life, i+1, ev.Kind())
			b, err := changes.append(nil, &c)
			add("FuzzChange", name, b, err)
			b, err = entries.append(nil, &out.Effects.Entry)
			add("FuzzEntry", name, b, err)
			b, err = records.append(nil, &rec)
			add("FuzzRecord", name, b, err)
			if out.Effects.Transition.To != 0 {
				b, err = transitions.append(nil, &out.Effects.Transition)
				add("FuzzTransition", name, b, err)
			}
			if out.Effects.Quarantine.Closure.Known() {
				b, err = quarantines.append(nil, &out.Effects.Quarantine)
				add("FuzzQuarantine", name, b, err)
				b, err = impositions.append(nil, &adapters.Imposition{Quarantine: out.Effects.Quarantine})
				add("FuzzImposition", name, b, err)
			}
		}
		snapshot, err := reducer.Compact(log)
		if err != nil {
			t.Fatal(err)
		}
		b, err = snapshots.append(nil, &snapshot)
		add("FuzzSnapshot", life, b, err)
	}
	o := realOpening()
	b, err := openings.append(nil, &o)
	add("FuzzOpening", "three-hosts", b, err)
	b, err = resumptions.append(nil, &adapters.Resumption{Rollout: o.Rollout, At: dawn + 5, Reason: "looked at it", Hosts: []states.Host{"web-1", "web-2"}})
	add("FuzzResumption", "two-hosts", b, err)
	b, err = clearances.append(nil, &adapters.Clearance{Channel: "stable", Closure: "/nix/store/q0l9-system", At: dawn + 9, Reason: "it is mended"})
	add("FuzzClearance", "by-an-operator", b, err)
	return all
}

const (
	dawn states.Time    = 1_790_000_000_000
	want states.Closure = "/nix/store/q0l9-system"
	had  states.Closure = "/nix/store/a1b2-system"
)

func realOpening() adapters.Opening {
	with := reducer.Opened{Target: want, Policy: states.Policy{Soak: 5 * time.Minute, OnFailure: states.RollbackAndHalt, DeferredIsDone: true}}
	late := with
	late.Wave, late.Policy.OnFailure = 1, states.Halt
	return adapters.Opening{
		Rollout: states.Rollout{Channel: "stable", Ref: "a1b2c3d4"}, At: dawn, SignedAt: dawn - 60_000,
		Members: []adapters.Member{{Host: "web-1", Opened: with}, {Host: "web-2", Opened: with}, {Host: "web-3", Opened: late}},
	}
}

func told(seq states.Seq, at states.Time, body reducer.Body) reducer.Event {
	return reducer.Event{Seq: seq, At: dawn + at, Order: states.Order{Boot: 12, Beat: 340 + uint64(seq)}, Body: body}
}

func guessed(why states.Case, at states.Time, runs states.Closure, body reducer.Body) reducer.Event {
	from := states.Observation{At: dawn + at, Order: states.Order{Boot: 13, Beat: 1}, Current: runs}
	return reducer.Event{At: dawn + at, Origin: reducer.Origin{By: reducer.BySynthesis, Case: why, From: from}, Body: body}
}

var realLives = map[string][]reducer.Event{
	"healthy": {
		{At: dawn + 10, Origin: reducer.Origin{By: reducer.ByControlPlane}, Body: reducer.Dispatched{}},
		told(1, 20, reducer.DispatchAck{AtDispatch: had}),
		told(2, 30, reducer.ActivationStarted{Method: "switch"}),
		told(3, 900, reducer.ActivationCompleted{Observed: want}),
		told(4, 901, reducer.ProbeTopologyDeclared{Probes: []reducer.Declaration{
			{Name: "http", Kind: "http", Mode: states.Enforce}, {Name: "disk", Kind: "exec", Mode: states.Observe},
		}}),
		told(5, 902, reducer.ProbeObservedFirst{Probe: "http", Mode: states.Enforce}),
		told(6, 950, reducer.ProbeResult{Probe: "http", Mode: states.Enforce, Status: states.Pass}),
		told(7, 300_900, reducer.Converged{Current: want}),
	},
	"failing": {
		told(1, 20, reducer.DispatchAck{AtDispatch: had}),
		told(2, 800, reducer.ActivationCompleted{Observed: want}),
		told(3, 950, reducer.ProbeResult{Probe: "cis", Mode: states.Enforce, Status: states.Fail, Reason: "2 of 9 controls", Sub: []reducer.SubResult{
			{ControlID: "1.1", Status: states.Fail, Framework: "CIS", Article: "1", EffectiveMode: states.Enforce, OverrideReason: "none"},
		}}),
		told(4, 951, reducer.ProbeFailureFirst{Probe: "cis", Mode: states.Enforce}),
		told(5, 990, reducer.Converged{Current: want}), // refused
		told(6, 60_000, reducer.Failed{Duration: time.Minute, Failing: []string{"cis"}, PolicyApplied: states.RollbackAndHalt}),
		told(7, 61_000, reducer.RollbackComplete{RevertedTo: had}),
	},
	"deferred": {
		told(1, 20, reducer.DispatchAck{AtDispatch: had}),
		told(2, 700, reducer.ActivationDeferred{Component: "kernel"}),
		guessed(states.RebootFinished, 900_000, want, reducer.ActivationCompleted{Observed: want}),
		told(3, 890_000, reducer.ActivationFailed{ExitCode: 1, StderrTail: "no space left"}), // late truth
	},
	"wiped": {
		guessed(states.RecordsLost, 0, want, reducer.DispatchAck{}),
		guessed(states.RecordsLost, 0, want, reducer.ActivationCompleted{Observed: want}),
		guessed(states.RecordsLost, 400_000, want, reducer.Converged{Current: want}),
	},
}

// What is stored today is read tomorrow: the messages were written once, and
// fuzzing begins with them. A new layout gets a new version, and reads them
// still; before the first release they are written anew with -rewrite.
func TestMessagesThatWereStoredAreRead(t *testing.T) {
	again := map[string]func([]byte) ([]byte, error){
		"FuzzRecord": records.again, "FuzzEntry": entries.again, "FuzzQuarantine": quarantines.again,
		"FuzzTransition": transitions.again, "FuzzOpening": openings.again, "FuzzResumption": resumptions.again,
		"FuzzImposition": impositions.again, "FuzzClearance": clearances.again, "FuzzChange": changes.again,
		"FuzzSnapshot": snapshots.again,
	}
	for target, messages := range realMessages(t) {
		for name, b := range messages {
			path := filepath.Join("testdata", "fuzz", target, name)
			if *rewrite {
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(corpusHead+strconv.Quote(string(b))+")\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			stored := readCorpus(t, path)
			if out, err := again[target](stored); err != nil || !bytes.Equal(out, stored) {
				t.Errorf("%s: %v; it is written as %q, and stands as %q", path, err, out, stored)
			}
			if !bytes.Equal(b, stored) {
				t.Errorf("%s does not hold what is stored today: -rewrite writes it anew", path)
			}
		}
	}
}

// again reads a message and writes it.
func (f format[V]) again(in []byte) ([]byte, error) {
	v, err := f.decode(in)
	if err != nil {
		return nil, err
	}
	return f.append(nil, &v)
}

func readCorpus(t *testing.T, path string) []byte {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := strconv.Unquote(strings.TrimSuffix(strings.TrimPrefix(string(file), corpusHead), ")\n"))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return []byte(s)
}
