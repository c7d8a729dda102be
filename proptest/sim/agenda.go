package sim

import "container/heap"

// agenda is what is going to happen, by true time; what falls on the same
// moment happens in the order in which it was planned.
type agenda struct {
	items   []planned
	counter uint64
}

type planned struct {
	at   int64 // true milliseconds
	nth  uint64
	what func()
}

func (a *agenda) add(at int64, what func()) {
	a.counter++
	heap.Push(a, planned{at: at, nth: a.counter, what: what})
}

func (a *agenda) next() (planned, bool) {
	if len(a.items) == 0 {
		return planned{}, false
	}
	return heap.Pop(a).(planned), true
}

// Len implements [heap.Interface].
func (a *agenda) Len() int { return len(a.items) }

// Less implements [heap.Interface].
func (a *agenda) Less(i, j int) bool {
	if a.items[i].at != a.items[j].at {
		return a.items[i].at < a.items[j].at
	}
	return a.items[i].nth < a.items[j].nth
}

// Swap implements [heap.Interface].
func (a *agenda) Swap(i, j int) { a.items[i], a.items[j] = a.items[j], a.items[i] }

// Push implements [heap.Interface].
func (a *agenda) Push(x any) { a.items = append(a.items, x.(planned)) }

// Pop implements [heap.Interface].
func (a *agenda) Pop() any {
	last := len(a.items) - 1
	p := a.items[last]
	a.items[last] = planned{}
	a.items = a.items[:last]
	return p
}
