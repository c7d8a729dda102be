package sim

import (
	"context"
	"encoding/binary"
	"hash/crc32"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/states"
)

// disk is a file of frames: a length, a checksum, and what one call stored.
// Bytes behind synced may or may not be there after a crash.
type disk struct {
	data   []byte
	synced int
	ends   []int // of the frames that are synced
}

const frameHeader = 8

// write appends a frame that is not synced yet.
func (d *disk) write(payload []byte) {
	var header [frameHeader]byte
	binary.LittleEndian.PutUint32(header[:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(header[4:], crc32.ChecksumIEEE(payload))
	d.data = append(append(d.data, header[:]...), payload...)
}

func (d *disk) sync() {
	d.synced = len(d.data)
	d.ends = append(d.ends, d.synced)
}

// crash loses what was not synced, but for its first bytes.
func (d *disk) crash(keep int) {
	d.data = d.data[:min(len(d.data), d.synced+keep)]
}

// truncate goes back to the moment after so many frames.
func (d *disk) truncate(frames int) {
	d.ends = d.ends[:frames]
	d.synced = 0
	if frames > 0 {
		d.synced = d.ends[frames-1]
	}
	d.data = d.data[:d.synced]
}

// frames yields the payloads that are whole, and forgets a torn tail.
func (d *disk) frames() (payloads [][]byte) {
	at := 0
	d.ends = d.ends[:0]
	for at+frameHeader <= len(d.data) {
		n := int(binary.LittleEndian.Uint32(d.data[at:]))
		sum := binary.LittleEndian.Uint32(d.data[at+4:])
		end := at + frameHeader + n
		if end > len(d.data) || crc32.ChecksumIEEE(d.data[at+frameHeader:end]) != sum {
			break
		}
		payloads = append(payloads, d.data[at+frameHeader:end])
		d.ends = append(d.ends, end)
		at = end
	}
	d.data, d.synced = d.data[:at], at
	return payloads
}

// store is a store on a disk, with an index in memory, as the real ones are.
type store struct {
	*memory.Store
	disk *disk

	// touched lists, call by call, what was changed, for those who follow the
	// changes of other writers; an empty list is an act, or a pruning.
	touched [][]states.Key

	buf []byte
}

// Bytes in front of what one call stored.
const (
	frameOfActs    = 'a'
	frameOfChanges = 'c'
	frameOfPruning = 'p'
)

// openStore reads a disk.
func openStore(d *disk) (*store, error) {
	s := &store{Store: memory.New(), disk: d}
	ctx := context.Background()
	for _, payload := range d.frames() {
		keys, err := s.again(ctx, payload[0], payload[1:])
		if err != nil {
			return nil, err
		}
		s.touched = append(s.touched, keys)
	}
	return s, nil
}

// again does what a frame says. It returns the records that it changes, none
// where it is no commit.
func (s *store) again(ctx context.Context, frame byte, payload []byte) ([]states.Key, error) {
	switch frame {
	case frameOfActs:
		acts, err := decodeActs(payload)
		if err != nil {
			return nil, err
		}
		return nil, s.Store.Enact(ctx, acts)
	case frameOfPruning:
		p, err := decodePruning(payload)
		if err != nil {
			return nil, err
		}
		_, err = s.Store.Prune(ctx, p)
		return nil, err
	}
	changes, err := decodeChanges(payload)
	if err != nil {
		return nil, err
	}
	_, err = s.Store.Commit(ctx, changes)
	return keysOf(changes), err
}

func keysOf(changes []adapters.Change) []states.Key {
	keys := make([]states.Key, len(changes))
	for i := range changes {
		keys[i] = changes[i].Record.Key
	}
	return keys
}

// Enact implements [adapters.Store].
func (s *store) Enact(ctx context.Context, acts []adapters.Act) error {
	if err := s.Store.Enact(ctx, acts); err != nil {
		return err
	}
	payload, err := appendActs([]byte{frameOfActs}, acts)
	if err != nil {
		return err
	}
	s.disk.write(payload)
	s.disk.sync()
	s.touched = append(s.touched, nil)
	return nil
}

// Prune implements [adapters.Pruner].
func (s *store) Prune(ctx context.Context, p adapters.Pruning) (adapters.Pruned, error) {
	done, err := s.Store.Prune(ctx, p)
	if err != nil {
		return done, err
	}
	s.disk.write(appendPruning([]byte{frameOfPruning}, p))
	s.disk.sync()
	s.touched = append(s.touched, nil)
	return done, nil
}

// Commit implements [adapters.Store]. What is stored is written, not synced.
func (s *store) Commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	results, err := s.Store.Commit(ctx, changes)
	if err != nil {
		return nil, err
	}
	s.buf = append(s.buf[:0], frameOfChanges)
	var keys []states.Key
	for i := range changes {
		if results[i].Err != nil {
			continue
		}
		closes := byte(0)
		if changes[i].Closes {
			closes = 1
		}
		encoded, err := codec.AppendChange(nil, &changes[i])
		if err != nil {
			return nil, err
		}
		s.buf = append(s.buf, closes)
		s.buf = binary.AppendUvarint(s.buf, uint64(len(encoded)))
		s.buf = append(s.buf, encoded...)
		keys = append(keys, changes[i].Record.Key)
	}
	if len(keys) > 0 {
		s.disk.write(s.buf)
		s.touched = append(s.touched, keys)
	}
	return results, nil
}

func decodeChanges(in []byte) (changes []adapters.Change, err error) {
	for len(in) > 0 {
		closes := in[0] == 1
		n, width := binary.Uvarint(in[1:])
		from := 1 + width
		rec, effects, err := codec.DecodeChange(in[from : from+int(n)])
		if err != nil {
			return nil, err
		}
		changes = append(changes, adapters.Change{
			Expect: rec.Revision - states.Revision(len(effects)),
			Closes: closes, Record: rec, Effects: effects,
		})
		in = in[from+int(n):]
	}
	return changes, nil
}
