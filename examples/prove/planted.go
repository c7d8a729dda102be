package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/rollmend/rollmend/examples/prove/track"
)

// planted shows that the simulated fleet can find things: it runs fleets on code
// with a defect planted in it, one defect after the other, until a sentence
// breaks.
type planted struct{ root string }

// plantedPath is where the defects are kept, from the root of the repository.
const plantedPath = "docs/planted-defects.json"

// fleetsMost bounds how many fleets a defect may take: a run of prove passes
// that many in a minute or two.
const fleetsMost = 5000

// fleetsPerSearch is how many fleets are run before the ledger is kept.
const fleetsPerSearch = 250

func (planted) name() string { return "planted" }

func (planted) about() string {
	return "defects planted in the code, each of which the simulated fleet must find: fleets are run until a sentence breaks that holds in the same fleet without the defect"
}

func (planted) share() int { return 4 }

// plant is a planted defect.
type plant struct {
	ID       string         `json:"id"`
	Mutation track.Mutation `json:"mutation"`
}

func loadPlants(root string) (plants []plant, err error) {
	b, err := os.ReadFile(filepath.Join(root, plantedPath))
	if err == nil {
		err = json.Unmarshal(b, &plants)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", plantedPath, err)
	}
	for _, p := range plants {
		if err := p.Mutation.Check(root); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", plantedPath, p.ID, err)
		}
	}
	return plants, nil
}

const defectsFound = "planted defects found"

// What the ledger says of a defect begins with one of these.
const (
	foundBy    = "found "      // the fleet that found it, and the sentence that broke
	searchedBy = "fleets for " // how many were run
)

func (p planted) summary(l *ledger) []figure {
	plants, err := loadPlants(p.root)
	if err != nil {
		return nil
	}
	found := figure{what: defectsFound, of: uint64(len(plants))}
	var most uint64
	for _, d := range plants {
		if l.Facts[foundBy+d.ID] != "" {
			found.n++
			most = max(most, l.Counts[searchedBy+d.ID])
		}
	}
	return []figure{found, {what: "fleets at the most for one", n: most}}
}

// details lists the defects, with the fleet that found each.
func (p planted) details(l *ledger) string {
	plants, err := loadPlants(p.root)
	if err != nil || l == nil {
		return ""
	}
	var b strings.Builder
	b.WriteString("## What the simulation finds\n\n" +
		"Each defect is a change to one file, kept as data in [planted-defects.json](planted-defects.json). " +
		"The fleet that found it keeps every sentence without the defect.\n\n" +
		"| planted defect | in | fleets until it was found | found by seed, and the sentence that broke |\n|---|---|---|---|\n")
	for _, d := range plants {
		found := l.Facts[foundBy+d.ID]
		if found == "" {
			found = "not found yet"
		}
		fmt.Fprintf(&b, "| %s | `%s` | %s | %s |\n", cell(d.Mutation.Says), d.Mutation.File, grouped(l.Counts[searchedBy+d.ID]), cell(found))
	}
	b.WriteString("\n")
	return b.String()
}

func (p planted) run(ctx context.Context, j *job) error {
	plants, err := loadPlants(p.root)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "rollmend-planted-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	// A small budget takes a sample, another one with each seed.
	rand.New(rand.NewPCG(j.seed, 0)).Shuffle(len(plants), func(a, b int) { plants[a], plants[b] = plants[b], plants[a] })
	s := search{job: j, dir: dir}
	var blind []error
	for _, d := range plants {
		if j.ledger.Facts[foundBy+d.ID] != "" {
			continue
		}
		j.doing(d.ID)
		err := s.find(ctx, d)
		if v := (*violation)(nil); errors.As(err, &v) {
			blind = append(blind, errors.New(v.what))
		} else if err != nil {
			return err
		}
		if j.left() <= 0 {
			break
		}
	}
	if len(blind) == 0 {
		return nil
	}
	return &violation{what: errors.Join(blind...).Error(), replay: "go run ./examples/prove -only planted -budget 1h"}
}

// search looks for planted defects. It is for one run of the part.
type search struct {
	job   *job
	dir   string
	sound string // the fleet's test without a defect, built when it is first needed
}

// find runs fleets with a defect until one finds it, or the job's time is up.
func (s *search) find(ctx context.Context, d plant) error {
	overlay, err := d.Mutation.Overlay(s.job.root, s.dir)
	if err != nil {
		return err
	}
	ill, err := s.build(ctx, "ill", "-overlay="+overlay)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return &violation{what: fmt.Sprintf("%s: the defect says nothing: %v", d.ID, err)}
	}
	l := s.job.ledger
	for first := true; first || s.job.left() > 0; first = false {
		ran := l.Counts[searchedBy+d.ID]
		if ran >= fleetsMost {
			return &violation{what: fmt.Sprintf("%s: %s: no fleet of %d found it: the simulation is blind for it", d.ID, d.Mutation.Says, ran)}
		}
		from := (s.job.seed-1)*seedsPerRange + 1 + ran
		seed, sentence, err := fleets(ctx, ill, "TestTheFleetKeepsThePromise", from, fleetsPerSearch)
		if err != nil {
			return err
		}
		if sentence == "" {
			l.add(searchedBy+d.ID, fleetsPerSearch)
		} else {
			l.add(searchedBy+d.ID, seed-from+1)
			if s.sound == "" {
				if s.sound, err = s.build(ctx, "sound"); err != nil {
					return err
				}
			}
			_, same, err := fleets(ctx, s.sound, "TestTheFleetKeepsThePromise", seed, 1)
			if err != nil {
				return err
			}
			if same == "" {
				l.note(foundBy+d.ID, fmt.Sprintf("seed %d: %s", seed, sentence))
				return s.job.save()
			}
		}
		if err := s.job.save(); err != nil {
			return err
		}
	}
	return nil
}

// build builds the fleet's test.
func (s *search) build(ctx context.Context, name string, args ...string) (string, error) {
	binary := filepath.Join(s.dir, name)
	var out strings.Builder
	cmd := goTool(ctx, s.job.root, &out, append(append([]string{"test", "-c", "-o", binary}, args...), "./proptest/sim")...)
	if err := cmd.Run(); err != nil {
		return "", errors.Join(ctx.Err(), fmt.Errorf("building the fleet: %w\n%s", err, out.String()))
	}
	return binary, nil
}

var (
	brokenSeed     = regexp.MustCompile(`-sim\.seed=(\d+)`)
	brokenSentence = regexp.MustCompile(`(?m)\bsim: ([^:\n]+): `)
)

// fleets runs so many fleets, and returns the first that broke a sentence, and
// which; no sentence where all held.
func fleets(ctx context.Context, binary, test string, from, n uint64) (seed uint64, sentence string, err error) {
	cmd := exec.CommandContext(ctx, binary, "-test.count=1", "-test.run=^"+test+"$", "-sim.shrink=0",
		"-sim.seed="+strconv.FormatUint(from, 10), "-sim.runs="+strconv.FormatUint(n, 10))
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil || err == nil {
		return 0, "", ctx.Err()
	}
	s, what := brokenSeed.FindSubmatch(out), brokenSentence.FindSubmatch(out)
	if s == nil || what == nil {
		return 0, "", fmt.Errorf("fleets from seed %d on: %w\n%s", from, err, out)
	}
	seed, err = strconv.ParseUint(string(s[1]), 10, 64)
	return seed, string(what[1]), err
}
