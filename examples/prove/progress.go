package main

import (
	"io"
	"sync"
	"time"
)

// sayEvery is how often a part that runs says how far it is.
const sayEvery = 10 * time.Second

// progress is how far a part is, for those who wait.
type progress struct {
	mu          sync.Mutex
	count, what string
}

// counted says what was counted so far.
func (p *progress) counted(sum string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count = sum
}

// doing says what is under way.
func (p *progress) doing(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.what = what
}

func (p *progress) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.count == "":
		return p.what
	case p.what == "":
		return p.count
	}
	return p.count + "; " + p.what
}

// every calls f again and again until the function that it returns was called.
func every(d time.Duration, f func()) (stop func()) {
	ticker, ended := time.NewTicker(d), make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		for {
			select {
			case <-ticker.C:
				f()
			case <-ended:
				return
			}
		}
	})
	return func() {
		ticker.Stop()
		close(ended)
		done.Wait()
	}
}

// lines is a writer for several, one write after the other.
type lines struct {
	mu sync.Mutex
	to io.Writer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(b)
}
