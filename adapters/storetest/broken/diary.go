package broken

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// fault is what is wrong with a diary. It stands in the place's name.
type fault string

const (
	faultNone    fault = "none"
	faultLoses   fault = "loses"   // a call is written when the next one comes
	faultEarly   fault = "early"   // a commit is done after it was answered
	faultApart   fault = "apart"   // the log is written behind the records, and half is believed
	faultTorn    fault = "torn"    // what a kill cut short is appended to
	faultForgets fault = "forgets" // nothing is written
)

// The crash points of a diary.
const (
	inTheMiddle         = "in the middle of a write"
	betweenRecordAndLog = "between record and log"
)

// diary is a small durable store: a file of the calls that were stored, each
// one after the other, and a store in memory that made them all. A call stands
// in two parts, the records and the log; one without its second part was not
// stored, unless the diary has its fault there.
type diary struct {
	adapters.Store
	fault fault
	reach func(point string)

	mu      sync.Mutex
	file    *os.File
	late    []part                            // not written yet
	missing map[states.Key][2]states.Revision // logs that are short, from and to
}

// part is a piece of the file: its kind, and what it holds.
type part struct {
	kind byte
	data []byte
}

const (
	kindCommit = 'c' // the changes of a batch that were stored
	kindEnact  = 'e'
	kindLog    = 'l' // the part before it is whole
)

// open opens the diary at path, with its fault around it or in it. reach is
// told of its crash points.
func open(ctx context.Context, path string, with fault, reach func(string)) (adapters.Store, error) {
	d, err := openDiary(ctx, path, with, reach)
	if err != nil || with != faultEarly {
		return d, err
	}
	return AcknowledgesEarly(d), nil
}

func openDiary(ctx context.Context, path string, with fault, reach func(string)) (*diary, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	d := &diary{Store: memory.New(), fault: with, reach: reach, file: file, missing: make(map[states.Key][2]states.Revision)}
	whole, err := d.replay(ctx)
	if err == nil && with != faultTorn {
		err = file.Truncate(whole)
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekEnd)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return d, nil
}

// Close closes the file.
func (d *diary) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.file.Close()
}

// replay makes the calls that the file holds, and returns where the last whole
// one ends.
func (d *diary) replay(ctx context.Context) (whole int64, err error) {
	in := bufio.NewReader(d.file)
	var at int64
	var before *part
	for {
		p, err := readPart(in)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return 0, err
		}
		at += int64(headSize + len(p.data))
		if p.kind != kindLog {
			before = &p
			continue
		}
		if before == nil {
			return 0, fmt.Errorf("broken: the diary has a log without records at %d", at)
		}
		if err := d.make(ctx, *before); err != nil {
			return 0, err
		}
		before, whole = nil, at
	}
	if before != nil && d.fault == faultApart {
		// It believes the records, and never notices that their log is missing.
		if before.kind == kindCommit {
			for _, c := range decodeChanges(before.data) {
				d.missing[c.Record.Key] = [2]states.Revision{c.Expect, c.Record.Revision}
			}
		}
		return at, d.make(ctx, *before)
	}
	return whole, nil
}

func (d *diary) make(ctx context.Context, p part) error {
	if p.kind == kindEnact {
		return d.Store.Enact(ctx, decodeActs(p.data))
	}
	results, err := d.Store.Commit(ctx, decodeChanges(p.data))
	for _, r := range results {
		err = errors.Join(err, r.Err)
	}
	return err
}

// Commit implements adapters.Store.
func (d *diary) Commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	results, err := d.Store.Commit(ctx, changes)
	if err != nil {
		return nil, err
	}
	var stored []adapters.Change
	for i, r := range results {
		if r.Err == nil {
			stored = append(stored, changes[i])
		}
	}
	if len(stored) == 0 {
		return results, nil
	}
	data, err := encodeChanges(stored)
	if err != nil {
		return nil, err
	}
	return results, d.write(part{kindCommit, data})
}

// Enact implements adapters.Store.
func (d *diary) Enact(ctx context.Context, acts []adapters.Act) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.Store.Enact(ctx, acts); err != nil {
		return err
	}
	data, err := encodeActs(acts)
	if err != nil {
		return err
	}
	return d.write(part{kindEnact, data})
}

// Log implements adapters.Store.
func (d *diary) Log(ctx context.Context, key states.Key) ([]reducer.LogEntry, error) {
	log, err := d.Store.Log(ctx, key)
	if gap, short := d.missing[key]; short && err == nil {
		log = append(log[:gap[0]+1:gap[0]+1], log[gap[1]+1:]...)
	}
	return log, err
}

// write writes a call, with what the fault does to that.
func (d *diary) write(p part) error {
	switch d.fault {
	case faultForgets:
		return nil
	case faultLoses:
		late := d.late
		d.late = []part{p}
		for _, p := range late {
			if err := d.append(p); err != nil {
				return err
			}
		}
		return nil
	}
	return d.append(p)
}

func (d *diary) append(p part) error {
	text := p.encoded()
	half := len(text) / 2
	if _, err := d.file.Write(text[:half]); err != nil {
		return err
	}
	d.reach(inTheMiddle)
	if _, err := d.file.Write(text[half:]); err != nil {
		return err
	}
	d.reach(betweenRecordAndLog)
	_, err := d.file.Write(part{kind: kindLog}.encoded())
	return err
}

// headSize is that of a part's kind and its length.
const headSize = 5

func (p part) encoded() []byte {
	head := append([]byte{p.kind}, make([]byte, 4)...)
	binary.BigEndian.PutUint32(head[1:], uint32(len(p.data)))
	return append(head, p.data...)
}

func readPart(in io.Reader) (part, error) {
	var head [headSize]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return part{}, err
	}
	p := part{kind: head[0], data: make([]byte, binary.BigEndian.Uint32(head[1:]))}
	_, err := io.ReadFull(in, p.data)
	return p, err
}

// piece is a value with its length in front.
func piece(to, value []byte) []byte {
	to = binary.BigEndian.AppendUint32(to, uint32(len(value)))
	return append(to, value...)
}

// pieces cuts what piece put together.
func pieces(data []byte) (out [][]byte) {
	for len(data) > 4 {
		n := binary.BigEndian.Uint32(data)
		out = append(out, data[4:4+n])
		data = data[4+n:]
	}
	return out
}

func encodeChanges(changes []adapters.Change) (data []byte, err error) {
	for i := range changes {
		one := []byte{0}
		if changes[i].Closes {
			one[0] = 1
		}
		if one, err = codec.AppendChange(one, &changes[i]); err != nil {
			return nil, err
		}
		data = piece(data, one)
	}
	return data, nil
}

// decodeChanges decodes what encodeChanges made. What it cannot read becomes a
// change that conflicts, so that replaying it fails.
func decodeChanges(data []byte) (out []adapters.Change) {
	for _, one := range pieces(data) {
		rec, effects, err := codec.DecodeChange(one[1:])
		if err != nil {
			rec = states.Record{}
		}
		out = append(out, adapters.Change{
			Expect: rec.Revision - states.Revision(len(effects)), Closes: one[0] == 1, Record: rec, Effects: effects,
		})
	}
	return out
}

func encodeActs(acts []adapters.Act) (data []byte, err error) {
	for _, act := range acts {
		var one []byte
		switch a := act.(type) {
		case adapters.Opening:
			if one, err = codec.AppendOpening([]byte{'o'}, &a); err != nil {
				return nil, err
			}
		case adapters.Resumption:
			one = codec.AppendResumption([]byte{'r'}, &a)
		case adapters.Imposition:
			one = codec.AppendImposition([]byte{'i'}, &a)
		case adapters.Clearance:
			one = codec.AppendClearance([]byte{'c'}, &a)
		}
		data = piece(data, one)
	}
	return data, nil
}

// decodeActs decodes what encodeActs made. What it cannot read becomes an act
// that no store knows, so that replaying it fails.
func decodeActs(data []byte) (out []adapters.Act) {
	for _, one := range pieces(data) {
		var act adapters.Act
		var err error
		switch one[0] {
		case 'o':
			act, err = codec.DecodeOpening(one[1:])
		case 'r':
			act, err = codec.DecodeResumption(one[1:])
		case 'i':
			act, err = codec.DecodeImposition(one[1:])
		case 'c':
			act, err = codec.DecodeClearance(one[1:])
		}
		if err != nil {
			act = nil
		}
		out = append(out, act)
	}
	return out
}
