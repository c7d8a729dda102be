package sim

import (
	"encoding/binary"
	"fmt"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/internal/codec"
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
