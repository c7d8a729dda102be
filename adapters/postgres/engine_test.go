package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/postgres"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
	"github.com/stretchr/testify/require"
)

const (
	running states.Closure = "/nix/store/old"
	target  states.Closure = "/nix/store/new"
)

// pair starts two control planes on one database, each with a store of its own.
func pair(t *testing.T, in string, plan gates.Plan) (planes [2]*engine.Engine) {
	for i := range planes {
		s := open(t, database(t), postgres.Options{Schema: in, Timeout: unhurried})
		e, err := engine.New(t.Context(), engine.Options{Store: s, Clock: adapters.WallClock{}, Cycle: time.Hour, Shared: true})
		require.NoError(t, err)
		t.Cleanup(e.Close)
		_, err = e.Load(t.Context(), gates.NewFleet(plan))
		require.NoError(t, err)
		planes[i] = e
	}
	return planes
}

// planned is a host of the channel stable.
func planned(host states.Host, wave states.Wave) gates.PlannedHost {
	return gates.PlannedHost{
		Host: host, Channel: "stable", Wave: wave, Target: target,
		Policy: states.Policy{OnFailure: states.RollbackAndHalt},
	}
}

// What one control plane sees lets go a host that the other holds, to which
// nothing else happens.
func TestAHeldHostIsLetGoByWhatAnotherControlPlaneSaw(t *testing.T) {
	planes := pair(t, schema(), gates.Plan{Ref: "r1", Hosts: []gates.PlannedHost{planned("web-1", 0), planned("web-2", 1)}})
	state := func(e *engine.Engine, host states.Host) states.State {
		ex, err := e.Explain(t.Context(), host)
		require.NoError(t, err)
		return ex.Records[0].Record.State
	}
	now := states.TimeOf(time.Now())
	_, err := planes[1].Heartbeat(t.Context(), synth.Heartbeat{Host: "web-2", Current: target, At: now})
	require.NoError(t, err)
	require.Equal(t, states.Pending, state(planes[1], "web-2"), "wave 1 waits for wave 0")
	_, err = planes[0].Heartbeat(t.Context(), synth.Heartbeat{Host: "web-1", Current: target, At: now})
	require.NoError(t, err)
	for _, e := range planes {
		require.True(t, eventually(func() bool { return state(e, "web-2") == states.Converged }))
	}
}

// A whole rollout under a budget of one. Every beat and report of a host goes to
// the control plane that the one before did not go to, and all hosts go at once.
func TestABudgetOfOneHoldsAcrossTwoControlPlanesBetweenWhichHostsMove(t *testing.T) {
	const hosts = 12
	in := schema()
	plan := gates.Plan{Ref: "r1", Budgets: []gates.Budget{{Name: "all", MaxInFlight: 1}}}
	for i := range hosts {
		host := states.Host(fmt.Sprintf("web-%02d", i))
		plan.Hosts = append(plan.Hosts, planned(host, 0))
		plan.Budgets[0].Hosts = append(plan.Budgets[0].Hosts, host)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	planes := pair(t, in, plan)
	var working, most atomic.Int64
	errs := make([]error, hosts)
	var wg sync.WaitGroup
	for i := range hosts {
		m := &mover{planes: planes, turn: i, host: plan.Hosts[i].Host, working: &working, most: &most}
		wg.Go(func() { errs[i] = m.live(ctx) })
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	require.EqualValues(t, 1, most.Load(), "so many hosts worked at once")

	s := open(t, database(t), postgres.Options{Schema: in, Timeout: unhurried})
	logs := make(map[states.Host][]reducer.LogEntry)
	for _, h := range plan.Hosts {
		key := states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "r1"}, Host: h.Host}
		rec, err := s.Record(ctx, key)
		require.NoError(t, err)
		require.Equal(t, states.Converged, rec.State)
		logs[h.Host], err = s.Log(ctx, key)
		require.NoError(t, err)
	}
	heldAtEachCommit(t, raw(t, database(t), in), logs, 1)
}

// heldAtEachCommit goes through the commits in their order, and counts after
// each of them which records were in flight.
func heldAtEachCommit(t *testing.T, conn *pgx.Conn, logs map[states.Host][]reducer.LogEntry, limit int) {
	rows, err := conn.Query(t.Context(), `SELECT number, convert_from(h.host, 'UTF8'), h.revision
		FROM commits, unnest(hosts, revisions) AS h (host, revision) ORDER BY number`)
	require.NoError(t, err)
	inFlight := make(map[states.Host]bool)
	taken, before := 0, int64(0)
	var number, revision int64
	var host states.Host
	_, err = pgx.ForEachRow(rows, []any{&number, &host, &revision}, func() error {
		if number != before {
			require.LessOrEqual(t, len(inFlight), limit, "after commit %d: %v", before, inFlight)
		}
		before = number
		rec, err := reducer.Rederive(logs[host][:revision+1])
		require.NoError(t, err)
		delete(inFlight, host)
		if gates.StandingOf(&rec).InFlight {
			inFlight[host] = true
			taken++
		}
		return nil
	})
	require.NoError(t, err)
	require.Empty(t, inFlight)
	require.GreaterOrEqual(t, taken, len(logs), "every host was in flight")
}

// mover is a host whose requests go to one control plane after the other.
type mover struct {
	planes  [2]*engine.Engine
	turn    int
	host    states.Host
	beat    uint64
	replied states.Time
	current states.Closure
	holds   states.Rollout
	seq     states.Seq

	working, most *atomic.Int64
}

func (m *mover) at() *engine.Engine { return m.planes[m.turn%len(m.planes)] }

func (m *mover) next() *engine.Engine {
	m.turn++
	return m.at()
}

// live takes the host through the rollout.
func (m *mover) live(ctx context.Context) error {
	m.current = running
	var d engine.Dispatch
	for sent := false; !sent; {
		if ctx.Err() != nil {
			return m.why(ctx.Err())
		}
		err := m.beats(ctx, 1)
		if err == nil {
			// The one that it beat at: a control plane sends nothing to whom it has
			// not heard.
			d, sent, err = m.at().Dispatch(ctx, m.host, tick)
		}
		if err != nil && !passes(err) {
			return err
		}
	}
	now := m.working.Add(1)
	for most := m.most.Load(); now > most && !m.most.CompareAndSwap(most, now); most = m.most.Load() {
	}
	m.holds = d.Key.Rollout
	if err := m.reports(ctx, reducer.DispatchAck{AtDispatch: m.current}); err != nil {
		return err
	}
	if err := m.beats(ctx, 2); err != nil {
		return err
	}
	m.current = d.Target
	if err := m.reports(ctx, reducer.ActivationCompleted{Observed: m.current}); err != nil {
		return err
	}
	if err := m.beats(ctx, 1); err != nil {
		return err
	}
	m.working.Add(-1) // others may hear of the end before this host hears its answer
	return m.reports(ctx, reducer.Converged{Current: m.current})
}

// why says what holds a host that nothing was sent to.
func (m *mover) why(err error) error {
	ex, _ := m.at().Explain(context.Background(), m.host)
	for _, r := range ex.Records {
		err = fmt.Errorf("%w: %s is %s: %s %s", err, m.host, r.Record.State, r.Verdict, r.Withheld)
	}
	return err
}

func (m *mover) beats(ctx context.Context, n int) error {
	for done := 0; done < n; {
		m.beat++
		reply, err := m.next().Heartbeat(ctx, synth.Heartbeat{
			Host: m.host, Holds: m.holds, Current: m.current, At: states.TimeOf(time.Now()),
			Order: states.Order{Boot: 1, Beat: m.beat}, LastReply: m.replied,
		})
		if err != nil && !passes(err) {
			return err
		}
		if err == nil {
			m.replied = reply.ReceivedAt
			done++
		}
	}
	return nil
}

// reports sends a report until it is answered.
func (m *mover) reports(ctx context.Context, body reducer.Body) error {
	m.seq++
	report := engine.Report{LostFrom: m.seq, Event: reducer.Event{
		Key: states.Key{Rollout: m.holds, Host: m.host}, Seq: m.seq, At: states.TimeOf(time.Now()), Body: body,
	}}
	for {
		reply, err := m.next().Report(ctx, report)
		switch {
		case err != nil && !passes(err):
			return err
		case err == nil && (reply.Disposition == reducer.Applied || reply.Disposition == reducer.Duplicate):
			return nil
		case err == nil:
			return fmt.Errorf("%s: report %d was %s: %s", m.host, m.seq, reply.Disposition, reply.Reason)
		}
	}
}

// passes reports whether a request is to be made again.
func passes(err error) bool {
	var busy *engine.BusyError
	return errors.Is(err, engine.ErrContended) || errors.As(err, &busy)
}
