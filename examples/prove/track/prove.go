package track

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// testsWithin bounds one run of a test by the go tool: every test named here
// takes seconds, and a defect may make one wait for ever.
const testsWithin = 2 * time.Minute

// endsWithin bounds how long the go tool may take to end once it was
// interrupted.
const endsWithin = 5 * time.Second

// Prover runs checks. It remembers which tests pass as the code is, so that a
// test that several checks use is run only once for that.
type Prover struct {
	root   string
	passes map[string]error // by the test's command
}

// NewProver returns a prover for the repository with this root.
func NewProver(root string) *Prover {
	return &Prover{root: root, passes: map[string]error{}}
}

// ErrNotProven is what a check's failure is, whatever the reason: the test
// fails as the code is, it does not fail with the defect in it, or it cannot
// be run.
var ErrNotProven = errors.New("track: not proven")

// Prove runs a check. The error is an [ErrNotProven] with all that the go tool
// printed, or the context's.
func (p *Prover) Prove(ctx context.Context, c Check) error {
	err, known := p.passes[c.Test.Command()]
	if !known {
		err = p.expect(ctx, c.Test, "", false)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		p.passes[c.Test.Command()] = err
	}
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "rollmend-defect-")
	if err != nil {
		return fmt.Errorf("track: %w", err)
	}
	defer os.RemoveAll(dir)
	overlay, err := c.Mutation.Overlay(p.root, dir)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotProven, err)
	}
	err = p.expect(ctx, c.Test, overlay, true)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("%w\nwith the defect %q in %s", err, c.Mutation.Says, c.Mutation.File)
	}
	return nil
}

// expect runs a test and says how it did not end as expected.
func (p *Prover) expect(ctx context.Context, t Test, overlay string, red bool) error {
	args := []string{"test", "-json", "-count=1", "-timeout=" + testsWithin.String(), "-run=" + t.pattern()}
	if overlay != "" {
		args = append(args, "-overlay="+overlay)
	}
	args = append(append(args, "./"+t.Dir), t.Args...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = p.root
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = endsWithin
	var events, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &events, &said
	// Its exit code says less than its events.
	_ = cmd.Run()
	end, output := outcome(&events, t)
	switch {
	case end == "pass" && !red, end == "fail" && red:
		return nil
	case end == "":
		return fmt.Errorf("%w: %s in %s did not run:\n%s%s", ErrNotProven, t, t.Dir, output, said.String())
	case red:
		return fmt.Errorf("%w: %s in %s stays green (%s)", ErrNotProven, t, t.Dir, end)
	}
	return fmt.Errorf("%w: %s in %s is red (%s) as the code is:\n%s", ErrNotProven, t, t.Dir, end, output)
}

// outcome reads the go tool's events: how the test itself ended, empty where
// it did not run, and all that was printed.
func outcome(events *bytes.Buffer, t Test) (end, output string) {
	var all strings.Builder
	for d := json.NewDecoder(events); ; {
		var e struct{ Action, Test, Output string }
		if d.Decode(&e) != nil {
			return end, all.String()
		}
		all.WriteString(e.Output)
		switch e.Action {
		case "pass", "fail", "skip":
			if e.Test == t.String() {
				end = e.Action
			}
		}
	}
}
