package etcd

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/rollmend/rollmend/adapters"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// Options are the settings of a store. The zero value is fit for use.
type Options struct {
	// Prefix stands in front of every key of the store; empty: "rollmend/".
	// Stores with different prefixes, none of which begins with the other, share
	// a cluster and nothing else.
	Prefix string

	// Timeout is how long an answer of the cluster is waited for; 0:
	// [DefaultTimeout]. A commit whose answer was lost takes up to three times
	// as long to find out what became of it.
	Timeout time.Duration

	// RequestBytes is how large a request may become; 0: [DefaultRequestBytes].
	// A batch above that is stored in several transactions. It must stay well
	// below the servers' --max-request-bytes.
	RequestBytes int
}

const (
	// DefaultTimeout is above what an election takes, and below what operators
	// wait for.
	DefaultTimeout = 10 * time.Second

	// DefaultRequestBytes leaves a third of what servers take by default (1.5
	// MiB), since sizes are estimated.
	DefaultRequestBytes = 1 << 20
)

// version is that of the keys and values which this package writes.
const version = 1

// A member that is silent for as long during a call is given up, and calls go to
// another one. Servers refuse clients that ask more often than every five
// seconds, or without a call.
const keepAliveTime, keepAliveTimeout = 7 * time.Second, 3 * time.Second

// OpenEndpoints opens the store in the cluster of these members, such as
// "https://10.0.0.1:2379", and creates it where there is none. It has its own
// client, which Close closes. The errors are those of [Open]. A cluster that
// asks for certificates or passwords takes a client of your own.
func OpenEndpoints(ctx context.Context, endpoints []string, o Options) (*Store, error) {
	client, err := clientv3.New(clientv3.Config{
		Endpoints:            endpoints,
		DialKeepAliveTime:    keepAliveTime,
		DialKeepAliveTimeout: keepAliveTimeout,
		Logger:               zap.NewNop(), // what goes wrong, a call's error says
	})
	if err != nil {
		return nil, fmt.Errorf("etcd: %w", err)
	}
	s, err := Open(ctx, client, o)
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	s.close = client.Close
	return s, nil
}

// Open opens the store in a client's cluster, and creates it where there is
// none. Closing the store leaves the client open. What a store writes is its
// own: two control planes open one each, also within one process.
//
// The error is an [*adapters.NotAStoreError] for a prefix that holds something
// else, an [*adapters.NewerSchemaError] for a store that a later version wrote;
// neither was written to. It is an [*adapters.UnavailableError] for a cluster
// that cannot be reached or has no quorum.
func Open(ctx context.Context, client *clientv3.Client, o Options) (*Store, error) {
	if o.Prefix == "" {
		o.Prefix = "rollmend/"
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.RequestBytes <= 0 {
		o.RequestBytes = DefaultRequestBytes
	}
	var id [idBytes]byte
	_, _ = rand.Read(id[:]) // it never fails
	s := &Store{
		client:  client,
		close:   func() error { return nil },
		where:   fmt.Sprintf("%s at %s", o.Prefix, strings.Join(client.Endpoints(), ", ")),
		keys:    keys{o.Prefix},
		timeout: o.Timeout,
		most:    o.RequestBytes,
		known:   newOpenings(),
		heads:   heads{of: make(map[string]head)},
		ended:   make(chan struct{}),
	}
	s.writer.id = string(id[:])
	if err := s.found(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

var _ adapters.Store = (*Store)(nil)

// found makes sure that the prefix holds a store of this version. It is created
// in one transaction, so that replicas which start at once do not collide; where
// that one's answer is lost, it is looked again.
func (s *Store) found(ctx context.Context) error {
	const doing = "opening the store"
	empty := clientv3.Compare(clientv3.CreateRevision(s.keys.prefix).WithPrefix(), "=", 0)
	create := []clientv3.Op{
		clientv3.OpPut(s.keys.schema(), strconv.Itoa(version)),
		clientv3.OpPut(s.keys.ordering(), ""),
	}
	tries, over := context.WithTimeout(ctx, s.timeout)
	defer over()
	for {
		found, err := s.exists(ctx, doing)
		if found || err != nil {
			return err
		}
		resp, sure, err := s.send(ctx, doing, []clientv3.Cmp{empty}, create, nil)
		switch {
		case err == nil && resp.Succeeded:
			return nil
		case err != nil && (sure || tries.Err() != nil):
			return s.failed(ctx, doing, err)
		}
	}
}

// exists reports whether the prefix holds a store; false: it holds nothing.
func (s *Store) exists(ctx context.Context, doing string) (bool, error) {
	resp, err := s.read(ctx, doing, clientv3.OpGet(s.keys.schema()),
		clientv3.OpGet(s.keys.prefix, clientv3.WithPrefix(), clientv3.WithCountOnly()))
	if err != nil {
		return false, err
	}
	kvs := resp.Responses[0].GetResponseRange().Kvs
	if len(kvs) == 0 {
		if resp.Responses[1].GetResponseRange().Count > 0 {
			return false, s.damaged("there are other keys below the prefix", nil)
		}
		return false, nil
	}
	switch v, err := strconv.Atoi(string(kvs[0].Value)); {
	case err != nil:
		return false, s.damaged("its schema key is not of rollmend", err)
	case v > version:
		return false, &adapters.NewerSchemaError{Where: s.where, Found: v, Known: version}
	}
	return true, nil
}
