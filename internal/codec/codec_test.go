package codec_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"pgregory.net/rapid"
)

// sorted returns hosts in the order that an opening asks for.
func sorted(hosts []states.Host) []states.Host {
	slices.Sort(hosts)
	return hosts
}

// format is one kind of message: how to draw a value, write it and read it.
type format[V any] struct {
	draw   func(*rapid.T) V
	append func([]byte, *V) ([]byte, error)
	decode func([]byte) (V, error)
}

func sure[V any](f func([]byte, *V) []byte) func([]byte, *V) ([]byte, error) {
	return func(dst []byte, v *V) ([]byte, error) { return f(dst, v), nil }
}

var (
	records     = format[states.Record]{record, sure(codec.AppendRecord), codec.DecodeRecord}
	entries     = format[reducer.LogEntry]{entry, codec.AppendEntry, codec.DecodeEntry}
	quarantines = format[reducer.Quarantine]{quarantine, sure(codec.AppendQuarantine), codec.DecodeQuarantine}
	transitions = format[reducer.Transition]{transition, sure(codec.AppendTransition), codec.DecodeTransition}
	openings    = format[adapters.Opening]{opening, codec.AppendOpening, codec.DecodeOpening}
	resumptions = format[adapters.Resumption]{resumption, sure(codec.AppendResumption), codec.DecodeResumption}
	impositions = format[adapters.Imposition]{imposition, sure(codec.AppendImposition), codec.DecodeImposition}
	clearances  = format[adapters.Clearance]{clearance, sure(codec.AppendClearance), codec.DecodeClearance}
	changes     = format[adapters.Change]{change, codec.AppendChange, decodeChange}
	effects     = format[steps]{stepsOf, appendEffects, decodeEffects}
	snapshots   = format[reducer.LogEntry]{snapshot, codec.AppendSnapshot, codec.DecodeEntry}
)

// steps are effects of one record.
type steps struct {
	Key     states.Key
	Effects []reducer.Effects
}

func stepsOf(t *rapid.T) steps {
	c := change(t)
	return steps{c.Record.Key, c.Effects}
}

func appendEffects(dst []byte, s *steps) ([]byte, error) {
	return codec.AppendEffects(dst, s.Key, s.Effects)
}

func decodeEffects(in []byte) (s steps, err error) {
	s.Key, s.Effects, err = codec.DecodeEffects(in)
	if err == nil && len(s.Effects) == 1 && s.Effects[0].Entry.Snapshot != nil {
		err = &codec.Error{Message: "effects", Reason: "it is a snapshot, and FuzzSnapshot's"}
	}
	return s, err
}

// decodeChange reads a change as a Change. What it compared is not stored, but
// follows from the rest.
func decodeChange(in []byte) (adapters.Change, error) {
	rec, effects, err := codec.DecodeChange(in)
	if len(effects) == 1 && effects[0].Entry.Snapshot != nil && err == nil {
		err = &codec.Error{Message: "change", Reason: "it is a snapshot, and FuzzSnapshot's"}
	}
	return adapters.Change{Expect: rec.Revision - states.Revision(len(effects)), Record: rec, Effects: effects}, err
}

func TestWhatIsEncodedDecodesToTheSame(t *testing.T) {
	t.Run("record", records.roundTrip)
	t.Run("entry", entries.roundTrip)
	t.Run("quarantine", quarantines.roundTrip)
	t.Run("transition", transitions.roundTrip)
	t.Run("opening", openings.roundTrip)
	t.Run("resumption", resumptions.roundTrip)
	t.Run("imposition", impositions.roundTrip)
	t.Run("clearance", clearances.roundTrip)
	t.Run("change", changes.roundTrip)
	t.Run("effects", effects.roundTrip)
	t.Run("snapshot", snapshots.roundTrip)
	t.Run("snapshot in the place of a change", format[reducer.LogEntry]{snapshot, codec.AppendEntry, decodeInPlace}.roundTrip)
}

func (f format[V]) roundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := f.draw(t)
		bytes, err := f.append([]byte("before"), &in)
		if err != nil {
			t.Fatal(err)
		}
		if string(bytes[:6]) != "before" {
			t.Fatalf("what stood before the message was overwritten: %q", bytes[:6])
		}
		out, err := f.decode(bytes[6:])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(in, out, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestMessagesThatAreCutAreRefused(t *testing.T) {
	t.Run("record", records.cut)
	t.Run("entry", entries.cut)
	t.Run("quarantine", quarantines.cut)
	t.Run("transition", transitions.cut)
	t.Run("opening", openings.cut)
	t.Run("resumption", resumptions.cut)
	t.Run("imposition", impositions.cut)
	t.Run("clearance", clearances.cut)
	t.Run("change", changes.cut)
	t.Run("effects", effects.cut)
}

func (f format[V]) cut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := f.draw(t)
		bytes, err := f.append(nil, &in)
		if err != nil {
			t.Fatal(err)
		}
		var damage *codec.Error
		at := rapid.IntRange(0, len(bytes)-1).Draw(t, "at")
		if _, err := f.decode(bytes[:at]); !errors.As(err, &damage) {
			t.Fatalf("cut to %d of %d bytes: %v", at, len(bytes), err)
		}
		if _, err := f.decode(append(bytes, 0)); !errors.As(err, &damage) {
			t.Fatalf("a byte too many: %v", err)
		}
	})
}

func TestAnEmptySliceComesBackAsNil(t *testing.T) {
	in := states.Record{Belief: states.Belief{Probes: states.Probes{}}}
	out, err := codec.DecodeRecord(codec.AppendRecord(nil, &in))
	if err != nil || out.Probes != nil {
		t.Fatalf("probes %#v, error %v", out.Probes, err)
	}
	if !out.Equal(&in) {
		t.Fatal("the record is not equal to what went in")
	}
}

func TestErrorsSayWhatCannotBeReadAndWhere(t *testing.T) {
	good := codec.AppendTransition(nil, &reducer.Transition{From: states.Pending, To: states.Activating, At: 1})
	last := len(good) - 1
	for _, c := range []struct {
		name  string
		bytes []byte
		want  string
	}{
		{"nothing", nil, "codec: transition cannot be read, at byte 0: it ends too early"},
		{"a later layout", []byte{9, 't'}, "codec: transition cannot be read, at byte 0: layout version 9, and this version reads up to 1"},
		{"another message", []byte{1, 'r'}, "codec: transition cannot be read, at byte 1: it is marked 'r', not 't'"},
		{"no such state", slices.Concat(good[:last-1], []byte{77, good[last]}), "codec: transition cannot be read, at byte 3: 77 is not one of its values"},
		{"a number too long", slices.Concat(good[:last], []byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1}), "codec: transition cannot be read, at byte 4: a number of more than 64 bits"},
		{"too much", append(slices.Clone(good), 1, 2), "codec: transition cannot be read, at byte 5: 2 bytes too many"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := codec.DecodeTransition(c.bytes)
			if diff := cmp.Diff(c.want, fmt.Sprint(err)); diff != "" {
				t.Fatal(diff)
			}
		})
	}
}

func TestErrorsSayWhichTextCannotBeRead(t *testing.T) {
	for name, c := range map[string]struct {
		bytes []byte
		want  string
	}{
		"a text past the end":      {[]byte{1, 'q', 40}, "codec: quarantine cannot be read, at byte 3: a text of 20 bytes, longer than what follows"},
		"a text that was not said": {[]byte{1, 'q', 1}, "codec: quarantine cannot be read, at byte 3: text number 0 again, of 0 so far"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := codec.DecodeQuarantine(c.bytes)
			if diff := cmp.Diff(c.want, fmt.Sprint(err)); diff != "" {
				t.Fatal(diff)
			}
		})
	}
}

func TestChangesThatContradictThemselvesAreRefused(t *testing.T) {
	key := states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "a1"}, Host: "web-1"}
	other := states.Key{Rollout: key.Rollout, Host: "web-2"}
	good := func() adapters.Change {
		ev := reducer.Event{Key: key, Body: reducer.Dispatched{}}
		return adapters.Change{
			Expect:  2,
			Record:  states.Record{Key: key, Revision: 3},
			Effects: []reducer.Effects{{Entry: reducer.LogEntry{Revision: 3, Event: ev}}},
		}
	}
	for _, c := range []struct {
		name  string
		spoil func(*adapters.Change)
		want  string
	}{
		{"nothing to store", func(c *adapters.Change) { c.Effects = nil }, "it has no effects"},
		{"a jump", func(c *adapters.Change) { c.Record.Revision = 5 }, "its record is at revision 5: 1 log entries after revision 2 lead to 3"},
		{"no entry", func(c *adapters.Change) { c.Effects[0].Entry.Event.Body = nil }, "effect 0 has no log entry"},
		{"a body by its pointer", func(c *adapters.Change) { c.Effects[0].Entry.Event.Body = &reducer.Dispatched{} }, "the body of effect 0 is not of a known type"},
		{"a gap in the log", func(c *adapters.Change) { c.Effects[0].Entry.Revision = 4 }, "log entry 0 has revision 4"},
		{"another's entry", func(c *adapters.Change) { c.Effects[0].Entry.Event.Key = other }, "log entry 0 is of stable@a1/web-2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bad := good()
			c.spoil(&bad)
			_, err := codec.AppendChange(nil, &bad)
			want := &codec.ValueError{Value: "change of stable@a1/web-1", Reason: c.want}
			if diff := cmp.Diff(error(want), err); diff != "" {
				t.Fatal(diff)
			}
		})
	}
	fine := good()
	if _, err := codec.AppendChange(nil, &fine); err != nil {
		t.Fatal(err)
	}
}

func TestAnOpeningNamesEachHostOnceAndInOrder(t *testing.T) {
	for _, hosts := range [][]states.Host{{"b", "a"}, {"a", "a"}} {
		o := adapters.Opening{Members: []adapters.Member{{Host: hosts[0]}, {Host: hosts[1]}}}
		var bad *codec.ValueError
		if _, err := codec.AppendOpening(nil, &o); !errors.As(err, &bad) {
			t.Fatalf("hosts %v: %v", hosts, err)
		}
	}
}

func TestAChangeGivesItsRecordAndItsKeyAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := change(t)
		bytes, err := codec.AppendChange(nil, &in)
		if err != nil {
			t.Fatal(err)
		}
		rec, err := codec.DecodeChangedRecord(bytes)
		if err != nil || !rec.Equal(&in.Record) {
			t.Fatalf("%v: %s", err, cmp.Diff(in.Record, rec, cmpopts.EquateEmpty()))
		}
		key, revision, err := codec.DecodeChangedKey(bytes)
		if err != nil || key != in.Record.Key || revision != in.Record.Revision {
			t.Fatalf("%v at %d: %v", key, revision, err)
		}
	})
}

func TestEffectsOfAnotherRecordAreRefused(t *testing.T) {
	s := rapid.Custom(stepsOf).Example(1)
	s.Effects[0].Entry.Event.Key.Host += "x"
	var wrong *codec.ValueError
	if _, err := codec.AppendEffects(nil, s.Key, s.Effects); !errors.As(err, &wrong) {
		t.Fatalf("stored under the wrong record: %v", err)
	}
}
