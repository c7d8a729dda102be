package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// verdicts keeps the trials from run to run, in a file with a JSON line each.
// A verdict is found again only while everything that was built or read for it
// is as it was: of the module, every package that a judge's tests are made of,
// those tests, and what stands in their testdata.
type verdicts struct {
	mu    sync.Mutex
	known map[string]trial
	made  map[string]string // by the mutated package: a hash of what verdicts depend on
	file  *os.File          // nil: nothing is kept
}

// kept is a line of the file.
type kept struct {
	Key   string
	Name  string // for people
	Trial trial
}

// openVerdicts reads the file that the settings name.
func openVerdicts(set settings, sources []*source) (*verdicts, error) {
	v := &verdicts{known: map[string]trial{}, made: map[string]string{}}
	if set.state == "" {
		return v, nil
	}
	for _, s := range sources {
		made, err := madeOf(set, s.dir)
		if err != nil {
			return nil, err
		}
		v.made[s.dir] = made
	}
	if err := v.read(set.state); err != nil {
		return nil, err
	}
	var err error
	v.file, err = os.OpenFile(set.state, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	return v, err
}

func (v *verdicts) read(path string) error {
	old, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer old.Close()
	lines := bufio.NewScanner(old)
	for lines.Scan() {
		var k kept
		// A line that a crash has torn is a verdict that was not kept.
		if json.Unmarshal(lines.Bytes(), &k) == nil {
			v.known[k.Key] = k.Trial
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func (v *verdicts) find(m *mutant) (trial, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	t, ok := v.known[v.key(m)]
	return t, ok
}

func (v *verdicts) keep(m *mutant, t trial) error {
	if v.file == nil {
		return nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	line, err := json.Marshal(kept{Key: v.key(m), Name: m.name(), Trial: t})
	if err == nil {
		_, err = v.file.Write(append(line, '\n'))
	}
	return err
}

func (v *verdicts) close() error {
	if v.file == nil {
		return nil
	}
	return v.file.Close()
}

func (v *verdicts) key(m *mutant) string {
	return hash(m.file.name, fmt.Sprintf("%d %d %q", m.from, m.to, m.instead), v.made[m.src.dir])
}

// madeOf returns a hash of what the verdicts on a package's mutants depend on.
func madeOf(set settings, mutated string) (string, error) {
	const ofModule = "{{with .Module}}{{if .Main}}{{$.Dir}}{{end}}{{end}}"
	parts := []string{runtime.Version()}
	args := []string{"-deps", "-test", "-f", ofModule}
	for _, j := range set.judges {
		parts = append(parts, fmt.Sprint(j))
		for _, folder := range j.folders(mutated) {
			args = append(args, "./"+folder)
		}
	}
	folders, err := list(set.root, args...)
	if err != nil {
		return "", err
	}
	slices.Sort(folders)
	for _, folder := range slices.Compact(folders) {
		sum, err := digest(folder, func(name string) bool {
			return !strings.Contains(name, "/") || strings.HasPrefix(name, "testdata/") && !strings.HasPrefix(name, "testdata/rapid/")
		})
		if err != nil {
			return "", err
		}
		parts = append(parts, filepath.Base(folder), sum)
	}
	return hash(parts...), nil
}

func hash(parts ...string) string {
	sum := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(sum, "%d %s\n", len(part), part)
	}
	return hex.EncodeToString(sum.Sum(nil))
}
