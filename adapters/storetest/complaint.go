package storetest

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
)

// Complaint runs the case and returns what it complains about, empty where it
// does not: for a test that a case catches what it should.
func (c Case) Complaint(t testing.TB, f Fixture) string {
	r := &recorder{TB: t}
	var check sync.WaitGroup
	check.Go(func() { c.Check(r, f) })
	check.Wait()
	return r.said
}

// recorder is a test that keeps its failure to itself. Like a real one it may be
// told of failures by several goroutines at once.
type recorder struct {
	testing.TB
	mu   sync.Mutex
	said string
}

func (r *recorder) say(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said += what
}

func (r *recorder) Errorf(format string, args ...any) { r.say(fmt.Sprintf(format, args...)) }

func (r *recorder) Fatal(args ...any) {
	r.say(fmt.Sprint(args...))
	runtime.Goexit()
}

func (r *recorder) FailNow() { runtime.Goexit() }

func (r *recorder) Logf(string, ...any) {}
