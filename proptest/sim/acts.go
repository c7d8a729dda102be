package sim

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/states"
)

// Bytes in front of an act.
const (
	actOpening    = 'O'
	actResumption = 'R'
	actImposition = 'I'
	actClearance  = 'C'
)

func appendActs(dst []byte, acts []adapters.Act) ([]byte, error) {
	for _, act := range acts {
		tag, encoded, err := encodeAct(act)
		if err != nil {
			return nil, err
		}
		dst = append(dst, tag)
		dst = binary.AppendUvarint(dst, uint64(len(encoded)))
		dst = append(dst, encoded...)
	}
	return dst, nil
}

// appendPruning appends the names of the rollouts that are forgotten.
func appendPruning(dst []byte, p adapters.Pruning) []byte {
	for _, r := range p.Rollouts {
		for _, text := range []string{string(r.Channel), string(r.Ref)} {
			dst = binary.AppendUvarint(dst, uint64(len(text)))
			dst = append(dst, text...)
		}
	}
	return dst
}

func decodePruning(in []byte) (p adapters.Pruning, err error) {
	var texts []string
	for len(in) > 0 {
		n, width := binary.Uvarint(in)
		if width <= 0 || n > uint64(len(in)-width) {
			return p, errors.New("sim: a pruning ends in the midst of a name")
		}
		texts = append(texts, string(in[width:width+int(n)]))
		in = in[width+int(n):]
	}
	for pair := range slices.Chunk(texts, 2) {
		p.Rollouts = append(p.Rollouts, states.Rollout{Channel: states.Channel(pair[0]), Ref: states.Ref(pair[1])})
	}
	return p, nil
}

func encodeAct(act adapters.Act) (tag byte, encoded []byte, err error) {
	switch a := act.(type) {
	case adapters.Opening:
		encoded, err = codec.AppendOpening(nil, &a)
		return actOpening, encoded, err
	case adapters.Resumption:
		return actResumption, codec.AppendResumption(nil, &a), nil
	case adapters.Imposition:
		return actImposition, codec.AppendImposition(nil, &a), nil
	case adapters.Clearance:
		return actClearance, codec.AppendClearance(nil, &a), nil
	}
	return 0, nil, fmt.Errorf("sim: an act of type %T is none of the known ones", act)
}

func decodeActs(in []byte) (acts []adapters.Act, err error) {
	for len(in) > 0 {
		tag := in[0]
		n, width := binary.Uvarint(in[1:])
		from := 1 + width
		act, err := decodeAct(tag, in[from:from+int(n)])
		if err != nil {
			return nil, err
		}
		acts = append(acts, act)
		in = in[from+int(n):]
	}
	return acts, nil
}

func decodeAct(tag byte, in []byte) (adapters.Act, error) {
	switch tag {
	case actOpening:
		return codec.DecodeOpening(in)
	case actResumption:
		return codec.DecodeResumption(in)
	case actImposition:
		return codec.DecodeImposition(in)
	case actClearance:
		return codec.DecodeClearance(in)
	}
	return nil, fmt.Errorf("sim: %q is no act", tag)
}
