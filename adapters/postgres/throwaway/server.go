//go:build unix

// Package throwaway starts a PostgreSQL server of its own in a temporary
// folder, from the binaries that are installed, for tests and examples. It
// listens on a Unix socket in that folder alone, and trusts whoever reaches it.
//
// Start with [Start]. The package keeps no data: Stop removes the folder.
package throwaway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrNoBinaries says that no PostgreSQL server is installed.
var ErrNoBinaries = errors.New("throwaway: no PostgreSQL server is installed: no initdb and postgres in PATH or /usr/lib/postgresql/*/bin; on Debian: apt-get install postgresql")

const (
	// startWithin bounds a start, recovery from a crash included.
	startWithin = 60 * time.Second
	lookAgain   = 50 * time.Millisecond // between two tries to connect
)

// Server is a running server. Its methods are not safe for concurrent use.
type Server struct {
	dir, bin string
	settings []string
	as       *syscall.SysProcAttr
	process  *exec.Cmd
	said     bytes.Buffer
	gone     chan struct{} // closed once the process has ended
}

// Start makes a new server, empty but for the database postgres, with settings
// such as "fsync=off" beyond its own. As root it runs as the user postgres, or
// else nobody, since the server refuses root. The error is [ErrNoBinaries] where
// there is nothing to start.
func Start(ctx context.Context, settings ...string) (*Server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	as, err := credentials()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "rollmend-pg-")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, bin: bin, as: as, settings: settings}
	if err := s.initialise(ctx); err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	if err := s.Launch(ctx); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

// Installed reports whether there is a server to start.
func Installed() bool {
	_, err := binaries()
	return err == nil
}

// binaries returns the folder of the newest server that is installed.
func binaries() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if _, err := os.Stat(filepath.Join(filepath.Dir(path), "postgres")); err == nil {
			return filepath.Dir(path), nil
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(found) == 0 {
		return "", ErrNoBinaries
	}
	newest := slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })
	return filepath.Dir(newest), nil
}

func version(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}

func credentials() (*syscall.SysProcAttr, error) {
	if os.Getuid() != 0 {
		return &syscall.SysProcAttr{}, nil
	}
	var err error
	for _, name := range []string{"postgres", "nobody"} {
		var u *user.User
		if u, err = user.Lookup(name); err == nil {
			uid, _ := strconv.ParseUint(u.Uid, 10, 32)
			gid, _ := strconv.ParseUint(u.Gid, 10, 32)
			return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
		}
	}
	return nil, fmt.Errorf("throwaway: a PostgreSQL server does not run as root, and there is no other user: %w", err)
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) initialise(ctx context.Context) error {
	if c := s.as.Credential; c != nil {
		if err := os.Chown(s.dir, int(c.Uid), int(c.Gid)); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, "initdb"), "-D", s.data(), "-U", "postgres",
		"-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	cmd.SysProcAttr, cmd.Dir = s.as, s.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("throwaway: initdb: %w: %s", err, out)
	}
	return nil
}

// DSN is how the server is reached: the socket's folder, and the database
// postgres.
func (s *Server) DSN() string { return "host=" + s.dir + " port=5432 user=postgres dbname=postgres" }

// Socket is the server's socket.
func (s *Server) Socket() string { return filepath.Join(s.dir, ".s.PGSQL.5432") }

// Launch starts the server again after [Server.Kill], and returns once it
// answers.
func (s *Server) Launch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	for {
		if err := s.launch(); err != nil {
			return err
		}
		for s.running() {
			conn, err := pgx.Connect(ctx, s.DSN())
			if err == nil {
				return conn.Close(ctx)
			}
			if err := pause(ctx); err != nil {
				return fmt.Errorf("throwaway: the server does not answer: %w: %s", err, s.said.Bytes())
			}
		}
		// Remains of a killed server may hold its memory for a moment.
		if err := pause(ctx); err != nil {
			return fmt.Errorf("throwaway: the server does not start: %w: %s", err, s.said.Bytes())
		}
	}
}

func pause(ctx context.Context) error {
	select {
	case <-time.After(lookAgain):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Server) launch() error {
	s.said.Reset()
	args := []string{
		"-D", s.data(), "-k", s.dir,
		"-c", "listen_addresses=", "-c", "port=5432", "-c", "max_connections=60", "-c", "max_prepared_transactions=0",
	}
	for _, setting := range s.settings {
		args = append(args, "-c", setting)
	}
	s.process = exec.Command(filepath.Join(s.bin, "postgres"), args...)
	s.process.SysProcAttr, s.process.Dir = s.as, s.dir
	s.process.Stderr, s.process.Stdout = &s.said, &s.said
	if err := s.process.Start(); err != nil {
		return err
	}
	s.gone = make(chan struct{})
	go func(cmd *exec.Cmd, gone chan struct{}) {
		_ = cmd.Wait()
		close(gone)
	}(s.process, s.gone)
	return nil
}

func (s *Server) running() bool {
	select {
	case <-s.gone:
		return false
	default:
		return true
	}
}

// Kill ends the server and all its processes at once (SIGKILL), in the middle
// of whatever they do.
func (s *Server) Kill() {
	_ = s.process.Process.Signal(syscall.SIGSTOP) // so that it starts no others
	for _, child := range children(s.process.Process.Pid) {
		_ = syscall.Kill(child, syscall.SIGKILL)
	}
	_ = s.process.Process.Kill()
	<-s.gone
}

// children lists a process's children where the system tells them in /proc;
// elsewhere those of a killed server end by themselves.
func children(pid int) (out []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it ended meanwhile
		}
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) > 1 && string(fields[1]) == strconv.Itoa(pid) {
			child, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			out = append(out, child)
		}
	}
	return out
}

// Stop ends the server and removes its folder.
func (s *Server) Stop() {
	if s.process != nil && s.running() {
		_ = s.process.Process.Signal(syscall.SIGQUIT)
		<-s.gone
	}
	_ = os.RemoveAll(s.dir)
}
