package main

import (
	"context"
	"io"
	"os"
	"os/exec"
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
