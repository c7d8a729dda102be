package graph

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"slices"
	"unsafe"
)

// Append writes what v points to behind dst: the same for values that cannot be
// told apart, whatever the order of their maps and the places of their parts in
// memory. Nil and empty are the same. It panics as [Copy] does.
func Append[T any](p *Plan, dst []byte, v *T) []byte {
	w := writer{plan: p, out: dst, known: map[place]uint64{}}
	n := p.of(reflect.TypeFor[T]())
	w.known[place{unsafe.Pointer(v), n}] = 0
	w.write(n, unsafe.Pointer(v))
	return w.out
}

type writer struct {
	plan  *Plan
	out   []byte
	known map[place]uint64 // the values that pointers have led to, numbered as they came
}

func (w *writer) number(n uint64) { w.out = binary.AppendUvarint(w.out, n) }

func (w *writer) text(s string) {
	w.number(uint64(len(s)))
	w.out = append(w.out, s...)
}

func (w *writer) write(n *node, at unsafe.Pointer) {
	switch n.kind {
	case reflect.Struct:
		for i := range n.fields {
			if f := &n.fields[i]; !f.left {
				w.write(f.node, unsafe.Add(at, f.offset))
			}
		}
	case reflect.Array:
		w.row(n.elem, at, n.typ.Len())
	case reflect.Slice:
		v := reflect.NewAt(n.typ, at).Elem()
		w.number(uint64(v.Len()))
		if n.elem.kind == reflect.Uint8 {
			w.out = append(w.out, v.Bytes()...)
			return
		}
		w.row(n.elem, v.UnsafePointer(), v.Len())
	case reflect.Pointer:
		w.pointee(n.elem, *(*unsafe.Pointer)(at))
	case reflect.Map:
		w.entries(n, at)
	case reflect.Interface:
		w.boxed(n, at)
	case reflect.String:
		w.text(*(*string)(at))
	default:
		w.plain(n, at)
	}
}

func (w *writer) row(elem *node, first unsafe.Pointer, length int) {
	for i := range length {
		w.write(elem, unsafe.Add(first, uintptr(i)*elem.size))
	}
}

func (w *writer) pointee(n *node, at unsafe.Pointer) {
	if at == nil {
		w.number(0)
		return
	}
	nth, seen := w.known[place{at, n}]
	if seen {
		w.number(nth + 2)
		return
	}
	w.known[place{at, n}] = uint64(len(w.known))
	w.number(1)
	w.write(n, at)
}

// entries writes a map in the order of its written keys.
func (w *writer) entries(n *node, at unsafe.Pointer) {
	v := reflect.NewAt(n.typ, at).Elem()
	w.number(uint64(v.Len()))
	if v.Len() == 0 {
		return
	}
	type entry struct {
		key   []byte
		value reflect.Value
	}
	entries := make([]entry, 0, v.Len())
	keys := writer{plan: w.plan, known: w.known}
	key := reflect.New(n.key.typ)
	for it := v.MapRange(); it.Next(); {
		key.Elem().SetIterKey(it)
		from := len(keys.out)
		keys.write(n.key, key.UnsafePointer())
		value := reflect.New(n.elem.typ)
		value.Elem().SetIterValue(it)
		entries = append(entries, entry{keys.out[from:len(keys.out):len(keys.out)], value})
	}
	slices.SortFunc(entries, func(a, b entry) int { return bytes.Compare(a.key, b.key) })
	for _, e := range entries {
		w.out = append(w.out, e.key...)
		w.write(n.elem, e.value.UnsafePointer())
	}
}

func (w *writer) boxed(n *node, at unsafe.Pointer) {
	v := reflect.NewAt(n.typ, at).Elem()
	if v.IsNil() {
		w.number(0)
		return
	}
	inside := v.Elem()
	w.text(inside.Type().String())
	held := w.plan.of(inside.Type())
	if held.kind == reflect.Pointer {
		w.pointee(held.elem, inside.UnsafePointer())
		return
	}
	fresh := reflect.New(held.typ)
	fresh.Elem().Set(inside)
	w.write(held, fresh.UnsafePointer())
}

// plain writes what is neither a text nor made of parts.
func (w *writer) plain(n *node, at unsafe.Pointer) {
	switch n.kind {
	case reflect.Bool, reflect.Uint8, reflect.Int8:
		w.out = append(w.out, *(*byte)(at))
	case reflect.Uint16, reflect.Int16:
		w.number(uint64(*(*uint16)(at)))
	case reflect.Uint32, reflect.Int32, reflect.Float32:
		w.number(uint64(*(*uint32)(at)))
	case reflect.Int:
		w.number(uint64(*(*int)(at)))
	case reflect.Uint:
		w.number(uint64(*(*uint)(at)))
	case reflect.Uint64, reflect.Int64, reflect.Float64:
		w.number(*(*uint64)(at))
	default:
		if !reflect.NewAt(n.typ, at).Elem().IsZero() {
			panic(n.hidden())
		}
	}
}
