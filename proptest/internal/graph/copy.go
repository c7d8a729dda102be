package graph

import (
	"reflect"
	"unsafe"
)

// Copy returns a copy of what v points to that shares nothing with it but what
// the plan says may be shared. Pointers to one value become pointers to one
// copy; slices over one array become slices over two. It panics where there is
// a function or a channel that is not nil.
func Copy[T any](p *Plan, v *T) *T {
	c := copier{plan: p, known: map[place]unsafe.Pointer{}}
	return (*T)(c.pointee(p.of(reflect.TypeFor[T]()), unsafe.Pointer(v)))
}

// place is a value: its address alone does not name it, since the first field
// of a struct has the same.
type place struct {
	at  unsafe.Pointer
	typ *node
}

type copier struct {
	plan  *Plan
	known map[place]unsafe.Pointer // the copies so far
}

// pointee copies what a pointer points to, once.
func (c *copier) pointee(n *node, old unsafe.Pointer) unsafe.Pointer {
	if done, ok := c.known[place{old, n}]; ok {
		return done
	}
	fresh := reflect.New(n.typ)
	fresh.Elem().Set(reflect.NewAt(n.typ, old).Elem())
	at := fresh.UnsafePointer()
	c.known[place{old, n}] = at
	c.part(n, at)
	return at
}

// part parts a copy of the memory of a value from what it was copied from.
func (c *copier) part(n *node, at unsafe.Pointer) {
	if n.plain {
		return
	}
	switch n.kind {
	case reflect.Struct:
		for i := range n.fields {
			f := &n.fields[i]
			if !f.plain {
				c.part(f.node, unsafe.Add(at, f.offset))
			}
		}
	case reflect.Array:
		for i := range n.typ.Len() {
			c.part(n.elem, unsafe.Add(at, uintptr(i)*n.elem.size))
		}
	case reflect.Pointer:
		to := (*unsafe.Pointer)(at)
		if *to != nil && !c.plan.shared[n.elem.typ] {
			*to = c.pointee(n.elem, *to)
		}
	case reflect.Slice:
		c.slice(n, at)
	case reflect.Map:
		c.entries(n, at)
	case reflect.Interface:
		c.boxed(n, at)
	default:
		if !reflect.NewAt(n.typ, at).Elem().IsZero() {
			panic(n.hidden())
		}
	}
}

func (c *copier) slice(n *node, at unsafe.Pointer) {
	v := reflect.NewAt(n.typ, at).Elem()
	if v.IsNil() {
		return
	}
	fresh := reflect.MakeSlice(n.typ, v.Len(), v.Len())
	reflect.Copy(fresh, v)
	v.Set(fresh)
	if n.elem.plain {
		return
	}
	first := fresh.UnsafePointer()
	for i := range fresh.Len() {
		c.part(n.elem, unsafe.Add(first, uintptr(i)*n.elem.size))
	}
}

func (c *copier) entries(n *node, at unsafe.Pointer) {
	v := reflect.NewAt(n.typ, at).Elem()
	if v.IsNil() {
		return
	}
	if !n.key.plain {
		panic("graph: the keys of a " + n.typ.String() + " refer to something")
	}
	fresh := reflect.MakeMapWithSize(n.typ, v.Len())
	key, elem := reflect.New(n.key.typ).Elem(), reflect.New(n.elem.typ)
	for it := v.MapRange(); it.Next(); {
		key.SetIterKey(it)
		elem.Elem().SetIterValue(it)
		c.part(n.elem, elem.UnsafePointer())
		fresh.SetMapIndex(key, elem.Elem())
	}
	v.Set(fresh)
}

// boxed copies what an interface points to. A value in an interface is never
// written to as a whole; one that is not a pointer is shared.
func (c *copier) boxed(n *node, at unsafe.Pointer) {
	v := reflect.NewAt(n.typ, at).Elem()
	if v.IsNil() || v.Elem().Kind() != reflect.Pointer || v.Elem().IsNil() {
		return
	}
	inside := v.Elem()
	to := inside.Type().Elem()
	if c.plan.shared[to] {
		return
	}
	v.Set(reflect.NewAt(to, c.pointee(c.plan.of(to), inside.UnsafePointer())))
}
