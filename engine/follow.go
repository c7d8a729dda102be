package engine

import (
	"context"
	"time"

	"github.com/rollmend/rollmend/adapters"
)

// This file is about a store that says what other control planes stored.

// followAgain is the wait before the store is asked again after it could not
// say whether there is news.
const followAgain = time.Second

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
		defer close(e.deaf)
		for ctx.Err() == nil {
			if e.following.Wait(ctx) == nil {
				select {
				case e.news <- struct{}{}:
				case <-ctx.Done():
				}
				continue
			}
			select {
			case <-time.After(followAgain):
			case <-ctx.Done():
			}
		}
	}()
	go func() {
		<-e.done
		cancel()
	}()
}

// catchUp takes in what others stored, between two rounds. Where it cannot be
// read, it comes with the next news: the guards hold meanwhile.
func (e *Engine) catchUp(ctx context.Context) {
	news, err := e.following.News(ctx)
	if err != nil {
		return
	}
	if news.Reload {
		e.stale, e.called = true, true
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.core.Follow(news.Ordering, news.Quarantines, news.Changed)
}
