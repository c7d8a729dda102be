// Package throwaway starts etcd servers on this machine in temporary folders,
// for tests and examples. Start with [Start]. The servers are built from source
// with the go command, so there is nothing to install; they end with the
// process that started them.
package throwaway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// program is what is built and started.
const program = "github.com/rollmend/rollmend/adapters/etcd/server"

// Cluster is etcd servers that know each other.
type Cluster struct {
	Members []*Member

	folder string
	net    *network
}

// startTries bounds how often a cluster is started: another process may take a
// port that was free a moment before.
const startTries = 3

// readyWithin bounds how long a cluster takes to elect its first leader.
const readyWithin = 60 * time.Second

// Start builds the server, unless that was done before, and starts a cluster of
// so many members, each with etcd's flags in addition. Stop ends it.
func Start(ctx context.Context, members int, flags ...string) (*Cluster, error) {
	binary, err := built(ctx)
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		c, err := start(ctx, binary, members, flags)
		if err == nil || try == startTries || ctx.Err() != nil {
			return c, err
		}
	}
}

func start(ctx context.Context, binary string, members int, flags []string) (*Cluster, error) {
	folder, err := os.MkdirTemp("", "rollmend-etcd-")
	if err != nil {
		return nil, err
	}
	c := &Cluster{folder: folder, net: newNetwork()}
	if err := c.launch(ctx, binary, members, flags); err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

func (c *Cluster) launch(ctx context.Context, binary string, members int, flags []string) error {
	var cluster []string
	for i := range members {
		ports, err := freePorts(2)
		if err != nil {
			return err
		}
		peer, err := c.net.before(ports[1])
		if err != nil {
			return err
		}
		m := &Member{
			Endpoint: fmt.Sprintf("http://127.0.0.1:%d", ports[0]),
			name:     fmt.Sprintf("m%d", i), binary: binary, place: i,
			folder: filepath.Join(c.folder, fmt.Sprintf("m%d", i)),
		}
		m.args = append([]string{
			"--name", m.name, "--data-dir", m.Data(),
			"--listen-client-urls", m.Endpoint, "--advertise-client-urls", m.Endpoint,
			"--listen-peer-urls", fmt.Sprintf("http://127.0.0.1:%d", ports[1]), "--initial-advertise-peer-urls", peer,
			"--initial-cluster-token", filepath.Base(c.folder), "--log-level", "warn",
		}, flags...)
		cluster = append(cluster, m.name+"="+peer)
		c.Members = append(c.Members, m)
	}
	for _, m := range c.Members {
		m.args = append(m.args, "--initial-cluster", strings.Join(cluster, ","))
		if err := m.Start(); err != nil {
			return err
		}
	}
	bounded, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	if err := c.Ready(bounded); err != nil {
		return err
	}
	return c.learnIDs(bounded)
}

// Endpoints are where clients find the members.
func (c *Cluster) Endpoints() []string {
	var out []string
	for _, m := range c.Members {
		out = append(out, m.Endpoint)
	}
	return out
}

// Stop ends the servers and removes what they kept.
func (c *Cluster) Stop() {
	for _, m := range c.Members {
		m.Kill()
	}
	c.net.close()
	_ = os.RemoveAll(c.folder)
}

// Ready waits until the cluster serves: it has a leader, and a quorum agrees.
func (c *Cluster) Ready(ctx context.Context) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	defer client.Close()
	for {
		bounded, cancel := context.WithTimeout(ctx, time.Second)
		_, err := client.Get(bounded, "ready?")
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("throwaway: the cluster does not serve: %w\n%s", err, c.complaints())
		}
	}
}

func (c *Cluster) client() (*clientv3.Client, error) {
	return clientv3.New(clientv3.Config{Endpoints: c.Endpoints(), Logger: zap.NewNop()})
}

// learnIDs tells the network by which number each member calls itself.
func (c *Cluster) learnIDs(ctx context.Context) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	defer client.Close()
	list, err := client.MemberList(ctx)
	if err != nil {
		return fmt.Errorf("throwaway: listing the members: %w", err)
	}
	for _, found := range list.Members {
		for _, m := range c.Members {
			if m.name == found.Name {
				m.id = found.ID
			}
		}
	}
	return nil
}

// Leader returns the member that leads, as most of them see it.
func (c *Cluster) Leader(ctx context.Context) (*Member, error) {
	client, err := c.client()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	for {
		votes := make(map[uint64]int)
		for _, m := range c.Members {
			bounded, cancel := context.WithTimeout(ctx, time.Second)
			status, err := client.Status(bounded, m.Endpoint)
			cancel()
			if err == nil && status.Leader != 0 {
				votes[status.Leader]++
			}
		}
		for _, m := range c.Members {
			if 2*votes[m.id] > len(c.Members) {
				return m, nil
			}
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return nil, fmt.Errorf("throwaway: the cluster has no leader: %w\n%s", ctx.Err(), c.complaints())
		}
	}
}

// Isolate cuts a member off from the other members. Clients still reach it.
func (c *Cluster) Isolate(m *Member) { c.net.isolate(m.place, m.id) }

// Heal ends every isolation.
func (c *Cluster) Heal() { c.net.heal() }

// complaints is the end of what every server wrote.
func (c *Cluster) complaints() string {
	var out strings.Builder
	for _, m := range c.Members {
		log, _ := os.ReadFile(filepath.Join(m.folder, "log"))
		fmt.Fprintf(&out, "%s: ...%s\n", m.name, log[max(0, len(log)-2000):])
	}
	return out.String()
}

func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

var build struct {
	mu     sync.Mutex
	binary string
}

// built builds the server once a process; the go command keeps what it
// compiled for the next one.
func built(ctx context.Context) (string, error) {
	build.mu.Lock()
	defer build.mu.Unlock()
	if build.binary != "" {
		return build.binary, nil
	}
	folder, err := os.MkdirTemp("", "rollmend-etcd-server-")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(folder, "etcd")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", binary, program)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	if err := cmd.Run(); err != nil {
		err = fmt.Errorf("throwaway: building the server, which takes the go command and the repository's workspace: %w\n%s", err, complaints.String())
		return "", errors.Join(err, os.RemoveAll(folder))
	}
	build.binary = binary
	return binary, nil
}

// Clean removes the server that was built for this process.
func Clean() {
	build.mu.Lock()
	defer build.mu.Unlock()
	if build.binary != "" {
		_ = os.RemoveAll(filepath.Dir(build.binary))
		build.binary = ""
	}
}
