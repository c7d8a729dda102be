package sim

import (
	"fmt"

	"github.com/rollmend/rollmend/states"
)

// move is one thing that can happen next in a small world. It is comparable.
type move struct {
	verb  verb
	host  int8
	plane int8
	nth   int8 // of a message or a report; or how far
	fate  fate // of a request
}

// verb says what a move is.
type verb int8

// The moves that are no fault, in the order in which an undisturbed life makes
// them, then the faults.
const (
	planeStarts verb = iota + 1
	planeLoads
	planeGoesOn
	planeFollows
	agentStarts
	arrives
	switchEnds
	rollbackEnds
	bootsStaged
	probesPass
	reportsAll
	reports
	beats
	ticks
	polls
	heals
	goesBack
	allRests
	minutePasses

	switchFails
	switchDefers
	switchKills
	rollbackKills
	probesFail
	agentKilled
	agentDoomed
	reboots
	rebootsOld
	installedAnew
	clockJumps
	cutOff
	planeKilled
	planeJumps
	wiped
	keptAside
	published
	cleared
	resumed
	longSilence
)

// jumps are how far clocks jump, in milliseconds: up to a day either way, or by
// less than the bound on skew.
var jumps = [...]int64{-86_400_000, -120_000, 120_000, 86_400_000}

// isFault reports whether the move is one of those that are counted.
func (m move) isFault() bool { return m.verb > minutePasses || m.fate != fine }

// line says what the move is, in words.
func (m move) line(s *small) (who, text string) {
	host := string(s.hosts[m.host].name)
	plane := s.planes[m.plane].name
	switch m.verb {
	case reports, reportsAll, beats, polls:
		text = map[verb]string{
			reports: fmt.Sprintf("sends report %d of those that wait", m.nth+1), reportsAll: "sends all reports that wait",
			beats: "sends its heartbeat", polls: "asks for a dispatch",
		}[m.verb]
		return host, fmt.Sprintf("%s to %s %s", text, plane, fateNames[m.fate])
	case arrives:
		f := s.flight[m.nth]
		if f.answer {
			return "network", fmt.Sprintf("brings the answer to a %s to %s", whatNames[f.what], s.hosts[f.host].name)
		}
		return "network", fmt.Sprintf("brings a %s of %s to %s", whatNames[f.what], s.hosts[f.host].name, s.planes[f.plane].name)
	case agentDoomed:
		return host, fmt.Sprintf("is going to be killed before action %d of its next step", m.nth)
	case clockJumps:
		return host, fmt.Sprintf("has its clock set by %d s", jumps[m.nth]/1000)
	case planeJumps:
		return plane, fmt.Sprintf("has its clock set by %d s", jumps[m.nth]/1000)
	case switchEnds, rollbackEnds, bootsStaged, probesPass, ticks, agentStarts, heals, switchFails, switchDefers,
		switchKills, rollbackKills, probesFail, agentKilled, reboots, rebootsOld, installedAnew, cutOff:
		return host, verbs[m.verb]
	case planeStarts, planeLoads, planeGoesOn, planeFollows, planeKilled:
		return plane, verbs[m.verb]
	}
	return "world", verbs[m.verb]
}

var verbs = [...]string{
	planeStarts: "starts", planeLoads: "loads the newest manifest", planeGoesOn: "goes on with its commit",
	planeFollows: "looks at what others stored", agentStarts: "starts its agent",
	switchEnds: "runs the target", rollbackEnds: "is rolled back", bootsStaged: "boots what was staged",
	probesPass: "passes its probes", ticks: "does what is due", heals: "reaches the control plane again",
	allRests: "goes on undisturbed until nothing is left to do at this moment",
	goesBack: "puts the database back to what was kept aside", minutePasses: "lets a cycle pass",

	switchFails: "fails to switch", switchDefers: "stages the target for the next boot",
	switchKills: "runs the target, and its agent is killed by it", rollbackKills: "is rolled back, and its agent is killed by it",
	probesFail: "fails its probes", agentKilled: "loses its agent", reboots: "reboots into what it runs",
	rebootsOld: "reboots into what it ran before", installedAnew: "is installed anew", cutOff: "is cut off",
	planeKilled: "is killed", wiped: "wipes the database", keptAside: "keeps a copy of the database aside",
	published: "replaces the manifest", cleared: "has an operator clear a quarantine",
	resumed: "has an operator resume a halted rollout", longSilence: "lets ten minutes pass",
}

// moves lists what can happen next, in an order that depends on nothing but
// the world.
func (s *small) moves() []move {
	out := make([]move, 0, 96)
	add := func(m move) { out = append(out, m) }
	for i := range s.planes {
		s.planeMoves(int8(i), add)
	}
	for i := range s.hosts {
		s.hostMoves(int8(i), add)
	}
	for i := range s.flight {
		if f := &s.flight[i]; f.answer || s.room(f.plane) {
			add(move{verb: arrives, nth: int8(i)})
		}
	}
	if s.backup != nil {
		add(move{verb: goesBack})
	}
	if _, busy := s.urgent(); busy {
		add(move{verb: allRests})
	}
	if s.minutes > 0 {
		add(move{verb: minutePasses})
	}
	if s.left == 0 {
		return out
	}
	for i := range s.planes {
		s.planeFaults(int8(i), add)
	}
	for i := range s.hosts {
		s.hostFaults(int8(i), add)
	}
	s.worldFaults(add)
	return out
}

// open reports whether a control plane is in the midst of no round.
func (s *small) open(plane int) bool { return len(s.rounds[plane]) == 0 }

// room reports whether a control plane takes requests. In the midst of a round
// it decides one more, where that does not depend on the first; where it is not
// alone on its store it would have to read that anew in between. One that is down
// refuses them.
func (s *small) room(plane int) bool {
	rounds := s.rounds[plane]
	return len(rounds) == 0 || len(rounds) == 1 && len(s.planes) == 1 && !rounds[0].batch.Alone() && !s.planes[plane].stale
}

func (s *small) planeMoves(i int8, add func(move)) {
	p := s.planes[i]
	switch {
	case !p.up():
		add(move{verb: planeStarts, plane: i})
	case !s.open(int(i)):
		add(move{verb: planeGoesOn, plane: i})
	default:
		if p.loaded != len(s.manifests)-1 {
			add(move{verb: planeLoads, plane: i})
		}
		if u := s.unseen[i]; (u.acts || len(u.keys) > 0) && !p.stale {
			add(move{verb: planeFollows, plane: i})
		}
	}
}

func (s *small) hostMoves(i int8, add func(move)) {
	h, t := s.hosts[i], &s.tasks[i]
	if t.cut {
		add(move{verb: heals, host: i})
	}
	if h.staged.Known() {
		add(move{verb: bootsStaged, host: i})
	}
	if !h.up {
		add(move{verb: agentStarts, host: i})
		return
	}
	if t.switching.Known() {
		add(move{verb: switchEnds, host: i})
	}
	if t.rolling.Known() {
		add(move{verb: rollbackEnds, host: i})
	}
	if t.probing.Known() {
		add(move{verb: probesPass, host: i})
	}
	if t.jumped || h.machine.Wake() <= h.at() {
		add(move{verb: ticks, host: i})
	}
	s.requests(i, fine, add)
}

// requests lists the requests that a host's agent can make, with a fate.
func (s *small) requests(i int8, f fate, add func(move)) {
	h, t := s.hosts[i], &s.tasks[i]
	for p := range s.planes {
		if !s.room(p) || f != fine && (!s.open(p) || !s.planes[p].up()) {
			continue
		}
		to := int8(p)
		if t.beats {
			add(move{verb: beats, host: i, plane: to, fate: f})
		}
		for n := range t.sends {
			add(move{verb: reports, host: i, plane: to, nth: int8(n), fate: f})
		}
		if len(t.sends) > 0 && f == fine {
			add(move{verb: reportsAll, host: i, plane: to})
		}
		if !h.machine.Busy() && f != lost && f != doubled && f != answerDoubled && s.planes[p].up() {
			add(move{verb: polls, host: i, plane: to, fate: f})
		}
	}
}

func (s *small) planeFaults(i int8, add func(move)) {
	if s.planes[i].up() {
		add(move{verb: planeKilled, plane: i})
	}
	for n := range jumps {
		add(move{verb: planeJumps, plane: i, nth: int8(n)})
	}
}

func (s *small) hostFaults(i int8, add func(move)) {
	h, t := s.hosts[i], &s.tasks[i]
	add(move{verb: reboots, host: i})
	if h.last.Known() && !h.last.Is(h.runs) {
		add(move{verb: rebootsOld, host: i})
	}
	add(move{verb: installedAnew, host: i})
	for n := range jumps {
		add(move{verb: clockJumps, host: i, nth: int8(n)})
	}
	if !t.cut {
		add(move{verb: cutOff, host: i})
	}
	if !h.up {
		return
	}
	add(move{verb: agentKilled, host: i})
	for n := int8(1); n <= 3 && t.doomed == 0; n++ {
		add(move{verb: agentDoomed, host: i, nth: n})
	}
	if t.switching.Known() {
		for _, v := range []verb{switchFails, switchDefers, switchKills} {
			add(move{verb: v, host: i})
		}
	}
	if t.rolling.Known() {
		add(move{verb: rollbackKills, host: i})
	}
	if t.probing.Known() {
		add(move{verb: probesFail, host: i})
	}
	if t.cut {
		return
	}
	for f := fine + 1; f < fates; f++ {
		if f == torn && len(s.planes) == 1 {
			continue // the one control plane goes down with it: it is killed before its commit
		}
		if carries := f == delayed || f == answerDelayed || f == doubled || f == answerDoubled; carries && len(s.flight) >= flightMost {
			continue
		}
		s.requests(i, f, add)
	}
}

func (s *small) worldFaults(add func(move)) {
	if len(s.checks.fleet.Openings) > 0 {
		add(move{verb: wiped})
		if s.backup == nil {
			add(move{verb: keptAside})
		}
	}
	if len(s.manifests) == 1 {
		add(move{verb: published})
	}
	for i, p := range s.planes {
		if !p.up() || !p.core.Ready() || p.stale || !s.open(i) {
			continue
		}
		if len(s.checks.fleet.Quarantines) > 0 {
			add(move{verb: cleared, plane: int8(i)})
		}
		if len(s.halted()) > 0 {
			add(move{verb: resumed, plane: int8(i)})
		}
	}
	add(move{verb: longSilence})
}

// halted lists the rollouts of the newest manifest in which a host failed.
func (s *small) halted() (ids []states.Rollout) {
	plan := s.newest()
	for _, ph := range plan.Hosts {
		if rec := s.checks.record(plan, ph); rec.State == states.Failed || rec.State == states.Reverted {
			ids = append(ids, rec.Rollout)
		}
	}
	return ids
}
