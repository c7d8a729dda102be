package throwaway

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
)

// tied makes the server end when its standard input does.
const tied = "ROLLMEND_ETCD_TIED=1"

// Member is one server.
type Member struct {
	Endpoint string // where clients find it
	Name     string
	Peer     string // where the other members find it

	id     uint64
	place  int
	binary string
	folder string
	args   []string

	mu    sync.Mutex
	cmd   *exec.Cmd
	input io.Closer
}

// Data is the folder of what the server keeps. While all servers of a cluster
// are killed, the folders of all may be removed, or replaced: by copies, or by
// what etcdutl makes of a snapshot.
func (m *Member) Data() string { return filepath.Join(m.folder, "data") }

// Start starts the server, with what it kept, and does not wait for it.
func (m *Member) Start() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := os.MkdirAll(m.folder, 0o700); err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(m.folder, "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(m.binary, m.args...)
	cmd.Env = append(os.Environ(), tied)
	cmd.Stdout, cmd.Stderr = log, log
	if m.input, err = cmd.StdinPipe(); err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	m.cmd = cmd
	return nil
}

// Kill kills the server (SIGKILL) and waits for its end. A server that does not
// run is left as it is.
func (m *Member) Kill() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cmd == nil {
		return
	}
	_ = m.cmd.Process.Kill()
	_ = m.cmd.Wait()
	_ = m.input.Close()
	m.cmd = nil
}

// Pause stops the server where it is: its connections stay, and nothing
// answers.
func (m *Member) Pause() error { return m.signal(syscall.SIGSTOP) }

// Resume lets a paused server go on.
func (m *Member) Resume() error { return m.signal(syscall.SIGCONT) }

func (m *Member) signal(s syscall.Signal) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cmd == nil {
		return os.ErrProcessDone
	}
	return m.cmd.Process.Signal(s)
}
