package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync/atomic"
)

// child is a process that this program started.
type child struct {
	cmd    *exec.Cmd
	life   io.WriteCloser // the child ends when this is closed
	log    string         // the path of what it writes
	killed atomic.Bool
	ended  chan struct{}
}

// startChild starts this program in another role. What it writes is appended
// to a log.
func startChild(log string, args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", args[0], err)
	}
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", args[0], err)
	}
	defer out.Close()
	c := &child{cmd: exec.Command(self, args...), log: log, ended: make(chan struct{})}
	c.cmd.Stdout, c.cmd.Stderr = out, out
	if c.life, err = c.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start %s: %w", args[0], err)
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", args[0], err)
	}
	go func() {
		defer close(c.ended)
		_ = c.cmd.Wait() // how it ended is told by failed
	}()
	return c, nil
}

// kill ends the process as kill -9 does, and returns when it is gone.
func (c *child) kill() {
	if c == nil {
		return
	}
	c.killed.Store(true)
	_ = c.cmd.Process.Kill() // it may have ended by itself
	<-c.ended
}

// failed says why the process ended by itself; it is empty while it runs, and
// for one that was killed.
func (c *child) failed() string {
	select {
	case <-c.ended:
	default:
		return ""
	}
	if c.killed.Load() {
		return ""
	}
	return fmt.Sprintf("process %d ended by itself: %s; it wrote: %s", c.cmd.Process.Pid, c.cmd.ProcessState, tail(c.log))
}

// tailBytes is how much of a log is shown: a few lines.
const tailBytes = 600

func tail(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-tailBytes):])
}
