package etcd_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/etcd"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// failed is the change that takes a record from its opening to a rollback,
// which quarantines its target.
func failed(t testing.TB, rec states.Record) adapters.Change {
	c := adapters.Change{Expect: rec.Revision, Record: rec, Closes: true}
	for i, body := range []reducer.Body{
		reducer.DispatchAck{AtDispatch: "/nix/store/old"},
		reducer.ActivationFailed{ExitCode: 1},
		reducer.RollbackComplete{RevertedTo: "/nix/store/old"},
	} {
		step(t, &c, reducer.Event{Seq: states.Seq(i + 1), At: opened + states.Time(i), Body: body})
	}
	return c
}

// openedFleet opens a rollout of so many hosts.
func openedFleet(t testing.TB, s *etcd.Store, n int) adapters.Opening {
	o := fleetOf(n)
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
	return o
}

func member(t testing.TB, o *adapters.Opening, i int) states.Record {
	rec, _, err := o.Record(o.Members[i])
	require.NoError(t, err)
	return rec
}

// Everything that a transaction may hold at once, in one batch: more would be
// refused by the server.
func TestABatchUpToEveryLimitIsOneTransaction(t *testing.T) {
	in := prefix()
	s := open(t, one(t).Endpoints(), etcd.Options{Prefix: in, RequestBytes: 1_400_000})
	const n = 1200
	o := openedFleet(t, s, n)
	fleet, err := s.Fleet(t.Context())
	require.NoError(t, err)
	changes := make([]adapters.Change, n)
	for i := range changes {
		rec := member(t, &o, i)
		if i%50 == 7 { // as many as may bring a quarantine
			changes[i] = failed(t, rec)
		} else {
			changes[i] = dispatch(t, rec)
			changes[i].Closes = true
		}
		changes[i].Guard = fleet.Ordering
	}
	taken := changes[0]
	taken.Guard, taken.Closes = 0, false
	results, err := s.Commit(t.Context(), []adapters.Change{taken})
	require.NoError(t, err)
	require.NoError(t, results[0].Err)

	results, err = s.Commit(t.Context(), changes)
	require.NoError(t, err)
	var conflict *adapters.ConflictError
	require.ErrorAs(t, results[0].Err, &conflict)
	require.Equal(t, states.Revision(1), conflict.Found)
	for i, r := range results[1:] {
		require.NoError(t, r.Err, i+1)
	}
	after, err := s.Fleet(t.Context())
	require.NoError(t, err)
	require.Equal(t, fleet.Ordering+1, after.Ordering, "it is raised once")
	require.Len(t, after.Quarantines, 1)
	require.Equal(t, o.Members[7].Host, after.Quarantines[0].Host, "the first that brings it")
	require.Len(t, writtenAt(t, in), n, "a log key a change")
	mods := map[int64]bool{}
	for _, kv := range writtenAt(t, in) {
		mods[kv] = true
	}
	require.Len(t, mods, 2, "one transaction a commit")
}

// writtenAt returns the revisions at which log keys were written.
func writtenAt(t testing.TB, in string) (mods []int64) {
	resp, err := raw(t, one(t)).Get(t.Context(), in+"log/", clientv3.WithPrefix())
	require.NoError(t, err)
	for _, kv := range resp.Kvs {
		mods = append(mods, kv.ModRevision)
	}
	return mods
}

// A batch that does not fit is stored in parts; what was decided together still
// counts as seen by its own parts, and by nobody else.
func TestABatchThatDoesNotFitIsStoredInParts(t *testing.T) {
	in := prefix()
	s := open(t, one(t).Endpoints(), etcd.Options{Prefix: in, RequestBytes: 20_000})
	const n = 100
	o := openedFleet(t, s, n)
	fleet, err := s.Fleet(t.Context())
	require.NoError(t, err)
	changes := make([]adapters.Change, n)
	for i := range changes {
		switch rec := member(t, &o, i); {
		case i%2 == 0:
			changes[i] = dispatch(t, rec)
		case i%10 == 1:
			changes[i] = failed(t, rec)
			changes[i].Guard = fleet.Ordering
		default:
			changes[i] = dispatch(t, rec)
			changes[i].Guard, changes[i].Closes = fleet.Ordering, true
		}
	}
	changes[3].Guard = fleet.Ordering + 1 // decided on what never was
	results, err := s.Commit(t.Context(), changes)
	require.NoError(t, err)
	for i, r := range results {
		if i != 3 {
			require.NoError(t, r.Err, "change %d", i)
		}
	}
	var conflict *adapters.ConflictError
	require.ErrorAs(t, results[3].Err, &conflict)
	require.Equal(t, fleet.Ordering+1, conflict.Guard)
	after, err := s.Fleet(t.Context())
	require.NoError(t, err)
	require.Greater(t, after.Ordering, fleet.Ordering)
	require.Len(t, after.Quarantines, 1)
	for i := range changes {
		rec := whole(t, s, changes[i].Record.Key)
		require.Equal(t, i == 3, rec.Revision == 0, "change %d", i)
	}
}

func TestAChangeThatFitsIntoNoRequestIsRefused(t *testing.T) {
	s := open(t, one(t).Endpoints(), etcd.Options{Prefix: prefix()})
	o := openedFleet(t, s, 2)
	rec := member(t, &o, 0)
	c := adapters.Change{Record: rec}
	step(t, &c, reducer.Event{Seq: 1, At: opened, Body: reducer.DispatchAck{}})
	step(t, &c, reducer.Event{Seq: 2, At: opened, Body: reducer.ActivationFailed{ExitCode: 1, StderrTail: strings.Repeat("x", 2<<20)}})
	_, err := s.Commit(t.Context(), []adapters.Change{dispatch(t, member(t, &o, 1)), c})
	var large *etcd.TooLargeError
	require.ErrorAs(t, err, &large)
	require.Zero(t, whole(t, s, states.Key{Rollout: o.Rollout, Host: o.Members[1].Host}).Revision, "nothing of the batch")
}

// An opening of any size is one act, and whoever else opens the store reads all
// of its hosts.
func TestAnOpeningThatFitsIntoNoRequestIsStillOneAct(t *testing.T) {
	in := prefix()
	cluster := one(t)
	s := open(t, cluster.Endpoints(), etcd.Options{Prefix: in})
	o := openedFleet(t, s, 150_000)
	other := open(t, cluster.Endpoints(), etcd.Options{Prefix: in})
	f, err := other.Fleet(t.Context())
	require.NoError(t, err)
	require.Equal(t, []adapters.Opening{o}, f.Openings)
	require.Equal(t, adapters.Ordering(2), f.Ordering)
	c := recovered(t, &o, 149_999)
	results, err := other.Commit(t.Context(), []adapters.Change{c})
	require.NoError(t, err)
	require.NoError(t, results[0].Err)

	client := raw(t, cluster)
	require.Greater(t, count(t, client, in+"body/"), int64(3))
	resp, err := client.Get(t.Context(), in+"body/", clientv3.WithPrefix())
	require.NoError(t, err)
	for _, kv := range resp.Kvs {
		require.Zero(t, kv.Lease, "%s hangs on a lease", kv.Key)
	}
	before := count(t, client, in)
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}), "again")
	require.Equal(t, before, count(t, client, in), "and nothing is left behind")
}

func TestAnEnactmentOfManyActs(t *testing.T) {
	s := open(t, one(t).Endpoints(), etcd.Options{Prefix: prefix()})
	var acts []adapters.Act
	for i := range 100 {
		o := opening("a", "b")
		o.Rollout.Channel = states.Channel(fmt.Sprintf("channel-%03d", i))
		acts = append(acts, o, adapters.Imposition{Quarantine: reducer.Quarantine{Channel: o.Rollout.Channel, Closure: "/nix/store/bad"}})
	}
	acts = append(acts, adapters.Clearance{Channel: "channel-000", Closure: "/nix/store/bad", Reason: "it was not"})
	require.NoError(t, s.Enact(t.Context(), acts))
	f, err := s.Fleet(t.Context())
	require.NoError(t, err)
	require.Len(t, f.Openings, 100)
	require.Len(t, f.Quarantines, 99)
	require.Len(t, f.Clearances, 1)
	require.Equal(t, adapters.Ordering(2), f.Ordering)
}
