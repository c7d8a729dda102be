package engine

import (
	"sync"

	"github.com/rollmend/rollmend/states"
)

// pollers are the hosts that wait for a dispatch. A poller wakes for its own
// host alone.
type pollers struct {
	mu   sync.Mutex
	byID map[states.Host][]chan struct{}
}

// join adds a waiter; its channel gets a value whenever it is worth asking
// again. leave takes it out.
func (p *pollers) join(host states.Host) (woken <-chan struct{}, leave func()) {
	ch := make(chan struct{}, 1)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byID == nil {
		p.byID = map[states.Host][]chan struct{}{}
	}
	p.byID[host] = append(p.byID[host], ch)
	return ch, func() { p.leave(host, ch) }
}

func (p *pollers) leave(host states.Host, ch chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	waiting := p.byID[host]
	for i := range waiting {
		if waiting[i] == ch {
			waiting = append(waiting[:i:i], waiting[i+1:]...)
			break
		}
	}
	if len(waiting) == 0 {
		delete(p.byID, host)
	} else {
		p.byID[host] = waiting
	}
}

func (p *pollers) wake(hosts []states.Host) {
	if len(hosts) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, host := range hosts {
		p.ring(p.byID[host])
	}
}

// wakeAll rings for everybody: another manifest may have something for each.
func (p *pollers) wakeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, waiting := range p.byID {
		p.ring(waiting)
	}
}

func (p *pollers) ring(waiting []chan struct{}) {
	for _, ch := range waiting {
		select {
		case ch <- struct{}{}:
		default: // it has not yet looked at the last ring
		}
	}
}
