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

// recorder is a test that keeps its failure to itself.
type recorder struct {
	testing.TB
	said string
}

func (r *recorder) Errorf(format string, args ...any) { r.said += fmt.Sprintf(format, args...) }

func (r *recorder) Fatal(args ...any) {
	r.said += fmt.Sprint(args...)
	runtime.Goexit()
}

func (r *recorder) FailNow() { runtime.Goexit() }

func (r *recorder) Logf(string, ...any) {}
