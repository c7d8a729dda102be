package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/rollmend/rollmend/adapters"
)

// HistoryReport counts what histories did.
type HistoryReport struct {
	Histories   int
	Operations  int // calls that are part of a history
	Overlapping int // of these, those that ran while another client's did
	Conflicts   int // changes that were refused with a conflict
	Ended       int // calls whose context ended first, and that so stored nothing
	Unknown     int // writes whose outcome the store did not know
}

func (r *HistoryReport) add(s HistoryReport) {
	r.Histories += s.Histories
	r.Operations += s.Operations
	r.Overlapping += s.Overlapping
	r.Conflicts += s.Conflicts
	r.Ended += s.Ended
	r.Unknown += s.Unknown
}

// OpenPlace opens stores on a new and empty place: several where the store
// promises to be shared by processes, otherwise one. closes ends them, and may
// do away with the place.
type OpenPlace func(ctx context.Context) (stores []adapters.Store, closes func() error, err error)

// historiesPerPlace is how many histories share a place: so many that opening
// one does not count, so few that what the earlier ones left does not either.
const historiesPerPlace = 50

// Histories lets three to five clients use a store at once, n times over, and
// checks that what each history's clients were answered is linearizable: that
// the calls, one after the other in some order that keeps apart what did not
// overlap, would have been answered just so. The first history has the given
// seed, each further one the next.
//
// Clients commit changes alone and in batches, guarded or not, on records that
// they read before or not; they enact, they read records, logs and the fleet,
// and some of their contexts end in mid-call. A call whose context ended must
// have stored nothing, as the port says. One that is answered with
// [adapters.ErrUnknownOutcome] may take effect at any time later, or never.
//
// The error is a [*HistoryError] for a history that is not linearizable, and
// the context's where that ended. It needs no test to run in.
func Histories(ctx context.Context, open OpenPlace, seed uint64, n int) (HistoryReport, error) {
	var all HistoryReport
	for all.Histories < n {
		some, err := historiesAt(ctx, open, seed+uint64(all.Histories), min(historiesPerPlace, n-all.Histories))
		all.add(some)
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// historiesAt runs histories on one place.
func historiesAt(ctx context.Context, open OpenPlace, seed uint64, n int) (all HistoryReport, err error) {
	stores, closes, err := open(ctx)
	if err != nil {
		return all, fmt.Errorf("storetest: opening a place for histories: %w", err)
	}
	defer func() { err = errors.Join(err, closes()) }()
	for i := range n {
		one, err := history(ctx, stores, seed+uint64(i))
		all.add(one)
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// HistoryError says that a store answered what no store could that keeps the
// contract.
type HistoryError struct {
	Seed       uint64   // replays it: Histories with this seed and n 1
	Reason     string   // what is wrong
	Explained  []string // the longest order of calls that explains their answers
	World      string   // what the store holds after them
	Offending  []string // none of these can come next
	Operations []string // all calls, by their beginning

	drawing func(w io.Writer) error
}

// Draw writes the history as an HTML page to look at in a browser: the calls on
// a line of time, and the orders that were tried. The error says where there is
// nothing to draw: some answers have no place in any order.
func (e *HistoryError) Draw(w io.Writer) error {
	if e.drawing == nil {
		return errors.New("storetest: an answer that nobody could give is in no order, and cannot be drawn")
	}
	return e.drawing(w)
}

// draw leaves a drawing among the test's artifacts.
func (e *HistoryError) draw(t testing.TB) {
	if e.drawing == nil {
		return
	}
	path := filepath.Join(t.ArtifactDir(), fmt.Sprintf("history-%d.html", e.Seed))
	file, err := os.Create(path)
	if err == nil {
		err = errors.Join(e.Draw(file), file.Close())
	}
	t.Logf("the history, drawn (kept with go test -artifacts): %s, %v", path, err)
}

func (e *HistoryError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "storetest: the history of seed %d is impossible: %s\n", e.Seed, e.Reason)
	list := func(title string, lines []string) {
		if len(lines) > 0 {
			fmt.Fprintf(&b, "%s:\n  %s\n", title, strings.Join(lines, "\n  "))
		}
	}
	list("these explain each other, in this order", e.Explained)
	if e.World != "" {
		fmt.Fprintf(&b, "after them the store holds:\n  %s\n", e.World)
	}
	list("and none of these calls can have been answered so there", e.Offending)
	list("all calls, with when they began and ended", e.Operations)
	fmt.Fprintf(&b, "replay: storetest.Histories(ctx, open, %d, 1) plans the same calls; how they meet is up to the machine, so repeat it", e.Seed)
	return b.String()
}

// checkWithin bounds the search for an order. A history of some forty calls
// takes less than a millisecond.
const checkWithin = time.Minute

// never is when a call ended whose outcome is not known.
const never = math.MaxInt64

// check looks for an order of the calls that explains their answers.
func check(p *played, began world) error {
	seed, calls := p.seed, p.calls
	model := porcupine.Model{
		Init: func() any { return began },
		Step: func(state, input, _ any) (bool, any) {
			w, ok := input.(operation).step(state.(world))
			return ok, w
		},
		DescribeOperation: func(input, _ any) string { return input.(operation).String() },
		DescribeState:     func(state any) string { return state.(world).String() },
	}
	switch porcupine.CheckOperationsTimeout(model, calls, checkWithin) {
	case porcupine.Ok:
		return nil
	case porcupine.Unknown:
		return &HistoryError{Seed: seed, Reason: fmt.Sprintf("no order was found within %s, nor that there is none", checkWithin), Operations: p.described()}
	}
	_, info := porcupine.CheckOperationsVerbose(model, calls, checkWithin)
	var longest []porcupine.Operation
	for _, order := range info.PartialLinearizationsOperations()[0] {
		if len(order) > len(longest) {
			longest = order
		}
	}
	w := began
	for _, call := range longest {
		w, _ = call.Input.(operation).step(w)
	}
	return &HistoryError{
		Seed: seed, Reason: "no order of its calls explains their answers",
		Explained: described(longest), World: w.String(),
		Offending: described(nextAfter(longest, calls)), Operations: p.described(),
		drawing: func(to io.Writer) error { return porcupine.Visualize(model, info, to) },
	}
}

// nextAfter returns the calls that may come first of those that are not in an
// order: none of the others ended before they began.
func nextAfter(order, calls []porcupine.Operation) (next []porcupine.Operation) {
	done := make(map[int64]bool, len(order))
	for _, call := range order {
		done[call.Call] = true
	}
	firstEnd := int64(never)
	for _, call := range calls {
		if !done[call.Call] {
			firstEnd = min(firstEnd, call.Return)
		}
	}
	for _, call := range calls {
		if !done[call.Call] && call.Call < firstEnd {
			next = append(next, call)
		}
	}
	return next
}

func described(calls []porcupine.Operation) []string {
	out := make([]string, len(calls))
	for i, call := range calls {
		ended := fmt.Sprintf("%4d", call.Return)
		if call.Return == never {
			ended = "   ?"
		}
		out[i] = fmt.Sprintf("%s %4d to %s  %s", call.Metadata, call.Call, ended, call.Input)
	}
	return out
}
