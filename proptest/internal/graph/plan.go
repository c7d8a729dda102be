package graph

import (
	"fmt"
	"reflect"
	"slices"
)

// Plan says how types are treated. It is made once, is then only used, and is
// not safe for concurrent use, because it learns types as they come.
type Plan struct {
	shared map[reflect.Type]bool
	left   map[string]bool // type.field; true once it was met
	nodes  map[reflect.Type]*node
}

// New returns a plan that copies and writes everything.
func New() *Plan {
	return &Plan{
		shared: map[reflect.Type]bool{},
		left:   map[string]bool{},
		nodes:  map[reflect.Type]*node{},
	}
}

// Share says that nothing that is reached through a value of T's own references
// is ever written to: copies share it.
func Share[T any](p *Plan) { p.shared[reflect.TypeFor[T]()] = true }

// Leave says that fields of T do not tell states apart: they are copied, and
// not written down. It panics where T has no such field, so that a plan cannot
// outlive what it was made for.
func Leave[T any](p *Plan, fields ...string) {
	t := reflect.TypeFor[T]()
	for _, name := range fields {
		if _, ok := t.FieldByName(name); !ok {
			panic(fmt.Sprintf("graph: %s has no field %s to leave out", t, name))
		}
		p.left[t.String()+"."+name] = true
	}
}

// LeaveIn does what [Leave] does for a type that cannot be named from outside,
// such as "engine.slot". Whether it has the fields shows only when it is met;
// see [Plan.Unmet].
func (p *Plan) LeaveIn(typ string, fields ...string) {
	for _, name := range fields {
		p.left[typ+"."+name] = false
	}
}

// Unmet lists what is left out and was not met in any value yet.
func (p *Plan) Unmet() []string {
	var unmet []string
	for name, met := range p.left {
		if !met {
			unmet = append(unmet, name)
		}
	}
	slices.Sort(unmet)
	return unmet
}

// node is what is known of a type.
type node struct {
	typ    reflect.Type
	kind   reflect.Kind
	size   uintptr
	plain  bool // a copy of its memory is a copy of it
	fields []field
	elem   *node // of a pointer, a slice, an array or a map
	key    *node // of a map
}

type field struct {
	*node
	offset uintptr
	left   bool
}

// of returns what is known of a type, and learns it first where it must.
func (p *Plan) of(t reflect.Type) *node {
	if n, ok := p.nodes[t]; ok {
		return n
	}
	n := &node{typ: t, kind: t.Kind(), size: t.Size()}
	p.nodes[t] = n // before its parts are learned, which may lead back to it
	n.plain = p.shared[t]
	switch n.kind {
	case reflect.Struct:
		plain := true
		for i := range t.NumField() {
			f := t.Field(i)
			_, left := p.left[t.String()+"."+f.Name]
			if left {
				p.left[t.String()+"."+f.Name] = true
			}
			part := field{node: p.of(f.Type), offset: f.Offset, left: left}
			plain = plain && part.plain
			n.fields = append(n.fields, part)
		}
		n.plain = n.plain || plain
	case reflect.Array:
		n.elem = p.of(t.Elem())
		n.plain = n.plain || n.elem.plain
	case reflect.Pointer, reflect.Slice:
		n.elem = p.of(t.Elem())
	case reflect.Map:
		n.key, n.elem = p.of(t.Key()), p.of(t.Elem())
	case reflect.Interface, reflect.Func, reflect.Chan, reflect.UnsafePointer, reflect.Uintptr:
	default:
		n.plain = true
	}
	return n
}

// hidden is the panic of a value that has something in it that can be neither
// copied nor written down.
func (n *node) hidden() string {
	return fmt.Sprintf("graph: a %s that is not nil can be neither copied nor written down", n.typ)
}
