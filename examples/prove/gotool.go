package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// endsWithin bounds how long a go tool may take to end once it was interrupted.
const endsWithin = 10 * time.Second

// goTool makes a command of the go tool that is interrupted when ctx ends.
// Both its outputs go to out.
func goTool(ctx context.Context, dir string, out io.Writer, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = endsWithin
	return cmd
}

// transcript keeps what a tool prints, and says each line of it.
type transcript struct {
	all  bytes.Buffer
	line func(string)
	said int // bytes of which the lines were said
}

func (t *transcript) String() string { return t.all.String() }

func (t *transcript) Write(b []byte) (int, error) {
	n, err := t.all.Write(b)
	for {
		line, _, whole := strings.Cut(string(t.all.Bytes()[t.said:]), "\n")
		if !whole {
			return n, err
		}
		t.said += len(line) + 1
		t.line(strings.TrimSpace(line))
	}
}
