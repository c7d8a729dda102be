package storetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// client is one of those that use the store at once. It decides on what it
// knows, which the others may have overtaken.
type client struct {
	*played
	number  int
	store   adapters.Store
	random  *rand.Rand
	patient bool // its contexts do not end

	known    [maxRecords]states.Record
	ordering adapters.Ordering
	made     int // writes so far: the next one's number
}

// know tells a client what the store holds before the history begins.
func (c *client) know(w world) {
	c.ordering = w.ordering
	for i := range c.known {
		c.known[i], _ = c.opened(i)
		if last := w.records[i].last(); last != "" {
			c.known[i] = c.writers[place{i, last}].record
		}
	}
}

// work makes the client's calls.
func (c *client) work(ctx context.Context) error {
	for range callsPerClient {
		var err error
		switch n := c.random.IntN(100); {
		case n < 35:
			err = c.commit(ctx, 1)
		case n < 55:
			err = c.commit(ctx, 2+c.random.IntN(2))
		case n < 70:
			err = c.readRecord(ctx, c.random.IntN(maxRecords))
		case n < 78:
			err = c.readLog(ctx, c.random.IntN(maxRecords))
		case n < 90:
			err = c.readFleet(ctx)
		default:
			err = c.enact(ctx)
		}
		if err != nil {
			return err
		}
		runtime.Gosched() // so that the others get in between, on few cores too
	}
	return nil
}

// readAll reads everything there is.
func (c *client) readAll(ctx context.Context) error {
	if err := c.readFleet(ctx); err != nil {
		return err
	}
	for i := range maxRecords {
		if err := errors.Join(c.readRecord(ctx, i), c.readLog(ctx, i)); err != nil {
			return err
		}
	}
	return nil
}

// shortest is the least time that a context in mid-call is given, and longest
// the most: from less than any store takes, to more than most do.
const shortest, longest = time.Microsecond, 3 * time.Millisecond

// call makes one call and keeps it. do returns it with its answer, or why there
// is none. A write whose outcome is unknown is kept as doubtful.
func (c *client) call(ctx context.Context, doubtful operation, do func(context.Context) (operation, error)) error {
	within, cancel := ctx, context.CancelFunc(func() {})
	if !c.patient && c.random.IntN(8) == 0 {
		short := float64(shortest) * math.Pow(float64(longest/shortest), c.random.Float64())
		within, cancel = context.WithTimeout(ctx, time.Duration(short))
	}
	defer cancel()
	began := c.time.Add(1)
	done, err := do(within)
	ended := c.time.Add(1)

	c.mu.Lock()
	defer c.mu.Unlock()
	kept := porcupine.Operation{
		ClientId: c.number, Input: done, Call: began, Return: ended,
		Metadata: fmt.Sprintf("client %d", c.number),
	}
	var invented *inventedError
	switch {
	case errors.As(err, &invented):
		return err
	case err != nil && errors.Is(err, adapters.ErrUnknownOutcome) && doubtful != nil:
		kept.Input, kept.Return = doubtful, never
		c.report.Unknown++
	case err != nil && within.Err() != nil:
		c.report.Ended++
		if doubtful != nil {
			kept.Input = endedCall{doubtful}
			c.played.ended = append(c.played.ended, kept)
		}
		return ctx.Err()
	case err != nil:
		return err
	}
	c.calls = append(c.calls, kept)
	return nil
}

// inventedError says that a store answered with what nobody wrote, so that the
// answer has no place in any order.
type inventedError struct{ what string }

func (e *inventedError) Error() string { return e.what }

func inventedf(format string, args ...any) error {
	return &inventedError{fmt.Sprintf(format, args...)}
}

func (c *client) readRecord(ctx context.Context, i int) error {
	return c.call(ctx, nil, func(ctx context.Context) (operation, error) {
		rec, err := c.store.Record(ctx, c.key(i))
		if errors.Is(err, adapters.ErrNotFound) {
			return recordRead{record: i}, nil
		}
		if err != nil {
			return nil, err
		}
		last, err := c.writerOf(i, rec)
		c.known[i] = rec
		return recordRead{record: i, found: true, revision: rec.Revision, last: last}, err
	})
}

// writerOf finds the name of what wrote a record. What nobody wrote is an error.
func (c *client) writerOf(i int, rec states.Record) (string, error) {
	if opened, _ := c.opened(i); rec.Equal(&opened) {
		return "", nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for at, w := range c.writers {
		if at.record == i && rec.Equal(&w.record) {
			return at.name, nil
		}
	}
	return "", inventedf("client %d was given a record that nobody wrote: %+v", c.number, rec)
}

func (c *client) readLog(ctx context.Context, i int) error {
	return c.call(ctx, nil, func(ctx context.Context) (operation, error) {
		log, err := c.store.Log(ctx, c.key(i))
		if errors.Is(err, adapters.ErrNotFound) {
			return logRead{record: i}, nil
		}
		if err != nil {
			return nil, err
		}
		read := logRead{record: i, found: true}
		c.mu.Lock()
		defer c.mu.Unlock()
		for at, e := range log {
			_, want := c.opened(i)
			if at > 0 {
				want = c.writers[place{i, nameOf(e)}].entry
				read.log += nameOf(e) + " "
			}
			if !reflect.DeepEqual(e, want) {
				return nil, inventedf("client %d was given a log of %s whose entry %d nobody wrote: %+v", c.number, c.key(i), at, e)
			}
		}
		if _, err := reducer.Rederive(log); err != nil {
			return nil, inventedf("client %d was given a log that does not hold together: %v", c.number, err)
		}
		return read, nil
	})
}

func (c *client) readFleet(ctx context.Context) error {
	return c.call(ctx, nil, func(ctx context.Context) (operation, error) {
		f, err := c.store.Fleet(ctx)
		if err != nil {
			return nil, err
		}
		c.ordering = f.Ordering
		return c.seen(f)
	})
}

// seen turns the part of a fleet that is of this history into a world.
func (c *client) seen(f adapters.Fleet) (operation, error) {
	w := world{ordering: f.Ordering}
	for _, o := range f.Openings {
		if o.Rollout.Channel != c.channel {
			continue
		}
		if w.openings == len(c.openings) || !reflect.DeepEqual(o, c.openings[w.openings]) {
			return nil, inventedf("client %d was given an opening that nobody enacted there: %+v", c.number, o)
		}
		w.openings++
	}
	for _, r := range f.Resumptions {
		if r.Rollout.Channel == c.channel {
			w.resumptions += r.Reason + " "
		}
	}
	for _, r := range f.Clearances {
		if r.Channel == c.channel {
			w.clearances += r.Reason + " "
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, q := range f.Quarantines {
		if q.Channel != c.channel {
			continue
		}
		by, ok := c.imposed[q]
		if !ok {
			return nil, inventedf("client %d was given a quarantine that nobody imposed: %+v", c.number, q)
		}
		w.quarantines[closurePlace(q.Closure)] = by
	}
	return fleetRead{w}, nil
}
