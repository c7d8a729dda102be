package sim

import (
	"fmt"

	"github.com/rollmend/rollmend/proptest/internal/graph"
	"github.com/rollmend/rollmend/states"
)

// life is a way of making one move after the other without choosing.
type life struct {
	name string
	turn func(move) move // what happens instead of a move
	made func(move)      // is told of every move
}

// lives are those from whose every moment a walk begins: one in which all goes
// well, and those in which the first host does not.
var lives = []life{
	{name: "well"},
	{name: "deferred", turn: instead(switchEnds, switchDefers)},
	{name: "switch-fails", turn: instead(switchEnds, switchFails)},
	{name: "unwell", turn: instead(probesPass, probesFail)},
}

// instead lets something else happen to the first host.
func instead(of, what verb) func(move) move {
	return func(m move) move {
		if m.verb == of && m.host == 0 {
			m.verb = what
		}
		return m
	}
}

const (
	lifeCycles = 16   // bounds a life
	plenty     = 1000 // faults and cycles of which a life may use as many as it needs
)

// live leads a life from an empty world to its end, and returns its moves.
func (l life) live(k *kind, f *seams, g *graph.Plan) ([]move, error) {
	var moves []move
	s := newSmall(k, f, g)
	s.left, s.minutes = plenty, plenty
	l.made = func(m move) { moves = append(moves, m) }
	for range lifeCycles {
		s.rest(l)
		if s.violated != nil {
			return moves, s.violated
		}
		if s.ended() {
			break
		}
		m := move{verb: minutePasses}
		s.play(m)
		l.made(m)
	}
	return moves, nil
}

// ended reports whether nothing more comes of a life: all hosts are done, or
// one of them is bad, which holds whoever is left.
func (s *small) ended() bool {
	plan := s.newest()
	done := true
	for _, ph := range plan.Hosts {
		switch rec := s.checks.record(plan, ph); rec.State {
		case states.Reverted:
			return true
		case states.Failed:
			return rec.Applied() == states.Halt
		case states.Converged:
		default:
			done = false
		}
	}
	return done
}

// beginning is a moment of a life.
type beginning struct {
	life  int
	after int // so many of its moves
}

func (b beginning) String() string { return fmt.Sprintf("%s/%d", lives[b.life].name, b.after) }
