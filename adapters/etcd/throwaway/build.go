package throwaway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// What is built, by the names of the binaries.
const (
	etcd    = "etcd"
	etcdctl = "etcdctl"
	etcdutl = "etcdutl"
)

// programs are the packages of what is built. All of them are in the build list
// of the server's module alone.
var programs = map[string]string{
	etcd:    "github.com/rollmend/rollmend/adapters/etcd/server",
	etcdctl: "go.etcd.io/etcd/etcdctl/v3",
	etcdutl: "go.etcd.io/etcd/etcdutl/v3",
}

// Tools builds etcdctl and etcdutl of the server's release, unless that was done
// before, and returns the folder that they are in. [Clean] removes it.
func Tools(ctx context.Context) (folder string, err error) {
	return built(ctx, etcdctl, etcdutl)
}

var build struct {
	mu     sync.Mutex
	folder string
	there  map[string]bool // by the names of the binaries
}

// built builds programs once a process, into one folder; the go command keeps
// what it compiled for the next one.
func built(ctx context.Context, names ...string) (folder string, err error) {
	build.mu.Lock()
	defer build.mu.Unlock()
	if build.folder == "" {
		if build.folder, err = os.MkdirTemp("", "rollmend-etcd-programs-"); err != nil {
			return "", err
		}
		build.there = make(map[string]bool)
	}
	for _, name := range names {
		if build.there[name] {
			continue
		}
		if err := compile(ctx, filepath.Join(build.folder, name), programs[name]); err != nil {
			return "", err
		}
		build.there[name] = true
	}
	return build.folder, nil
}

func compile(ctx context.Context, binary, program string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", binary, program)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	if err := cmd.Run(); err != nil {
		err = fmt.Errorf("throwaway: building %s, which takes the go command and the repository's workspace: %w\n%s", filepath.Base(binary), err, complaints.String())
		return errors.Join(err, os.RemoveAll(binary))
	}
	return nil
}

// Clean removes what was built for this process.
func Clean() {
	build.mu.Lock()
	defer build.mu.Unlock()
	if build.folder != "" {
		_ = os.RemoveAll(build.folder)
		build.folder = ""
	}
}
