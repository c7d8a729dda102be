package storetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// LossError says that a place does not hold what its store acknowledged, or
// holds half of something, or what nobody wrote.
type LossError struct {
	What   string
	Replay string // how to see it again, where the kit knows
}

func (e *LossError) Error() string {
	text := "storetest: after a process was killed: " + e.What
	if e.Replay != "" {
		text += "\nreplay: " + e.Replay
	}
	return text
}

func lossf(format string, args ...any) error { return &LossError{What: fmt.Sprintf(format, args...)} }

// What a process is told by its store.
const (
	lineRecord    = "record"    // a host, the revision of its record
	lineEnacted   = "enacted"   // the number of an enactment
	lineOrdering  = "ordering"  // an ordering revision that was reached
	lineForgotten = "forgotten" // how many rollouts were forgotten
)

// told is what a store acknowledged to those who did [Work]: it must be there.
type told struct {
	revisions map[states.Host]states.Revision
	enacted   int
	ordering  adapters.Ordering
	forgotten int
}

// note keeps a line that a process said.
func (t *told) note(line string) error {
	words := strings.Fields(line)
	bad := fmt.Errorf("storetest: the line %q is none that Work writes", line)
	if len(words) < 2 {
		return bad
	}
	n, err := strconv.ParseUint(words[len(words)-1], 10, 63)
	if err != nil {
		return bad
	}
	switch {
	case words[0] == lineRecord && len(words) == 3:
		if t.revisions == nil {
			t.revisions = make(map[states.Host]states.Revision)
		}
		t.revisions[states.Host(words[1])] = states.Revision(n)
	case words[0] == lineEnacted && len(words) == 2:
		t.enacted = int(n)
	case words[0] == lineForgotten && len(words) == 2:
		t.forgotten = int(n)
	case words[0] == lineOrdering && len(words) == 2:
		t.ordering = max(t.ordering, adapters.Ordering(n))
	default:
		return bad
	}
	return nil
}

// read notes every whole line. A last one that was cut short is left out.
func (t *told) read(r io.Reader) error {
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = t.note(line)
		}
		if err != nil {
			return err
		}
	}
}

// write writes lines that read understands.
func (t *told) write(to *strings.Builder) {
	for _, h := range hosts(crew) {
		if n := t.revisions[h]; n > 0 {
			fmt.Fprintf(to, "%s %s %d\n", lineRecord, h, n)
		}
	}
	fmt.Fprintf(to, "%s %d\n%s %d\n%s %d\n", lineEnacted, t.enacted, lineOrdering, t.ordering, lineForgotten, t.forgotten)
}

// steps counts the transitions and the enactments that it is told of.
func (t *told) steps() (n int) {
	for _, revision := range t.revisions {
		n += int(revision)
	}
	return n + t.enacted
}

const (
	// looks is how often an audit looks before it says that something is missing,
	// and lookAgain the pause in between: a server behind the store may still be
	// at the last call of a client that is gone.
	looks     = 4
	lookAgain = 150 * time.Millisecond
)

// Accounts looks whether a store holds all that it acknowledged to [Work], whole,
// and nothing that nobody wrote: for whoever has faults of his own between the
// two. A last line of acks that was cut short is left out. The error is a
// [*LossError] where something is not as it must be.
func Accounts(ctx context.Context, s adapters.Store, acks io.Reader) error {
	var t told
	if err := t.read(acks); err != nil {
		return err
	}
	if t.steps() == 0 {
		return lossf("nothing was acknowledged, so nothing can be missing")
	}
	return t.audit(ctx, s, io.Discard)
}

// audit looks whether a store holds what it told, whole: the worker that was
// killed may have stored one call more than it heard of, and nothing else. What
// is found beyond is noted, and said. The error is a [*LossError] where
// something is not as it must be.
func (t *told) audit(ctx context.Context, s adapters.Store, says io.Writer) error {
	for look := 1; ; look++ {
		seen := told{maps.Clone(t.revisions), t.enacted, t.ordering, t.forgotten}
		var beyond strings.Builder
		err := seen.look(ctx, s, &beyond)
		if err == nil {
			*t = seen
			_, err = io.WriteString(says, beyond.String())
			return err
		}
		var lost *LossError
		if look == looks || !errors.As(err, &lost) {
			return err
		}
		select {
		case <-time.After(lookAgain):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// look looks once.
func (t *told) look(ctx context.Context, s adapters.Store, says io.Writer) error {
	f, err := s.Fleet(ctx)
	if err != nil {
		return err
	}
	o := opening(hosts(crew)...)
	if len(f.Openings) == 0 && t.steps() == 0 {
		if !reflect.DeepEqual(f, adapters.Fleet{Ordering: f.Ordering}) {
			return lossf("nothing was opened yet, and the fleet is %+v", f)
		}
		return nil
	}
	if len(f.Openings) == 0 {
		return lossf("nothing is opened")
	}
	forgotten, err := auditOpenings(f.Openings, t.forgotten)
	if err != nil {
		return err
	}
	if forgotten != t.forgotten {
		if err := t.found(says, "%s %d", lineForgotten, forgotten); err != nil {
			return err
		}
	}
	if f.Ordering < t.ordering {
		return lossf("the ordering revision is %d, and was %d: a change that was gated at the old one would pass now", f.Ordering, t.ordering)
	}
	records := make(map[states.Key]states.Record)
	var imposed []reducer.Quarantine
	for i, m := range o.Members {
		rec, by, err := t.auditRecord(ctx, s, o, m, stepsOf(i))
		if err != nil {
			return err
		}
		imposed = append(imposed, by...)
		if rec.Revision == 0 {
			continue
		}
		records[rec.Key] = rec
		if t.revisions[rec.Host] != rec.Revision {
			if err := t.found(says, "%s %s %d", lineRecord, rec.Host, rec.Revision); err != nil {
				return err
			}
		}
	}
	if err := auditRecords(ctx, s, f.Openings, records); err != nil {
		return err
	}
	return t.auditFleet(f, imposed, says)
}

// found notes and says what was stored without an acknowledgement.
func (t *told) found(says io.Writer, format string, args ...any) error {
	line := fmt.Sprintf(format, args...)
	if err := t.note(line); err != nil {
		return err
	}
	_, err := fmt.Fprintln(says, line)
	return err
}

// auditRecord looks at one record and its log. It returns the quarantines that
// its steps brought.
func (t *told) auditRecord(ctx context.Context, s adapters.Store, o adapters.Opening, m adapters.Member, steps int) (states.Record, []reducer.Quarantine, error) {
	key := states.Key{Rollout: o.Rollout, Host: m.Host}
	got, err := s.Record(ctx, key)
	if err != nil {
		return got, nil, lossf("%s: %v", key, err)
	}
	log, err := s.Log(ctx, key)
	if err != nil {
		return got, nil, lossf("the log of %s: %v", key, err)
	}
	acked := t.revisions[m.Host]
	if got.Revision != acked && got.Revision != acked+states.Revision(steps) {
		return got, nil, lossf("%s is at revision %d, was acknowledged at %d, and each change of it has %d steps", key, got.Revision, acked, steps)
	}
	first, entry, err := o.Record(m)
	if err != nil {
		return got, nil, err
	}
	want, err := walk(first, int(got.Revision))
	if err != nil {
		return got, nil, err
	}
	if !got.Equal(&want.Record) {
		return got, nil, lossf("%s is %+v, and revision %d of it is %+v", key, got, got.Revision, want.Record)
	}
	entries := []reducer.LogEntry{entry}
	var imposed []reducer.Quarantine
	for i := range want.Effects {
		entries = append(entries, want.Effects[i].Entry)
		if q := want.Effects[i].Quarantine; q != (reducer.Quarantine{}) {
			imposed = append(imposed, q)
		}
	}
	if entries, err = shortened(entries, log); err != nil {
		return got, nil, err
	}
	if !reflect.DeepEqual(log, entries) {
		return got, nil, lossf("%s is at revision %d and its log has %d entries, which are not those of its steps: %+v", key, got.Revision, len(log), log)
	}
	if folded, err := reducer.Rederive(log); err != nil || !folded.Equal(&got) {
		return got, nil, lossf("the log of %s does not rebuild its record (%v): %+v", key, err, folded)
	}
	return got, imposed, nil
}

// auditRecords looks whether Records yields the records that something happened
// to, each once.
func auditRecords(ctx context.Context, s adapters.Store, openings []adapters.Opening, want map[states.Key]states.Record) error {
	seen := 0
	for rec, err := range s.Records(ctx) {
		if err != nil {
			return lossf("records: %v", err)
		}
		if rec.Rollout.Channel == upkeepChannel {
			if err := auditPassing(ctx, s, openings, rec); err != nil {
				return err
			}
			continue
		}
		expected, there := want[rec.Key]
		if !there || !rec.Equal(&expected) {
			return lossf("records yields %+v, want %+v", rec, expected)
		}
		seen++
	}
	if seen != len(want) {
		return lossf("records yields %d records, something happened to %d", seen, len(want))
	}
	return nil
}

// auditFleet looks at what was enacted, and at the quarantines that changes
// brought: the first that did has it.
func (t *told) auditFleet(f adapters.Fleet, imposed []reducer.Quarantine, says io.Writer) error {
	n := len(f.Resumptions)
	if n != t.enacted && n != t.enacted+1 {
		return lossf("%d enactments are there, and %d were acknowledged", n, t.enacted)
	}
	want := adapters.Fleet{Ordering: f.Ordering, Openings: f.Openings}
	for i := 1; i <= n; i++ {
		for _, act := range enactment(i) {
			switch a := act.(type) {
			case adapters.Resumption:
				want.Resumptions = append(want.Resumptions, a)
			case adapters.Imposition:
				want.Quarantines = []reducer.Quarantine{a.Quarantine}
			case adapters.Clearance:
				want.Clearances = append(want.Clearances, a)
			}
		}
	}
	if len(imposed) > 0 {
		by := imposed[0]
		for _, q := range f.Quarantines {
			if slices.Contains(imposed, q) {
				by = q
			}
		}
		want.Quarantines = append([]reducer.Quarantine{by}, want.Quarantines...)
	}
	if !reflect.DeepEqual(f, want) {
		return lossf("the fleet is %+v, want, after %d enactments, %+v", f, n, want)
	}
	if n == t.enacted {
		return nil
	}
	return t.found(says, "%s %d", lineEnacted, n)
}
