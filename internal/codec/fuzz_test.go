package codec_test

import (
	"errors"
	"runtime"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rollmend/rollmend/internal/codec"
	"pgregory.net/rapid"
)

func FuzzRecord(f *testing.F)     { records.fuzz(f) }
func FuzzEntry(f *testing.F)      { entries.fuzz(f) }
func FuzzQuarantine(f *testing.F) { quarantines.fuzz(f) }
func FuzzTransition(f *testing.F) { transitions.fuzz(f) }
func FuzzOpening(f *testing.F)    { openings.fuzz(f) }
func FuzzResumption(f *testing.F) { resumptions.fuzz(f) }
func FuzzImposition(f *testing.F) { impositions.fuzz(f) }
func FuzzClearance(f *testing.F)  { clearances.fuzz(f) }
func FuzzChange(f *testing.F)     { changes.fuzz(f) }
func FuzzEffects(f *testing.F)    { effects.fuzz(f) }

// samples is how many drawn messages each fuzz target starts from, beside the
// real ones in testdata/fuzz: enough to hold most bodies once.
const samples = 40

// readMost and readPerByte bound what reading may allocate. The smallest probe
// is seven bytes in a message and about a hundred in memory.
const (
	readMost    = 4 << 10
	readPerByte = 64
)

// fuzz checks that any bytes either give a typed error, or a value that can be
// written and read again without loss; that what is written is written the same
// again; and that reading takes no more memory than the message's length
// allows.
func (f format[V]) fuzz(t *testing.F) {
	for seed := range samples {
		in := rapid.Custom(f.draw).Example(seed)
		bytes, err := f.append(nil, &in)
		if err != nil {
			t.Fatal(err)
		}
		t.Add(bytes)
	}
	t.Fuzz(func(t *testing.T, bytes []byte) {
		var first V
		var err error
		if spent := allocated(func() { first, err = f.decode(bytes) }); spent > uint64(readMost+readPerByte*len(bytes)) {
			t.Fatalf("%d bytes allocated for a message of %d", spent, len(bytes))
		}
		if err != nil {
			var damage *codec.Error
			if !errors.As(err, &damage) {
				t.Fatalf("an untyped error: %v", err)
			}
			return
		}
		again, err := f.append(nil, &first)
		if err != nil {
			var value *codec.ValueError
			if !errors.As(err, &value) {
				t.Fatalf("an untyped error: %v", err)
			}
			return
		}
		second, err := f.decode(again)
		if err != nil {
			t.Fatalf("what was read cannot be read again: %v", err)
		}
		if diff := cmp.Diff(first, second, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
		if third, err := f.append(nil, &second); err != nil || string(third) != string(again) {
			t.Fatalf("written as %q, and then as %q: %v", again, third, err)
		}
	})
}

// triesToMeasure is how often work is measured: the runtime counts what
// everybody allocates.
const triesToMeasure = 3

// allocated does work some times, and returns the least that it allocated.
func allocated(work func()) uint64 {
	var least []uint64
	var before, after runtime.MemStats
	for range triesToMeasure {
		runtime.ReadMemStats(&before)
		work()
		runtime.ReadMemStats(&after)
		least = append(least, after.TotalAlloc-before.TotalAlloc)
	}
	return slices.Min(least)
}

func TestDecodersAllocateInProportionToTheirInput(t *testing.T) {
	for _, m := range []struct {
		name string
		in   []byte
		read func([]byte) error
	}{
		{"record", []byte{1, 'r', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 15}, only(codec.DecodeRecord)},
		{"opening", []byte{1, 'O', 0, 0, 0, 0, 255, 255, 255, 255, 15}, only(codec.DecodeOpening)},
		{"resumption", []byte{1, 'R', 0, 0, 0, 0, 255, 255, 255, 255, 15}, only(codec.DecodeResumption)},
		{"text", []byte{1, 'R', 254, 255, 255, 255, 255, 255, 255, 255, 255, 1}, only(codec.DecodeResumption)},
	} {
		t.Run(m.name, func(t *testing.T) {
			const runs = 100
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range runs {
				if m.read(m.in) == nil {
					t.Fatal("a message that announces more than it holds was read")
				}
			}
			runtime.ReadMemStats(&after)
			if got := (after.TotalAlloc - before.TotalAlloc) / runs; got > 4096 {
				t.Fatalf("%d bytes allocated for a message of %d", got, len(m.in))
			}
		})
	}
}

func only[V any](decode func([]byte) (V, error)) func([]byte) error {
	return func(in []byte) error {
		_, err := decode(in)
		return err
	}
}
