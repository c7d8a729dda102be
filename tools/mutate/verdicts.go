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
	"slices"
	"strings"
	"sync"
)

// verdicts keeps the trials from run to run, in a file with a JSON line each.
// A verdict is found again only while the mutated package, the packages of the
// module that it imports, and the tests that have judged it are as they were.
type verdicts struct {
	mu    sync.Mutex
	known map[string]trial
	file  *os.File // nil: nothing is kept
}

// kept is a line of the file.
type kept struct {
	Key   string
	Name  string // for people
	Trial trial
}

func openVerdicts(path string) (*verdicts, error) {
	v := &verdicts{known: map[string]trial{}}
	if path == "" {
		return v, nil
	}
	old, err := os.Open(path)
	switch {
	case err == nil:
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
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	v.file, err = os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	return v, err
}

func (v *verdicts) find(keys []string) (trial, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, key := range keys {
		if t, ok := v.known[key]; ok {
			return t, true
		}
	}
	return trial{}, false
}

func (v *verdicts) keep(key string, m *mutant, t trial) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.known[key] = t
	if v.file == nil {
		return nil
	}
	line, err := json.Marshal(kept{Key: key, Name: m.name(), Trial: t})
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

// keys makes the keys of verdicts.
type keys struct {
	judges []judge
	code   map[string]string // by folder: what is not a test
	tests  map[string]string // by folder: the tests and what they read
}

// newKeys hashes the folders that verdicts depend on.
func newKeys(set settings, sources []*source) (*keys, error) {
	k := &keys{judges: set.judges, code: map[string]string{}, tests: map[string]string{}}
	for _, s := range sources {
		var err error
		if k.code[s.dir], err = codeOf(set.root, s.dir); err != nil {
			return nil, err
		}
		for _, j := range set.judges {
			for _, folder := range j.folders(s.dir) {
				mutated := slices.Contains(set.packages, folder)
				k.tests[folder], err = digest(filepath.Join(set.root, folder), func(name string) bool {
					return isTest(name) || !mutated && isCode(name)
				})
				if err != nil {
					return nil, err
				}
			}
		}
	}
	return k, nil
}

func isTest(name string) bool {
	return strings.HasSuffix(name, "_test.go") && !strings.Contains(name, "/") ||
		strings.HasPrefix(name, "testdata/") && !strings.HasPrefix(name, "testdata/rapid/")
}

func isCode(name string) bool {
	return strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") && !strings.Contains(name, "/")
}

// codeOf returns a hash of a package and of what it imports from its module.
func codeOf(root, dir string) (string, error) {
	folders, err := list(root, "-deps", "-f", "{{with .Module}}{{if .Main}}{{$.Dir}}{{end}}{{end}}", "./"+dir)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, folder := range folders {
		code, err := digest(folder, isCode)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(sum, code)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// after returns the key of a verdict that fell when so many judges had been
// asked. Further ones have no part in it.
func (k *keys) after(m *mutant, asked int) string {
	sum := sha256.New()
	fmt.Fprintf(sum, "%s\n%d %d %q\n%s\n", m.file.name, m.from, m.to, m.instead, k.code[m.src.dir])
	for _, j := range k.judges[:asked] {
		fmt.Fprintf(sum, "%s %q\n", j.name, j.flags)
		for _, folder := range j.folders(m.src.dir) {
			fmt.Fprintf(sum, "%s %s\n", folder, k.tests[folder])
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// all returns the keys under which a mutant's verdict may be found.
func (k *keys) all(m *mutant) []string {
	var out []string
	for asked := range len(k.judges) + 1 {
		out = append(out, k.after(m, asked))
	}
	return out
}

// of returns the key of a verdict.
func (k *keys) of(m *mutant, t trial) string {
	asked := len(k.judges)
	for i, j := range k.judges {
		if t.By == j.name {
			asked = i + 1
		}
	}
	if t.Verdict == noBuild {
		asked = 0
	}
	return k.after(m, asked)
}
