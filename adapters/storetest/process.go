package storetest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/rollmend/rollmend/adapters"
)

// Process is what a process that the kit started is told of itself.
type Process struct {
	Place string // the fixture's

	// Point is the crash point that the process dies at, when it comes there
	// the Passing-th time; empty where it lives, or is killed from outside. A
	// store only tells [Process.Reach] of its points; these two are for what
	// must be prepared, such as a limit that the system enforces.
	Point   string
	Passing int

	passed atomic.Int64
}

// Reach says that the process is at a crash point. Where it is the one to die
// at, the process is killed and the call does not return. It is safe for
// concurrent use.
func (p *Process) Reach(point string) {
	if point != p.Point || p.passed.Add(1) != int64(p.Passing) {
		return
	}
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Kill()
	}
	select {} // until the kill has come
}

// OpenProcess opens the store in a process's place.
type OpenProcess func(ctx context.Context, p *Process) (adapters.Store, error)

// Serve is the first call of a program whose store the kit tries with processes
// of its own: of the TestMain of a test.
//
//	func TestMain(m *testing.M) {
//		storetest.Serve(open)
//		os.Exit(m.Run())
//	}
//
// The kit starts the same program again. There, Serve opens the place, does
// what the kit wants of it, and never returns. Elsewhere it returns at once.
func Serve(open OpenProcess) {
	text, ours := os.LookupEnv(variable)
	if !ours {
		return
	}
	_ = os.Unsetenv(variable)
	out := os.Stdout
	os.Stdout = os.Stderr // what a store prints is not for the kit
	var o order
	err := json.Unmarshal([]byte(text), &o)
	if err == nil {
		err = o.obey(context.Background(), open, out)
	}
	var lost *LossError
	switch {
	case err == nil:
		fmt.Fprintln(out, lineDone)
	case errors.As(err, &lost):
		fmt.Fprintln(out, lineLost, oneLine(lost.What))
	default:
		fmt.Fprintln(out, lineFailed, oneLine(err.Error()))
	}
	os.Exit(0)
}

// variable carries an order to a process.
const variable = "ROLLMEND_STORETEST"

// What a process says, a line each. Between [lineReady] and its end it says
// what the store told it: see [told.note].
const (
	lineReady  = "ready"
	lineDone   = "done"
	lineLost   = "lost"
	lineFailed = "failed"
)

func oneLine(text string) string { return strings.ReplaceAll(text, "\n", "; ") }

// order is what a process is to do.
type order struct {
	Place   string
	Point   string
	Passing int

	Rounds  int  // of work; negative: until it is killed
	Meeting int  // the number of a process that meets others, from 1; 0: it works alone
	Look    bool // it looks first whether everything is there that it is told of
}

// obey does what an order says, in the process that was started for it.
func (o order) obey(ctx context.Context, open OpenProcess, out io.Writer) error {
	var t told
	if o.Look {
		if err := t.read(os.Stdin); err != nil {
			return err
		}
	}
	p := &Process{Place: o.Place, Point: o.Point, Passing: o.Passing}
	s, err := open(ctx, p)
	if err != nil {
		return fmt.Errorf("opening %s: %w", o.Place, err)
	}
	if o.Meeting > 0 {
		return meet(ctx, s, o.Meeting, os.Stdin, out)
	}
	if o.Look {
		if err := t.audit(ctx, s, out); err != nil {
			return err
		}
	}
	fmt.Fprintln(out, lineReady)
	w := worker{store: s, says: out, reach: p.Reach}
	return w.run(ctx, o.Rounds)
}

// child is a process that was started.
type child struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	errs strings.Builder // what it said to nobody
}

// begin starts a process.
func (o order) begin(ctx context.Context) (*child, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	// A test that does not call Serve must not run its tests here.
	c := &child{cmd: exec.CommandContext(ctx, program, "-test.run=^$")}
	c.cmd.Env = append(os.Environ(), variable+"="+string(text))
	c.cmd.Stderr = &c.errs
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.out = bufio.NewReader(out)
	return c, c.cmd.Start()
}

// tell gives a process what the store told its predecessors.
func (c *child) tell(t *told) error {
	var text strings.Builder
	t.write(&text)
	_, err := io.WriteString(c.in, text.String())
	// One that was killed early reads nothing.
	if closed := c.in.Close(); err == nil {
		err = closed
	}
	if errors.Is(err, io.ErrClosedPipe) || errors.Is(err, os.ErrClosed) || err != nil && strings.Contains(err.Error(), "broken pipe") {
		return nil
	}
	return err
}

// errKilled says that a process was killed before it had done its work.
var errKilled = errors.New("storetest: the process was killed")

// hear reads what a process says until it ends, and hands every whole line that
// is not about its end to each. The error is [errKilled] for one that was
// killed, and a [*LossError] for one that found something missing.
func (c *child) hear(each func(line string) error) error {
	var end, wrong error
	done := false
	for {
		line, err := c.out.ReadString('\n')
		if err != nil {
			break // it ended; a line that is cut short was not said
		}
		line = strings.TrimSuffix(line, "\n")
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case lineDone:
			done = true
		case lineLost:
			end = &LossError{What: rest}
		case lineFailed:
			end = fmt.Errorf("storetest: a process failed: %s", rest)
		default:
			if wrong == nil {
				wrong = each(line)
			}
			if wrong != nil {
				_ = c.cmd.Process.Kill() // nobody listens any more
			}
		}
	}
	waited := c.cmd.Wait()
	switch {
	case end != nil:
		return end
	case wrong != nil:
		return fmt.Errorf("%w; does the program call storetest.Serve first? %s", wrong, c.errs.String())
	case done:
		return nil
	case c.wasKilled():
		return errKilled
	}
	return fmt.Errorf("storetest: a process ended before its work did: %w: %s", waited, c.errs.String())
}

// wasKilled reports whether a process ended by a signal.
func (c *child) wasKilled() bool {
	code := c.cmd.ProcessState.ExitCode()
	return code == -1 || runtime.GOOS == "windows" && code == 1 // there, a kill is an exit
}
