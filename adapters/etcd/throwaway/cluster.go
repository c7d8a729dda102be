// Package throwaway starts etcd servers on this machine in temporary folders,
// for tests and examples. Start with [Start]. The servers, and etcd's command
// line tools, are built from source with the go command, so there is nothing to
// install; the servers end with the process that started them.
package throwaway

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

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
	folder, err := built(ctx, etcd)
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		c, err := start(ctx, filepath.Join(folder, etcd), members, flags)
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
			Name:     fmt.Sprintf("m%d", i), Peer: peer,
			binary: binary, place: i,
			folder: filepath.Join(c.folder, fmt.Sprintf("m%d", i)),
		}
		m.args = append([]string{
			"--name", m.Name, "--data-dir", m.Data(),
			"--listen-client-urls", m.Endpoint, "--advertise-client-urls", m.Endpoint,
			"--listen-peer-urls", fmt.Sprintf("http://127.0.0.1:%d", ports[1]), "--initial-advertise-peer-urls", peer,
			"--initial-cluster-token", filepath.Base(c.folder), "--log-level", "warn",
		}, flags...)
		cluster = append(cluster, m.Name+"="+peer)
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
	return c.Ready(bounded)
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

// Ready waits until the cluster serves: it has a leader, and a quorum agrees. By
// which numbers the members call themselves is learned here, so it is also to be
// called when they were started with other data.
func (c *Cluster) Ready(ctx context.Context) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	defer client.Close()
	for {
		bounded, cancel := context.WithTimeout(ctx, time.Second)
		err := c.learnIDs(bounded, client)
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

// learnIDs learns by which number each member calls itself, which a quorum has
// to agree on.
func (c *Cluster) learnIDs(ctx context.Context, client *clientv3.Client) error {
	list, err := client.MemberList(ctx)
	if err != nil {
		return fmt.Errorf("listing the members: %w", err)
	}
	for _, found := range list.Members {
		for _, m := range c.Members {
			if m.Name == found.Name {
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
		fmt.Fprintf(&out, "%s: ...%s\n", m.Name, log[max(0, len(log)-2000):])
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
