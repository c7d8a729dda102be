package codec

import (
	"hash/maphash"

	"github.com/rollmend/rollmend/states"
)

// Skimmer reads the records of many changes, one after the other: [Skimmer.Key]
// begins one, and the other methods go on with it. Names that come again and
// again are made once, so that a million records leave hardly any garbage. The
// zero Skimmer is ready. It is not safe for concurrent use.
type Skimmer struct {
	r      reader
	names  names
	room   room
	rec    states.Record
	begun  place // behind the revision
	shared int   // where the host stands among the texts that may come again, plus 1; 0: nowhere
}

// place is how far a reader is.
type place struct{ at, n int }

// Key reads whose record a change holds, and the record's revision, like
// [DecodeChangedKey]. The host is a part of in, which is to be left as it is
// until the record was read. The error is an [*Error].
func (s *Skimmer) Key(in []byte) (states.Rollout, []byte, states.Revision, error) {
	s.r = reader{names: &s.names}
	s.r.beginChange(in)
	s.rec = states.Record{}
	s.rec.Rollout = s.r.rollout()
	before := s.r.n
	host := s.r.text()
	if s.shared = 0; s.r.n > before {
		s.shared = s.r.n
	}
	s.rec.Revision = states.Revision(s.r.uint())
	if s.r.err != nil {
		return states.Rollout{}, nil, 0, s.r.err
	}
	s.begun = place{s.r.at, s.r.n}
	return s.rec.Rollout, host, s.rec.Revision, nil
}

// Borrow reads the record itself, of the host that [Skimmer.Key] named. All of
// it is the Skimmer's own, and true until the next call: whoever keeps it takes
// it from [Skimmer.Record]. Who looks at no names may leave the host empty. The
// error is an [*Error]; what follows the record is not looked at.
func (s *Skimmer) Borrow(host states.Host) (*states.Record, error) {
	s.room.probes, s.r.room = s.room.probes[:0], &s.room
	return s.read(host)
}

// Record is [Skimmer.Borrow] for whoever keeps the record.
func (s *Skimmer) Record(host states.Host) (states.Record, error) {
	s.r.room = nil
	rec, err := s.read(host)
	if err != nil {
		return states.Record{}, err
	}
	return *rec, nil
}

func (s *Skimmer) read(host states.Host) (*states.Record, error) {
	r := &s.r
	r.at, r.n, r.last, r.observed, r.err = s.begun.at, s.begun.n, 0, states.Observation{}, nil
	if s.shared > 0 {
		r.shared[s.shared-1] = string(host)
	}
	key := states.Key{Rollout: s.rec.Rollout, Host: host}
	s.rec = states.Record{Key: key, Revision: s.rec.Revision}
	r.recordBody(&s.rec)
	if r.err != nil {
		return nil, r.err
	}
	return &s.rec, nil
}

// room is where a reader puts what a record points to, one record after the
// other.
type room struct {
	doubt   states.Doubt
	guesses [states.MaxGuesses]states.Guess
	probes  []states.Probe
}

func (m *room) newDoubt() *states.Doubt {
	if m == nil {
		return &states.Doubt{}
	}
	m.doubt = states.Doubt{}
	return &m.doubt
}

func (m *room) newGuesses(n int) []states.Guess {
	if m == nil {
		return make([]states.Guess, n)
	}
	return m.guesses[:n]
}

// newProbes makes room behind the probes that the record has already: it may have
// some before its guesses, and some now.
func (m *room) newProbes(n int) states.Probes {
	if m == nil {
		return make(states.Probes, n)
	}
	from := len(m.probes)
	for range n {
		m.probes = append(m.probes, states.Probe{})
	}
	return m.probes[from:]
}

// names gives back a text that was read shortly before, instead of making it
// anew: channels, refs, closures and probes of a fleet are few.
type names struct {
	seed  maphash.Seed
	begun bool
	known [namesMost][namesBeside]string // by hash; the newest first
}

// How many texts are remembered: far more than a fleet mostly has at a time, and
// few enough to stay in the processor's cache. So many of one hash that they
// would drive each other out do not come together.
const (
	namesMost   = 128
	namesBeside = 4
)

func (m *names) of(text []byte) string {
	if !m.begun {
		m.seed, m.begun = maphash.MakeSeed(), true
	}
	known := &m.known[maphash.Bytes(m.seed, text)%namesMost]
	for _, s := range known {
		if s == string(text) {
			return s
		}
	}
	copy(known[1:], known[:])
	known[0] = string(text)
	return known[0]
}
