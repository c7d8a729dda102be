package etcd

import (
	"context"
	"errors"
	"fmt"

	"github.com/rollmend/rollmend/adapters"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// TooLargeError says that something does not fit into a request. Nothing of
// the call was stored. Give the servers a larger --max-request-bytes, and the
// store the same less half a mebibyte as [Options.RequestBytes]; or make it
// smaller.
type TooLargeError struct {
	What  string
	Bytes int
	Most  int
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("etcd: %s takes %d bytes and a request at most %d, nothing of this call was stored: raise --max-request-bytes of the servers and Options.RequestBytes", e.What, e.Bytes, e.Most)
}

// ContentionError says that a call met others at every one of its tries.
// Nothing of it was stored: call again.
type ContentionError struct {
	Where string
	Tries int
}

func (e *ContentionError) Error() string {
	return fmt.Sprintf("etcd: %s: the transaction met others %d times, nothing of this call was stored: call again", e.Where, e.Tries)
}

// errAgain says that a transaction found something else than it was made for,
// and stored nothing.
var errAgain = errors.New("etcd: the transaction was made for something that is no longer so")

// spaceAdvice stands behind the server's own words where its quota is reached.
const spaceAdvice = "compact the history, defragment every member, and clear the alarm (etcdctl compaction, defrag, alarm disarm); or raise --quota-backend-bytes"

// refused reports whether an error says for sure that a request had no effect:
// the server took it and said no, or said no before it proposed it.
func refused(err error) bool {
	if errors.Is(err, rpctypes.ErrNoLeader) { // asked for before anything else: see clientv3.WithRequireLeader
		return true
	}
	switch codeOf(err) {
	case codes.InvalidArgument, codes.FailedPrecondition, codes.ResourceExhausted, codes.PermissionDenied,
		codes.Unauthenticated, codes.NotFound, codes.OutOfRange, codes.Unimplemented:
		return true
	}
	return false
}

func codeOf(err error) codes.Code {
	var e rpctypes.EtcdError
	if errors.As(err, &e) {
		return e.Code()
	}
	return status.Code(err)
}

// failed makes an error of the client one of the port's, where it is one that
// a caller can act on. Nothing of the call was stored.
func (s *Store) failed(ctx context.Context, doing string, err error) error {
	var damaged *adapters.NotAStoreError
	var unavailable *adapters.UnavailableError
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("etcd: %s: %s: %w", s.where, doing, ctx.Err())
	case errors.Is(err, adapters.ErrClosed), errors.Is(err, adapters.ErrNotFound),
		errors.As(err, &damaged), errors.As(err, &unavailable):
		return err
	case errors.Is(err, rpctypes.ErrNoSpace):
		return &adapters.FullError{Where: s.where, Err: fmt.Errorf("%w: %s", err, spaceAdvice)}
	}
	switch codeOf(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled:
		return &adapters.UnavailableError{Where: s.where, Doing: doing, Err: err}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &adapters.UnavailableError{Where: s.where, Doing: doing, Err: err}
	}
	return fmt.Errorf("etcd: %s: %s: %w", s.where, doing, err)
}

// damaged says that what was read does not fit together.
func (s *Store) damaged(reason string, err error) error {
	return &adapters.NotAStoreError{Where: s.where, Reason: reason, Err: err}
}

func notFound(what fmt.Stringer) error {
	return fmt.Errorf("etcd: %s: %w", what, adapters.ErrNotFound)
}
