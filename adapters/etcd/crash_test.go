package etcd_test

import (
	"context"
	"strings"

	"github.com/rollmend/rollmend/adapters/storetest"
	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
)

// crashPoint is a moment at which a process dies: when a transaction is made and
// not yet sent, or when it is answered and nobody is told.
type crashPoint struct {
	name     string
	is       func(txn *etcdserverpb.TxnRequest) bool
	answered bool
}

var transactionPoints = []crashPoint{
	{"before rollouts are forgotten", forgets, false},
	{"between what is forgotten and its erasing", forgets, true},
	{"before a step of an erasing", erases, false},
	{"after a step of an erasing", erases, true},
	{"before snapshots are stored", compacts, false},
	{"after snapshots are stored and before that is told", compacts, true},
}

// crashPoints are the names of all points.
func crashPoints() (names []string) {
	for _, p := range transactionPoints {
		names = append(names, p.name)
	}
	return append(names, storetest.UpkeepCrashPoints()...)
}

// forgets tells a forgetting by the note of what is to be erased.
func forgets(txn *etcdserverpb.TxnRequest) bool {
	return contains(txn.Success, func(op *etcdserverpb.RequestOp) bool {
		return strings.Contains(string(op.GetRequestPut().GetKey()), "/forgotten/")
	})
}

// erases tells an erasing by a range that goes without a compare of its own.
func erases(txn *etcdserverpb.TxnRequest) bool {
	for _, op := range txn.Success {
		if op.GetRequestDeleteRange() != nil {
			return true
		}
	}
	return false
}

// compacts tells a compaction by the part of a log that goes.
func compacts(txn *etcdserverpb.TxnRequest) bool {
	return contains(txn.Success, func(op *etcdserverpb.RequestOp) bool {
		gone := op.GetRequestDeleteRange()
		return gone != nil && len(gone.RangeEnd) > 0
	}) && !erases(txn)
}

// contains looks through operations and the transactions among them.
func contains(ops []*etcdserverpb.RequestOp, wanted func(*etcdserverpb.RequestOp) bool) bool {
	for _, op := range ops {
		if wanted(op) || contains(op.GetRequestTxn().GetSuccess(), wanted) {
			return true
		}
	}
	return false
}

// crashing has a client tell a process where it is.
func crashing(p *storetest.Process) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, send grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		txn, ok := req.(*etcdserverpb.TxnRequest)
		if !ok {
			return send(ctx, method, req, reply, cc, opts...)
		}
		reach := func(answered bool) {
			for _, at := range transactionPoints {
				if at.answered == answered && at.is(txn) {
					p.Reach(at.name)
				}
			}
		}
		reach(false)
		err := send(ctx, method, req, reply, cc, opts...)
		reach(true)
		return err
	}
}
