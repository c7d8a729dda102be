package main

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// findRoot returns the root of the repository that the working directory is
// in.
func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("this is not the repository: no go.work here or above")
		}
		dir = up
	}
}

// notMeasured is what no figure depends on, as git excludes it: pages, and what
// runs in front of a change. A commit of these alone, such as one of the page
// that this program writes, leaves the figures what they are.
var notMeasured = []string{":(top)", ":(top,exclude,glob)**/*.md", ":(top,exclude)docs/*.svg", ":(top,exclude).ci", ":(top,exclude)LICENSE"}

// commitOf names the code in the working tree: the last commit that changed
// what is measured, and behind it, where the tree differs from that, a digest of
// the difference.
func commitOf(root string) (string, error) {
	only := func(args ...string) []string { return append(append(args, "--"), notMeasured...) }
	commit, err := git(root, only("log", "-1", "--format=%H")...)
	if err != nil {
		return "", err
	}
	if commit == "" {
		return "", errors.New("nothing of this repository was committed yet, so no figure could say what it is of")
	}
	diff, err := git(root, only("diff", "HEAD")...)
	if err != nil {
		return "", err
	}
	names, err := git(root, only("ls-files", "--others", "--exclude-standard")...)
	if err != nil {
		return "", err
	}
	commit = commit[:commitDigits]
	if diff == "" && names == "" {
		return commit, nil
	}
	digest := sha256.New()
	digest.Write([]byte(diff))
	for name := range strings.Lines(names) {
		b, err := os.ReadFile(filepath.Join(root, strings.TrimSpace(name)))
		fmt.Fprint(digest, name, err == nil, len(b))
		digest.Write(b)
	}
	return fmt.Sprintf("%s%s%x", commit, dirty, digest.Sum(nil)[:4]), nil
}

const (
	commitDigits = 12 // of a commit's name: enough for it to be the only one
	dirty        = "-dirty-"
)

// ancestors lists the commits before the working tree, newest first, by as many
// digits as [commitOf] gives.
func ancestors(root string) ([]string, error) {
	all, err := git(root, "rev-list", "HEAD")
	if err != nil {
		return nil, err
	}
	var names []string
	for line := range strings.Lines(all) {
		names = append(names, line[:commitDigits])
	}
	return names, nil
}

func git(root string, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}

// machine describes what the figures were measured on.
func machine() string {
	cpu := fieldOf("/proc/cpuinfo", "model name", ":")
	system := fieldOf("/etc/os-release", "PRETTY_NAME", "=")
	if cpu == "" {
		cpu = runtime.GOARCH
	}
	if system == "" {
		system = runtime.GOOS
	}
	return fmt.Sprintf("%s, %d cores; %s; %s", cpu, runtime.NumCPU(), runtime.Version(), system)
}

// fieldOf returns the first value of a name in a file of lines, empty where
// there is none.
func fieldOf(file, name, sep string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		key, value, ok := strings.Cut(s.Text(), sep)
		if ok && strings.TrimSpace(key) == name {
			return strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return ""
}
