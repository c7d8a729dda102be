package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/adapters/postgres"
	"github.com/rollmend/rollmend/adapters/postgres/throwaway"
	"github.com/rollmend/rollmend/adapters/sqlite"
	"github.com/rollmend/rollmend/adapters/storetest"
)

// realHistories are of all our stores, PostgreSQL among them where a server is
// installed.
func realHistories() histories {
	server := &server{}
	stores := map[string]storetest.OpenPlace{"memory": openMemory, "SQLite": openSQLite, "PostgreSQL": server.open}
	names := []string{"memory", "SQLite"}
	if throwaway.Installed() {
		names = append(names, "PostgreSQL")
	}
	var h histories
	var pools []*placePool
	for _, name := range names {
		p := &placePool{name: name, open: stores[name]}
		pools = append(pools, p)
		h.stores = append(h.stores, historyStore{name, p.try})
	}
	h.done = func() (err error) {
		for _, p := range pools {
			err = errors.Join(err, p.close())
		}
		return errors.Join(err, server.stop())
	}
	return h
}

func openMemory(context.Context) ([]adapters.Store, func() error, error) {
	s := memory.New()
	return []adapters.Store{s}, s.Close, nil
}

func openSQLite(ctx context.Context) ([]adapters.Store, func() error, error) {
	dir, err := os.MkdirTemp("", "rollmend-histories-")
	if err != nil {
		return nil, nil, err
	}
	s, err := sqlite.OpenFile(ctx, filepath.Join(dir, "fleet.db"))
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	return []adapters.Store{s}, func() error { return errors.Join(s.Close(), os.RemoveAll(dir)) }, nil
}

// server is a PostgreSQL server that is started once it is needed.
type server struct {
	mu      sync.Mutex
	running *throwaway.Server
	places  int
}

// storesOnServer is how many stores the clients of a history have among them,
// as if they were processes.
const storesOnServer = 2

// open opens stores on a schema of their own.
func (s *server) open(ctx context.Context) (stores []adapters.Store, closes func() error, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running == nil {
		// What is looked at here is the order of calls, not what a disk keeps.
		if s.running, err = throwaway.Start(ctx, "fsync=off"); err != nil {
			return nil, nil, err
		}
	}
	s.places++
	closes = func() (err error) {
		for _, one := range stores {
			err = errors.Join(err, one.(*postgres.Store).Close())
		}
		return err
	}
	for range storesOnServer {
		one, err := postgres.OpenURL(ctx, s.running.DSN(), postgres.Options{Schema: fmt.Sprint("place-", s.places)})
		if err != nil {
			return nil, nil, errors.Join(err, closes())
		}
		stores = append(stores, one)
	}
	return stores, closes, nil
}

func (s *server) stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != nil {
		s.running.Stop()
		s.running = nil
	}
	return nil
}

// historiesPerPlace is how many histories a place sees, one after the other:
// opening one takes as long as some of them.
const historiesPerPlace = 50

// placePool hands out places, each to one history at a time.
type placePool struct {
	name string
	open storetest.OpenPlace

	mu   sync.Mutex
	idle []*historyPlace
}

type historyPlace struct {
	stores []adapters.Store
	closes func() error
	left   int
}

// try plays one history.
func (p *placePool) try(ctx context.Context, seed uint64) error {
	at, err := p.take(ctx)
	if err != nil {
		return err
	}
	_, err = storetest.Histories(ctx, func(context.Context) ([]adapters.Store, func() error, error) {
		return at.stores, func() error { return nil }, nil
	}, seed, 1)
	var impossible *storetest.HistoryError
	if errors.As(err, &impossible) {
		err = &violation{
			what:   fmt.Sprintf("on %s: %s", p.name, impossible),
			replay: fmt.Sprintf("go run ./examples/prove -only histories -state $(mktemp -d) -seed %d", (seed-1)/seedsPerRange+1),
		}
	}
	return errors.Join(err, p.giveBack(at))
}

func (p *placePool) take(ctx context.Context) (*historyPlace, error) {
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		at := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return at, nil
	}
	p.mu.Unlock()
	stores, closes, err := p.open(ctx)
	return &historyPlace{stores, closes, historiesPerPlace}, err
}

func (p *placePool) giveBack(at *historyPlace) error {
	if at.left--; at.left == 0 {
		return at.closes()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = append(p.idle, at)
	return nil
}

func (p *placePool) close() (err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, at := range p.idle {
		err = errors.Join(err, at.closes())
	}
	p.idle = nil
	return err
}
