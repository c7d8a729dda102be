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

// commitOf names what the working tree holds: its commit, and behind it, where
// the tree differs from that, a digest of the difference. The page that this
// program writes is no difference.
func commitOf(root string) (string, error) {
	head, err := git(root, "rev-parse", "--short=12", "HEAD")
	if err != nil {
		return "", err
	}
	diff, err := git(root, "diff", "HEAD", "--", ".", ":!"+pagePath)
	if err != nil {
		return "", err
	}
	names, err := git(root, "ls-files", "--others", "--exclude-standard")
	if err != nil {
		return "", err
	}
	if diff == "" && names == "" {
		return head, nil
	}
	digest := sha256.New()
	digest.Write([]byte(diff))
	for name := range strings.Lines(names) {
		b, err := os.ReadFile(filepath.Join(root, strings.TrimSpace(name)))
		fmt.Fprint(digest, name, err == nil, len(b))
		digest.Write(b)
	}
	return fmt.Sprintf("%s-dirty-%x", head, digest.Sum(nil)[:4]), nil
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
