package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/httpapi"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/gates"
)

// again starts a control plane on a store that is there already, without waiting
// until that is read.
func (b *bench) again(dir string, f fleet, cycle time.Duration) (*plane, error) {
	p := &plane{fleet: f, dir: dir, beat: 1}
	var err error
	p.engine, err = engine.Begin(engine.Options{Clock: wall{}, Cycle: cycle}, func(ctx context.Context) (adapters.Store, error) {
		store, err := b.kind.open(ctx, b.at, dir)
		if err != nil {
			return nil, err
		}
		p.store, p.seen = store, newWitness(f, store, b.kind.encode)
		for i := range p.seen.state {
			p.seen.beenThere(i)
		}
		return p.seen, nil
	})
	return p, err
}

// restarted measures from the start of the control plane until it answers, and
// until it is ready.
func restarted(ctx context.Context, b *bench) error {
	if err := b.need(ctx); err != nil {
		return err
	}
	old := b.now
	old.close()
	b.now = nil
	settleMemory()
	plan := old.fleet.plan() // the manifest is the caller's, read already
	began, burnt := time.Now(), cpu()
	p, err := b.again(old.dir, old.fleet, b.cycle)
	if err != nil {
		return err
	}
	b.now = p
	p.beat = old.beat
	s, err := serve(p.dir, p.engine, nil)
	if err != nil {
		return err
	}
	defer s.close()
	loaded := make(chan error, 1)
	go func() {
		_, err := p.engine.Load(ctx, gates.NewFleet(plan))
		loaded <- err
	}()
	answered, refused, ready, err := p.untilReady(ctx, s, began)
	if err := errors.Join(err, <-loaded); err != nil {
		return err
	}
	b.table.add("start on a store with a record of every host", "ready in 5 s, 503 with Retry-After before",
		"ready in %.2f s (%.2f s of processor time); the first answer after %.0f ms, %d times 503 with Retry-After",
		ready.Seconds(), (cpu() - burnt).Seconds(), ms(answered), refused)
	if refused == 0 && b.hosts >= 100_000 {
		return errors.New("nothing was answered before it was ready")
	}
	return nil
}

// untilReady asks like an agent, again and again, until its heartbeat is taken.
func (p *plane) untilReady(ctx context.Context, s *server, began time.Time) (answered time.Duration, refused int, ready time.Duration, err error) {
	host := p.fleet.name(0)
	c, err := s.client(string(host))
	if err != nil {
		return 0, 0, 0, err
	}
	body := fmt.Sprintf(`{"hostname":%q,"current_closure":%q,"at":%q,"boot":3,"beat":%d}`,
		host, p.fleet.target(0), time.Now().UTC().Format(time.RFC3339), p.beat+1)
	for {
		status, header, err := post(ctx, c, s.url+httpapi.PathHeartbeat, strings.NewReader(body), io.Discard)
		if err != nil {
			return 0, 0, 0, err
		}
		if answered == 0 {
			answered = time.Since(began)
		}
		switch {
		case status == http.StatusOK:
			return answered, refused, time.Since(began), nil
		case status != http.StatusServiceUnavailable || header.Get(httpapi.HeaderRetryAfter) == "":
			return 0, 0, 0, fmt.Errorf("before it was ready it answered %d, Retry-After %q", status, header.Get(httpapi.HeaderRetryAfter))
		}
		refused++
		if err := sleepUntil(ctx, time.Now().Add(10*time.Millisecond)); err != nil {
			return 0, 0, 0, err
		}
	}
}
