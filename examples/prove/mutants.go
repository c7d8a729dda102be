package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// mutants deletes or inverts each guard of the pure half in turn, and sees
// whether its tests notice.
type mutants struct{}

// mutantsEndWithin bounds how long the tool may go on behind its budget: it
// ends with the mutants that it has begun.
const mutantsEndWithin = 10 * time.Minute

const (
	mutantsKilled = "mutants killed"
	mutantsJudged = "mutants judged"
)

func (mutants) name() string { return "mutants" }

func (mutants) about() string {
	return "every guard and statement of states, reducer, gates and synth deleted or inverted in turn: the tests kill the mutant, or it is listed with the reason why nothing can tell (`tools/mutate`)"
}

func (mutants) share() int { return 6 }

func (mutants) summary(l *ledger) []figure {
	return []figure{
		{what: mutantsKilled, n: l.Counts["killed"], of: l.Counts["killed"] + l.Counts["survived"]},
		{what: mutantsJudged, n: l.Counts["judged"], of: l.Counts["mutants"]},
		{what: "equivalent", n: l.Counts["equivalent"]},
	}
}

func (mutants) run(ctx context.Context, j *job) error {
	bounded, cancel := context.WithTimeout(ctx, max(0, j.left())+mutantsEndWithin)
	defer cancel()
	// Verdicts are kept by the code that they are of: they outlive a commit that
	// changes something else.
	kept, err := filepath.Abs(filepath.Join(j.shared, "mutants.jsonl"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(j.shared, 0o755); err != nil {
		return err
	}
	var summary bytes.Buffer
	progress := transcript{line: j.doing}
	cmd := goTool(bounded, filepath.Join(j.root, "tools"), &progress, "run", "./mutate", "-json",
		"-budget", max(time.Second, j.left()).String(), "-state", kept,
		"-seed", strconv.FormatUint(j.seed, 10), "-jobs", strconv.Itoa(runtime.NumCPU()))
	cmd.Stdout = &summary
	cmd.Env = append(os.Environ(), "GOWORK=off")
	err = cmd.Run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return err
	}
	return weigh(j, summary.Bytes(), progress.String())
}

// weigh reads the tool's summary into the ledger.
func weigh(j *job, summary []byte, progress string) error {
	type mutant struct {
		File             string
		Line             int
		In, What, Reason string
	}
	var sum struct {
		Mutants, Judged, Killed, Equivalent, Survived uint64
		Survivors, Untrue                             []mutant
	}
	if err := json.Unmarshal(summary, &sum); err != nil {
		return fmt.Errorf("tools/mutate did not do its work: %w\n%s", err, progress)
	}
	j.ledger.Counts = map[string]uint64{
		"mutants": sum.Mutants, "judged": sum.Judged, "killed": sum.Killed,
		"equivalent": sum.Equivalent, "survived": sum.Survived,
	}
	if err := j.save(); err != nil {
		return err
	}
	alive := append(sum.Survivors, sum.Untrue...)
	if len(alive) == 0 {
		return nil
	}
	var what strings.Builder
	what.WriteString("mutants that live, or that are listed as equivalent and are not:")
	for _, m := range alive {
		fmt.Fprintf(&what, "\n%s:%d: %s: %s %s", m.File, m.Line, m.In, m.What, m.Reason)
	}
	return &violation{what: what.String(), replay: "cd tools && GOWORK=off go run ./mutate"}
}
