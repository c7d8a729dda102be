package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/etcd"
	cluster "github.com/rollmend/rollmend/adapters/etcd/throwaway"
	"github.com/rollmend/rollmend/adapters/postgres"
	database "github.com/rollmend/rollmend/adapters/postgres/throwaway"
	"github.com/rollmend/rollmend/internal/codec"
)

// This file is about stores behind a server, which is started for the run. Each
// store has a place of its own on it, named like its folder.

// apart is what these stores write of a change: a row for the record, and one
// for the effects. The bare clients write as many, of as many bytes together.
func apart(dst []byte, c *adapters.Change) ([]byte, error) {
	return codec.AppendEffects(codec.AppendRecord(dst, &c.Record), c.Record.Key, c.Effects)
}

// halves cuts each row in two.
func halves(rows [][]byte) [][]byte {
	out := make([][]byte, 0, 2*len(rows))
	for _, row := range rows {
		out = append(out, row[:len(row)/2], row[len(row)/2:])
	}
	return out
}

// startPostgres starts a server with its default settings: commits are synced.
func startPostgres(ctx context.Context) (at string, stop func(), err error) {
	server, err := database.Start(ctx)
	if err != nil {
		return "", nil, err
	}
	return server.DSN(), server.Stop, nil
}

func openPostgres(ctx context.Context, at, dir string) (closingStore, error) {
	store, err := postgres.OpenURL(ctx, at, postgres.Options{Schema: "fleet_" + filepath.Base(dir)})
	if err != nil {
		return nil, err // not a nil store in an interface
	}
	return store, nil
}

// barePostgresRows appends a batch in one statement and one round trip, which is its
// own transaction.
type barePostgresRows struct {
	conn   *pgx.Conn
	insert string
}

func barePostgres(ctx context.Context, at, dir string) (bare, error) {
	conn, err := pgx.Connect(ctx, at)
	if err != nil {
		return nil, err
	}
	name := "bare_" + filepath.Base(dir)
	if _, err := conn.Exec(ctx, `CREATE TABLE `+name+` (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, data BYTEA NOT NULL)`); err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	return &barePostgresRows{conn, `INSERT INTO ` + name + ` (data) SELECT unnest($1::bytea[])`}, nil
}

func (b *barePostgresRows) append(ctx context.Context, rows [][]byte) error {
	_, err := b.conn.Exec(ctx, b.insert, halves(rows))
	return err
}

func (b *barePostgresRows) Close() error { return b.conn.Close(context.Background()) }

// etcdMembers is how many servers the cluster has: with three it goes on when
// one is lost.
const etcdMembers = 3

// startEtcd starts a cluster with room for several fleets, one after the other.
func startEtcd(ctx context.Context) (at string, stop func(), err error) {
	running, err := cluster.Start(ctx, etcdMembers, "--quota-backend-bytes", fmt.Sprint(8<<30))
	if err != nil {
		cluster.Clean()
		return "", nil, err
	}
	return strings.Join(running.Endpoints(), ","), func() { running.Stop(); cluster.Clean() }, nil
}

func openEtcd(ctx context.Context, at, dir string) (closingStore, error) {
	store, err := etcd.OpenEndpoints(ctx, strings.Split(at, ","), etcd.Options{Prefix: "fleet/" + filepath.Base(dir) + "/"})
	if err != nil {
		return nil, err
	}
	return store, nil
}

// bareEtcdRows appends a batch in one transaction and one round trip.
type bareEtcdRows struct {
	client *clientv3.Client
	prefix string
	rows   int
}

func bareEtcd(_ context.Context, at, dir string) (bare, error) {
	client, err := clientv3.New(clientv3.Config{Endpoints: strings.Split(at, ","), Logger: zap.NewNop()})
	if err != nil {
		return nil, err
	}
	return &bareEtcdRows{client: client, prefix: "bare/" + filepath.Base(dir) + "/"}, nil
}

// perInner is how many rows stand in each of the transactions that a batch's
// transaction is made of. etcd takes 128 operations in one by default, and in
// each within it as many as the outer one leaves: of a relay's batch, 108.
const perInner = 100

func (b *bareEtcdRows) append(ctx context.Context, rows [][]byte) error {
	var parts []clientv3.Op
	rows = halves(rows)
	for len(rows) > 0 {
		n := min(perInner, len(rows))
		puts := make([]clientv3.Op, n)
		for i, row := range rows[:n] {
			puts[i] = clientv3.OpPut(fmt.Sprintf("%s%09d", b.prefix, b.rows), string(row))
			b.rows++
		}
		parts, rows = append(parts, clientv3.OpTxn(nil, puts, nil)), rows[n:]
	}
	_, err := b.client.Txn(ctx).Then(parts...).Commit()
	return err
}

func (b *bareEtcdRows) Close() error { return b.client.Close() }
