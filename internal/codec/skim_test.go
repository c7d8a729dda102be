package codec_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/states"
	"pgregory.net/rapid"
)

// A skimmer reads what the decoders read, whatever it read before, and finds the
// same damage.
func TestASkimmerReadsAndRefusesWhatTheDecodersDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s codec.Skimmer
		var kept, want []states.Record
		for range rapid.IntRange(1, 8).Draw(t, "messages") {
			in := skimmed(t)
			if rec, ok := sameSkimmed(t, &s, in); ok {
				kept, want = append(kept, rec), append(want, decoded(in))
			}
		}
		if diff := cmp.Diff(want, kept, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("what was kept changed with what was read later:\n%s", diff)
		}
	})
}

func FuzzSkimmer(f *testing.F) {
	for seed := range samples {
		f.Add(rapid.Custom(skimmed).Example(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var s codec.Skimmer
		sameSkimmed(t, &s, in)
		sameSkimmed(t, &s, in)
	})
}

// skimmed draws a change or a snapshot, whole or damaged.
func skimmed(t *rapid.T) []byte {
	var in []byte
	var err error
	if truth(t) {
		c := change(t)
		in, err = codec.AppendChange(nil, &c)
	} else {
		e := snapshot(t)
		in, err = codec.AppendSnapshot(nil, &e)
	}
	if err != nil {
		panic(err)
	}
	switch rapid.IntRange(0, 3).Draw(t, "damage") {
	case 0:
		in = in[:rapid.IntRange(0, len(in)).Draw(t, "length")]
	case 1:
		in[rapid.IntRange(0, len(in)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
	}
	return in
}

func decoded(in []byte) states.Record {
	rec, _ := codec.DecodeChangedRecord(in)
	return rec
}

// sameSkimmed compares a skimmer with the decoders. It returns the record where
// there is one.
func sameSkimmed(t interface{ Fatalf(string, ...any) }, s *codec.Skimmer, in []byte) (states.Record, bool) {
	same := func(what string, got, want error) bool {
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%s of %x: %v, the decoder says: %v", what, in, got, want)
		}
		return want == nil
	}
	key, revision, wrong := codec.DecodeChangedKey(in)
	rollout, host, at, err := s.Key(in)
	if !same("the key", err, wrong) {
		return states.Record{}, false
	}
	if rollout != key.Rollout || string(host) != string(key.Host) || at != revision {
		t.Fatalf("%s/%s at %d, want %s at %d", rollout, host, at, key, revision)
	}
	want, wrong := codec.DecodeChangedRecord(in)
	var rec states.Record
	for range 2 { // once more, behind the other
		borrowed, err := s.Borrow(key.Host)
		if same("the record", err, wrong) && !borrowed.Equal(&want) {
			t.Fatalf("borrowed %s", cmp.Diff(want, *borrowed, cmpopts.EquateEmpty()))
		}
		rec, err = s.Record(key.Host)
		if same("the record to keep", err, wrong) && !rec.Equal(&want) {
			t.Fatalf("kept %s", cmp.Diff(want, rec, cmpopts.EquateEmpty()))
		}
	}
	return rec, wrong == nil
}

// A fleet's records name few closures and probes, and each host once.
func TestSkimmingAMillionRecordsLeavesNoGarbage(t *testing.T) {
	rec := guessing()
	in := codec.AppendRecord(nil, &rec)
	in[1] = 'c' // a change begins with its record
	var s codec.Skimmer
	read := func() {
		if _, _, _, err := s.Key(in); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Borrow(rec.Host); err != nil {
			t.Fatal(err)
		}
	}
	read()
	if n := testing.AllocsPerRun(100, read); n != 0 {
		t.Errorf("%v allocations a record, want none", n)
	}
}

// guessing is a record with probes that rests on a guess.
func guessing() states.Record {
	rec := soaking()
	before := rec.Belief
	rec.State = states.Converged
	rec.Doubt = &states.Doubt{Before: before, Guesses: []states.Guess{{
		Kind: states.KindConverged, Case: states.RecordsLost, At: 1_790_000_660_000,
		From: states.Observation{At: 1_790_000_670_000, Current: rec.Target},
	}}}
	return rec
}

func BenchmarkSkim(b *testing.B) {
	rec := guessing()
	in := codec.AppendRecord(nil, &rec)
	in[1] = 'c'
	b.Run("borrowed", func(b *testing.B) {
		b.ReportAllocs()
		var s codec.Skimmer
		for b.Loop() {
			if _, _, _, err := s.Key(in); err != nil {
				b.Fatal(err)
			}
			if _, err := s.Borrow(rec.Host); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decoded", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := codec.DecodeChangedRecord(in); err != nil {
				b.Fatal(err)
			}
		}
	})
}
