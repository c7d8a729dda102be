package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	cluster "github.com/rollmend/rollmend/adapters/etcd/throwaway"
	server "github.com/rollmend/rollmend/adapters/postgres/throwaway"
)

// postgresServer is a database of a PostgreSQL server that is started for the
// story.
type postgresServer struct{ running *server.Server }

// The databases: the control planes', and the copy of it.
const (
	fleetDatabase = "fleet"
	olderDatabase = "older"
)

func newPostgres(ctx context.Context, _ string) (database, error) {
	running, err := server.Start(ctx)
	if err != nil {
		return nil, err
	}
	p := &postgresServer{running}
	if err := p.exec(ctx, "CREATE DATABASE "+fleetDatabase); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

// place implements database: of two words of the same key the last one counts.
func (p *postgresServer) place() string { return p.running.DSN() + " dbname=" + fleetDatabase }

func (p *postgresServer) stop() { p.running.Stop() }

// exec runs statements outside of the fleet's database, one after the other.
func (p *postgresServer) exec(ctx context.Context, statements ...string) error {
	conn, err := pgx.Connect(ctx, p.running.DSN())
	if err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	defer conn.Close(ctx)
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("postgres: %s: %w", statement, err)
		}
	}
	return nil
}

// destroy implements database. The server may not have noticed yet that its
// clients were killed, so it is told to.
func (p *postgresServer) destroy(ctx context.Context) (done string, err error) {
	return "the database is dropped", p.exec(ctx,
		"DROP DATABASE "+fleetDatabase+" WITH (FORCE)", "CREATE DATABASE "+fleetDatabase)
}

// keep implements database.
func (p *postgresServer) keep(ctx context.Context) error {
	return p.exec(ctx,
		"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '"+fleetDatabase+"'",
		"CREATE DATABASE "+olderDatabase+" TEMPLATE "+fleetDatabase)
}

// putBack implements database.
func (p *postgresServer) putBack(ctx context.Context) error {
	return p.exec(ctx,
		"DROP DATABASE "+fleetDatabase+" WITH (FORCE)",
		"CREATE DATABASE "+fleetDatabase+" TEMPLATE "+olderDatabase)
}

// etcdMembers is how many servers the etcd cluster has: with three it goes on
// when one is lost.
const etcdMembers = 3

// etcdCluster is an etcd cluster that is started for the story.
type etcdCluster struct {
	running *cluster.Cluster
	copied  string
}

func newEtcd(ctx context.Context, dir string) (database, error) {
	running, err := cluster.Start(ctx, etcdMembers)
	if err != nil {
		cluster.Clean()
		return nil, err
	}
	return &etcdCluster{running, filepath.Join(dir, "older-copy")}, nil
}

func (c *etcdCluster) place() string { return strings.Join(c.running.Endpoints(), ",") }

func (c *etcdCluster) stop() {
	c.running.Stop()
	cluster.Clean()
}

// down does something while no server runs.
func (c *etcdCluster) down(ctx context.Context, do func() error) error {
	for _, m := range c.running.Members {
		m.Kill()
	}
	if err := do(); err != nil {
		return err
	}
	for _, m := range c.running.Members {
		if err := m.Start(); err != nil {
			return err
		}
	}
	return c.running.Ready(ctx)
}

// destroy implements database.
func (c *etcdCluster) destroy(ctx context.Context) (done string, err error) {
	return fmt.Sprintf("the data of %d etcd servers is deleted", len(c.running.Members)), c.down(ctx, c.remove)
}

func (c *etcdCluster) remove() error {
	for _, m := range c.running.Members {
		if err := os.RemoveAll(m.Data()); err != nil {
			return fmt.Errorf("etcd: %w", err)
		}
	}
	return nil
}

// keep implements database: what all the servers have on disk, at one moment.
func (c *etcdCluster) keep(ctx context.Context) error {
	return c.down(ctx, func() error {
		for i, m := range c.running.Members {
			if err := os.CopyFS(c.copyOf(i), os.DirFS(m.Data())); err != nil {
				return fmt.Errorf("etcd: %w", err)
			}
		}
		return nil
	})
}

func (c *etcdCluster) copyOf(i int) string { return filepath.Join(c.copied, fmt.Sprint(i)) }

// putBack implements database.
func (c *etcdCluster) putBack(ctx context.Context) error {
	return c.down(ctx, func() error {
		if err := c.remove(); err != nil {
			return err
		}
		for i, m := range c.running.Members {
			if err := os.CopyFS(m.Data(), os.DirFS(c.copyOf(i))); err != nil {
				return fmt.Errorf("etcd: %w", err)
			}
		}
		return nil
	})
}
