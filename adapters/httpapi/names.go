package httpapi

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// ignore looks at the names of a message that has unknown ones. One that only
// is spelt otherwise than a known one is refused; the rest is said and ignored,
// since agents are newer than servers now and then.
func (r reader) ignore(b []byte, t reflect.Type) error {
	n := r.walk(b, t)
	if n.misspelt != nil {
		return n.misspelt
	}
	if r.unknown != nil {
		for _, field := range n.unknown {
			r.unknown(r.message, shown(field))
		}
	}
	return nil
}

// names is a walk over a JSON value beside the type that it is read into.
type names struct {
	reader
	dec      *jsontext.Decoder
	misspelt error    // the first
	unknown  []string // the others
}

// walk walks over b, which was decoded into a t before: it is JSON, and its
// values are of their types.
func (r reader) walk(b []byte, t reflect.Type) *names {
	n := &names{reader: r, dec: jsontext.NewDecoder(bytes.NewReader(b))}
	n.value(t)
	return n
}

func (n *names) value(t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	open := n.dec.PeekKind()
	switch {
	case open == '{' && t.Kind() == reflect.Struct:
		n.members(t)
	case open == '[' && t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
		_, _ = n.dec.ReadToken()
		for n.dec.PeekKind() != ']' {
			n.value(t.Elem())
		}
		_, _ = n.dec.ReadToken()
	default:
		_ = n.dec.SkipValue()
	}
}

func (n *names) members(t reflect.Type) {
	fields := reflect.VisibleFields(t)
	_, _ = n.dec.ReadToken()
	for n.dec.PeekKind() == '"' {
		name, _ := n.dec.ReadToken()
		if f, ok := n.find(fields, name.String()); ok {
			n.value(f)
		} else {
			_ = n.dec.SkipValue()
		}
	}
	_, _ = n.dec.ReadToken()
}

// find returns the type of the field that a name is read into, and takes note
// of the name where there is none.
func (n *names) find(fields []reflect.StructField, name string) (reflect.Type, bool) {
	folded := fold(name)
	for _, f := range fields {
		known := nameOf(f)
		switch {
		case f.Anonymous:
		case known == name:
			return f.Type, true
		case fold(known) == folded:
			if n.misspelt == nil {
				n.misspelt = n.refuse(n.field(n.dec.StackPointer()), fmt.Sprintf("names are compared as they are: write %q", known))
			}
			return nil, false
		}
	}
	n.unknown = append(n.unknown, n.field(n.dec.StackPointer()))
	return nil, false
}

// fold takes the differences out that hand-written names tend to have.
func fold(name string) string { return strings.ToLower(joints.Replace(name)) }

var joints = strings.NewReplacer("_", "", "-", "")
