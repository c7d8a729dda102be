package upkeep_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/adapters/upkeep"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

func TestAStoreThatIsWellHasNoFindings(t *testing.T) {
	require.Empty(t, verified(t, memory.New()))
	s := filled(t, 2500)
	told := [][2]int{}
	for f, err := range upkeep.Verify(t.Context(), s, func(done, of int) { told = append(told, [2]int{done, of}) }) {
		require.Fail(t, "a finding", "%v %v", f, err)
	}
	require.Equal(t, [][2]int{{1000, 2500}, {2000, 2500}, {2500, 2500}}, told)
}

func TestWhatIsWrongIsFoundAndNothingElse(t *testing.T) {
	damaged := &adapters.NotAStoreError{Where: "the disk", Reason: "a row is damaged", Err: errors.New("at byte 7")}
	altered := func(change func(*states.Record)) *lying {
		return &lying{record: func(rec states.Record) (states.Record, error) {
			if rec.Key == keyOf(4) {
				change(&rec)
			}
			return rec, nil
		}}
	}
	spoiled := func(change func([]reducer.LogEntry) []reducer.LogEntry) *lying {
		return &lying{log: func(key states.Key, log []reducer.LogEntry) ([]reducer.LogEntry, error) {
			if key == keyOf(4) {
				log = change(log)
			}
			return log, nil
		}}
	}
	of4 := func(p upkeep.Problem, detail string) upkeep.Finding {
		return upkeep.Finding{Problem: p, Key: keyOf(4), Detail: detail}
	}
	for name, c := range map[string]struct {
		store *lying
		want  upkeep.Finding
	}{
		"a state was altered": {
			altered(func(r *states.Record) { r.State = states.Converged }),
			of4(upkeep.Differs, "the record differs from what its log gives in Belief"),
		},
		"a number was altered": {
			altered(func(r *states.Record) { r.LastSeq++ }),
			of4(upkeep.Differs, "the record differs from what its log gives in LastSeq"),
		},
		"a record went back": {
			altered(func(r *states.Record) { r.Revision-- }),
			of4(upkeep.Differs, "the record is at revision 3, and its log leads to 4"),
		},
		"an entry is missing": {
			spoiled(func(log []reducer.LogEntry) []reducer.LogEntry { return slices.Delete(log, 2, 3) }),
			of4(upkeep.LogBroken, "entry 2: it has revision 3: an entry is missing or out of order"),
		},
		"the end of a log is missing": {
			spoiled(func(log []reducer.LogEntry) []reducer.LogEntry { return log[:3] }),
			of4(upkeep.Differs, "the record is at revision 4, and its log leads to 2"),
		},
		"a log is gone": {
			spoiled(func([]reducer.LogEntry) []reducer.LogEntry { return nil }),
			of4(upkeep.LogBroken, "entry 0: it is empty, and a log begins with Opened"),
		},
		"the opening in a log is another": {
			spoiled(func(log []reducer.LogEntry) []reducer.LogEntry {
				log[0].Event.At++
				return log
			}),
			of4(upkeep.OtherOrigin, "its log begins with another opening than the one that is stored"),
		},
		"a snapshot is of another target": {
			spoiled(func(log []reducer.LogEntry) []reducer.LogEntry {
				entry, err := reducer.Compact(log)
				if err != nil {
					panic(err)
				}
				entry.Snapshot.Record.Target = "/nix/store/third"
				return []reducer.LogEntry{entry}
			}),
			of4(upkeep.OtherOrigin, "its log has another wave, target, policy or opening than it was opened with"),
		},
		"a log is another host's": {
			&lying{log: func(key states.Key, log []reducer.LogEntry) ([]reducer.LogEntry, error) {
				for i := range log {
					if key == keyOf(4) {
						log[i].Event.Key = keyOf(9)
					}
				}
				return log, nil
			}},
			of4(upkeep.OtherOrigin, "its log is of stable@r1/web-0009"),
		},
		"a row is damaged": {
			&lying{log: func(key states.Key, log []reducer.LogEntry) ([]reducer.LogEntry, error) {
				if key == keyOf(4) {
					return nil, damaged
				}
				return log, nil
			}},
			of4(upkeep.Unreadable, "a row is damaged: at byte 7"),
		},
		"a record is missing": {
			&lying{record: func(rec states.Record) (states.Record, error) {
				if rec.Key == keyOf(4) {
					return states.Record{}, adapters.ErrNotFound
				}
				return rec, nil
			}},
			of4(upkeep.Missing, "its rollout was opened with it, and it has no record"),
		},
		"a record is listed twice": {
			&lying{list: func(all []states.Record) []states.Record {
				i := slices.IndexFunc(all, func(r states.Record) bool { return r.Key == keyOf(4) })
				return append(all, all[i])
			}},
			of4(upkeep.Twice, "the store lists the record twice"),
		},
		"a record is not listed": {
			&lying{list: func(all []states.Record) []states.Record {
				return slices.DeleteFunc(all, func(r states.Record) bool { return r.Key == keyOf(4) })
			}},
			of4(upkeep.Unlisted, "the record is there, and the store does not list it"),
		},
		"a record is of no rollout": {
			&lying{list: func(all []states.Record) []states.Record {
				rec := all[0]
				rec.Rollout.Ref = "r0"
				return append(all, rec)
			}},
			upkeep.Finding{
				Problem: upkeep.Orphan, Key: states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "r0"}, Host: host(1)},
				Detail: "no rollout was opened with it",
			},
		},
		"a part belongs to nothing": {
			&lying{strays: []string{"a row without a record"}},
			upkeep.Finding{Problem: upkeep.Stray, Detail: "a row without a record"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.store.Store = filled(t, 12)
			if name == "a record is of no rollout" {
				c.store.Store = filled(t, 2) // one record alone, so that the first is known
			}
			require.Equal(t, []upkeep.Finding{c.want}, verified(t, c.store))
			require.Contains(t, c.want.String(), string(c.want.Problem)+": ")
		})
	}
}

// All that is wrong is told, and not the first thing alone; whoever has heard
// enough leaves.
func TestEveryFindingIsYieldedAndNoneIsWaitedFor(t *testing.T) {
	s := &lying{Store: filled(t, 12), strays: []string{"a stray"}, record: func(rec states.Record) (states.Record, error) {
		if rec.Revision > 0 {
			rec.Wave++
		}
		return rec, nil
	}}
	require.Len(t, verified(t, s), 11)
	for range upkeep.Verify(t.Context(), s, nil) {
		break
	}
}

// A call that cannot be served is no finding.
func TestAVerificationThatCannotGoOnSaysSo(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		want error
	}{"its context ended": {over, context.Canceled}, "the store is closed": {t.Context(), adapters.ErrClosed}} {
		s := filled(t, 3)
		if c.want == adapters.ErrClosed {
			require.NoError(t, s.Close())
		}
		var errs []error
		for f, err := range upkeep.Verify(c.ctx, s, nil) {
			require.Zero(t, f, name)
			errs = append(errs, err)
		}
		require.Len(t, errs, 1, name)
		require.ErrorIs(t, errs[0], c.want, name)
	}
}

// What is stored, opened, forgotten and compacted meanwhile is not a finding.
func TestAStoreInUseIsVerified(t *testing.T) {
	const hosts = 60
	s := filled(t, hosts)
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			default:
			}
			key := keyOf(n % hosts)
			if n%7 == 0 {
				next := states.Rollout{Channel: "slow", Ref: states.Ref(host(n))}
				require.NoError(t, s.Enact(t.Context(), []adapters.Act{opening(next, 5)}))
				last := states.Rollout{Channel: "slow", Ref: states.Ref(host(n - 7))}
				if n > 0 {
					_, err := s.Prune(t.Context(), adapters.Pruning{Rollouts: []states.Rollout{last}, Most: 100})
					require.NoError(t, err)
				}
				key = states.Key{Rollout: next, Host: host(n % 5)}
			}
			reports(t, s, key, 1)
			_, err := upkeep.Compact(t.Context(), s, upkeep.Rest{Now: dawn, Least: 40}, nil)
			require.NoError(t, err)
		}
	})
	for range 30 {
		for f, err := range upkeep.Verify(t.Context(), s, nil) {
			if err != nil {
				t.Errorf("%v", err)
			} else {
				t.Errorf("%s", f)
			}
		}
	}
	close(done)
	wg.Wait()
}
