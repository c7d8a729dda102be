package etcd_test

import (
	"context"
	"strings"
	"testing"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/etcd"
	"github.com/rollmend/rollmend/states"
	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Whatever was altered below the store is found, and nothing else is.
func TestKeysThatBelongToNothingAreFound(t *testing.T) {
	cluster := one(t)
	client := raw(t, cluster)
	put := func(t *testing.T, key, value string) {
		_, err := client.Put(t.Context(), key, value)
		require.NoError(t, err)
	}
	remove := func(t *testing.T, key string, opts ...clientv3.OpOption) {
		resp, err := client.Delete(t.Context(), key, opts...)
		require.NoError(t, err)
		require.Positive(t, resp.Deleted)
	}
	value := func(t *testing.T, key string) string {
		resp, err := client.Get(t.Context(), key)
		require.NoError(t, err)
		require.Len(t, resp.Kvs, 1)
		return string(resp.Kvs[0].Value)
	}
	// In what is wanted, % is the prefix, ID the opening's id, and GONE that of one
	// that is being erased.
	for name, c := range map[string]struct {
		spoil func(t *testing.T, in, id string)
		want  []string
	}{
		"nothing": {func(*testing.T, string, string) {}, nil},
		"a key of another's": {func(t *testing.T, in, _ string) {
			put(t, in+"another", "")
			put(t, in+"orderings", "")
			put(t, in+"zone/a", "")
		}, []string{
			"stray: it is of no kind that there is: the key %another",
			"stray: it is of no kind that there is: the key %orderings",
			"stray: it is of no kind that there is: the key %zone/a",
		}},
		"a log without its record": {func(t *testing.T, in, id string) { remove(t, in+"record/"+id+"/b-1") }, []string{
			"differs: stable@a1b2c3d4/b-1: the record is at revision 0, and its log leads to 2",
			"stray: a log without a record: the key %log/ID/b-1/01",
			"stray: a log without a record: the key %log/ID/b-1/02",
		}},
		"a record that went back": {func(t *testing.T, in, id string) {
			before := value(t, in+"record/"+id+"/b")
			put(t, in+"log/"+id+"/b/03", before)
		}, []string{
			"unreadable: stable@a1b2c3d4/b: the key %log/ID/b/03: codec: effects cannot be read, at byte 1: it is marked 'r', not 'e'",
			"stray: a log behind its record: the key %log/ID/b/03",
		}},
		"a record of no opening": {func(t *testing.T, in, id string) {
			put(t, in+"record/000000000000/x", value(t, in+"record/"+id+"/b"))
			put(t, in+"log/000000000000/x/01", value(t, in+"log/"+id+"/b/01"))
		}, []string{
			"twice: stable@a1b2c3d4/b: the store lists the record twice",
			"stray: a record of an opening that is not there: the key %record/000000000000/x",
			"stray: a log of an opening that is not there: the key %log/000000000000/x/01",
		}},
		"what is left of an opening": {func(t *testing.T, in, _ string) {
			put(t, in+"opening/000000000000", "1")
			put(t, in+"body/000000000000/00", "")
			put(t, in+"body/111111111111/00", "")
			put(t, in+"named/x/y", "111111111111")
		}, []string{
			"stray: an opening that is not in the plan: the key %opening/000000000000",
			"stray: the name of an opening that is not there: the key %named/x/y",
			"stray: a piece of an opening that is not there: the key %body/111111111111/00",
		}},
		"a note of an erasing": {func(t *testing.T, in, _ string) { put(t, in+"forgotten/000000000000", "") }, []string{
			"stray: it is to be erased, and was not forgotten: the key %forgotten/000000000000",
		}},
		"a note of an erasing is gone": {func(t *testing.T, in, _ string) { remove(t, in+"forgotten/", clientv3.WithPrefix()) }, []string{
			"orphan: old@a1b2c3d4/b: no rollout was opened with it",
			"stray: a piece of an opening that is not there: the key %body/GONE/00",
			"stray: a record of an opening that is not there: the key %record/GONE/b",
			"stray: a log of an opening that is not there: the key %log/GONE/b/01",
		}},
		"pieces that wait for their opening": {func(t *testing.T, in, _ string) {
			lease, err := client.Grant(t.Context(), 3600)
			require.NoError(t, err)
			_, err = client.Put(t.Context(), in+"body/000000000000/00", "", clientv3.WithLease(lease.ID))
			require.NoError(t, err)
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			in := prefix()
			s := open(t, cluster.Endpoints(), etcd.Options{Prefix: in})
			old := opening("b")
			old.Rollout.Channel = "old"
			require.NoError(t, s.Enact(t.Context(), []adapters.Act{old}))
			gone := only(t, client, in+"opening/")
			moved(t, s, keyIn(old, 0))
			succeed(t, s, old)
			_, err := s.Prune(t.Context(), adapters.Pruning{Rollouts: []states.Rollout{old.Rollout}})
			require.NoError(t, err)
			o := opening("b", "b-1", "b/1")
			require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
			id := value(t, in+"named/stable/a1b2c3d4")
			for i := range o.Members {
				moved(t, s, keyIn(o, i))
				moved(t, s, keyIn(o, i))
			}
			c.spoil(t, in, id)
			var want []string
			for _, line := range c.want {
				want = append(want, strings.NewReplacer("%", in, "ID", id, "GONE", gone).Replace(line))
			}
			require.Equal(t, want, verified(t, open(t, cluster.Endpoints(), etcd.Options{Prefix: in})))
		})
	}
}

// Whoever has seen enough leaves, and a call that cannot be served is no stray.
func TestALookForStraysEnds(t *testing.T) {
	cluster, in := one(t), prefix()
	s := open(t, cluster.Endpoints(), etcd.Options{Prefix: in})
	for _, key := range []string{"a", "b", "body/x/00"} {
		_, err := raw(t, cluster).Put(t.Context(), in+key, "")
		require.NoError(t, err)
	}
	seen := 0
	for _, err := range s.Strays(t.Context()) {
		require.NoError(t, err)
		seen++
		break
	}
	require.Equal(t, 1, seen)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for stray, err := range s.Strays(ctx) {
		if seen++; seen == 2 {
			require.NoError(t, err)
		}
		cancel()
		if err != nil {
			require.Empty(t, stray)
			require.ErrorIs(t, err, ctx.Err())
		}
	}
	require.Equal(t, 4, seen, "two of the first look, and the error of the next one")
}
