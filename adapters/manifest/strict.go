package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// decode reads the document strictly: duplicate names, names in the wrong case
// and values of the wrong type are faults. Names that nobody knows are
// warnings, since the tools that write manifests are now and then newer.
func decode(b []byte, f *findings) (doc document) {
	// The version comes first: a file of another one has other names and types.
	// Being a whole decoding, this also finds all that is no JSON.
	var head struct {
		SchemaVersion *int64 `json:"schemaVersion"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		f.fault(faultOf(err))
		return doc
	}
	if head.SchemaVersion == nil || *head.SchemaVersion != SchemaVersion {
		f.fault("/schemaVersion", versionReason(head.SchemaVersion))
		return doc
	}
	n := names{dec: jsontext.NewDecoder(bytes.NewReader(b)), findings: f, unknown: map[unknownName]*seen{}}
	n.value(reflect.TypeFor[document]())
	n.warn()
	if err := json.Unmarshal(b, &doc); err != nil {
		f.fault(faultOf(err))
	}
	return doc
}

func versionReason(found *int64) string {
	if found == nil {
		return fmt.Sprintf("not given: this version of rollmend reads %d, and does not guess", SchemaVersion)
	}
	return fmt.Sprintf("%d is unknown: this version of rollmend reads %d", *found, SchemaVersion)
}

// faultOf takes the place out of a decoding error.
func faultOf(err error) (path, reason string) {
	var syntactic *jsontext.SyntacticError
	var semantic *json.SemanticError
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName) && errors.As(err, &syntactic):
		return string(syntactic.JSONPointer), "the name stands twice in its object, and only one of them can be meant"
	case errors.As(err, &syntactic):
		return string(syntactic.JSONPointer), fmt.Sprintf("malformed JSON at byte %d: %v", syntactic.ByteOffset, syntactic.Err)
	case errors.As(err, &semantic):
		return string(semantic.JSONPointer), semanticReason(semantic)
	}
	return "", err.Error()
}

func semanticReason(e *json.SemanticError) string {
	reason := "want " + wants(e.GoType)
	switch {
	case len(e.JSONValue) > 0:
		reason += ", found " + string(e.JSONValue)
	case e.JSONKind == '[':
		reason += ", found a list"
	case e.JSONKind == '{':
		reason += ", found an object"
	default:
		reason += ", found a " + e.JSONKind.String()
	}
	if e.Err != nil {
		reason += ": " + e.Err.Error()
	}
	return reason
}

// wants says in JSON's words what a Go type is read from.
func wants(t reflect.Type) string {
	switch {
	case t == nil:
		return "another value"
	case t == reflect.TypeFor[time.Time]():
		return "an RFC 3339 time"
	}
	switch t.Kind() {
	case reflect.Int64:
		return "a whole number"
	case reflect.Slice:
		return "a list"
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	}
	return "an object"
}

// names walks the file beside the types that it is decoded into and looks at
// every name.
type names struct {
	*findings
	dec     *jsontext.Decoder
	unknown map[unknownName]*seen
	order   []unknownName
}

// unknownName is an unknown name by the kind of object that it stands in, so
// that one in each of a thousand hosts is one warning.
type unknownName struct {
	in   reflect.Type
	name string
}

type seen struct {
	path  string // of the first
	times int
}

// value walks one value of a file that is known to be JSON.
func (n *names) value(t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	kind := n.dec.PeekKind()
	switch {
	case kind == '{' && t.Kind() == reflect.Struct:
		n.members(func(name string) (reflect.Type, bool) { return n.field(t, name) })
	case kind == '{' && t.Kind() == reflect.Map:
		n.members(func(string) (reflect.Type, bool) { return t.Elem(), true })
	case kind == '[' && t.Kind() == reflect.Slice:
		_, _ = n.dec.ReadToken()
		for n.dec.PeekKind() != ']' {
			n.value(t.Elem())
		}
		_, _ = n.dec.ReadToken()
	default:
		// A value that does not fit its type is told by the decoding proper.
		_ = n.dec.SkipValue()
	}
}

func (n *names) members(typeOf func(name string) (reflect.Type, bool)) {
	_, _ = n.dec.ReadToken()
	for n.dec.PeekKind() == '"' {
		name, _ := n.dec.ReadToken()
		if t, ok := typeOf(name.String()); ok {
			n.value(t)
		} else {
			_ = n.dec.SkipValue()
		}
	}
	_, _ = n.dec.ReadToken()
}

// field finds the field that a name is decoded into.
func (n *names) field(t reflect.Type, name string) (reflect.Type, bool) {
	for i := range t.NumField() {
		known := t.Field(i).Tag.Get("json")
		if known == name {
			return t.Field(i).Type, true
		}
		if fold(known) == fold(name) {
			n.fault(string(n.dec.StackPointer()), fmt.Sprintf("names are compared as they are: write %q", known))
			return nil, false
		}
	}
	key := unknownName{t, name}
	if n.unknown[key] == nil {
		n.unknown[key] = &seen{path: string(n.dec.StackPointer())}
		n.order = append(n.order, key)
	}
	n.unknown[key].times++
	return nil, false
}

func (n *names) warn() {
	for _, key := range n.order {
		s := n.unknown[key]
		reason := fmt.Sprintf("unknown name %q: ignored", key.name)
		if s.times > 1 {
			reason = fmt.Sprintf("unknown name %q: ignored, here and %d more times", key.name, s.times-1)
		}
		n.warning(s.path, reason)
	}
}

// fold takes the differences out that hand-written JSON tends to have.
func fold(name string) string { return strings.ToLower(joints.Replace(name)) }

// joints is made once: it costs twenty thousand bytes, and every name of a
// manifest is folded.
var joints = strings.NewReplacer("_", "", "-", "")
