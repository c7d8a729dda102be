package engine

import (
	"context"
	"time"

	"github.com/rollmend/rollmend/adapters"
)

// This file is about a store that says what other control planes stored.

const (
	// followAgain is the wait before the store is asked again after it could not
	// say whether there is news, or which.
	followAgain = time.Second

	// newsWithin bounds how long rounds wait for news.
	newsWithin = 2 * time.Second
)

// follow begins to follow the store, where it can be followed. It is to be
// called before the store is first read.
func (e *Engine) follow(ctx context.Context) (err error) {
	store, ok := e.opts.Store.(adapters.Follower)
	if !ok {
		return nil
	}
	e.following, err = store.Follow(ctx)
	return err
}

func (e *Engine) unfollow() error {
	if e.following == nil {
		return nil
	}
	return e.following.Close()
}

// listen rings for the loop when there may be news, until the engine closes.
func (e *Engine) listen() {
	if e.following == nil {
		close(e.deaf)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-e.done
		cancel()
	}()
	go func() {
		defer close(e.deaf)
		for ctx.Err() == nil {
			if e.following.Wait(ctx) == nil && e.tell(ctx) {
				continue
			}
			select {
			case <-time.After(followAgain):
			case <-ctx.Done():
			}
		}
	}()
}

// tell lets the loop take in news, and again until it could.
func (e *Engine) tell(ctx context.Context) bool {
	for {
		told := make(chan bool, 1)
		select {
		case e.news <- told:
		case <-ctx.Done():
			return false
		}
		select {
		case ok := <-told:
			if ok {
				return true
			}
		case <-ctx.Done():
			return false
		}
		select {
		case <-time.After(followAgain):
		case <-ctx.Done():
			return false
		}
	}
}

// catchUp takes in what others stored, between two rounds. It reports whether
// it could; until it can, the guards hold.
func (e *Engine) catchUp(ctx context.Context) bool {
	bounded, cancel := context.WithTimeout(ctx, newsWithin)
	defer cancel()
	news, err := e.following.News(bounded)
	if err != nil {
		return false
	}
	if news.Reload {
		e.stale, e.called = true, true
		return true
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.core.Follow(news.Ordering, news.Quarantines, news.Changed)
	return true
}
