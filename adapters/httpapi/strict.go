package httpapi

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// MessageError says what is wrong with a message. Nothing of it was taken.
type MessageError struct {
	Message string // which: "heartbeat", "report", "snapshot", ...
	Field   string // where, such as "event.mode"; empty for the whole message
	Reason  string // what is wrong there, and what would be right
}

func (e *MessageError) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("httpapi: %s: %s", e.Message, e.Reason)
	}
	return fmt.Sprintf("httpapi: %s: %s: %s", e.Message, e.Field, e.Reason)
}

// reader reads the JSON of messages. In the structs that it reads into, a
// pointer is a field that must be there, and any other may be absent.
type reader struct {
	message string                      // for what is said of it
	prefix  string                      // where in the message the JSON stands: empty, or ends in a dot
	unknown func(message, field string) // hears of every field that is ignored; may be nil
}

// strict refuses unknown fields, so that those who send none, nearly all, are
// not searched for misspelt ones.
var strict = json.RejectUnknownMembers(true)

// read decodes b, which is the whole of a JSON value. The error is a
// [*MessageError].
func (r reader) read(b []byte, to any) error {
	v := reflect.ValueOf(to).Elem()
	err := json.Unmarshal(b, to, strict)
	if errors.Is(err, json.ErrUnknownName) {
		v.SetZero()
		if err = json.Unmarshal(b, to); err == nil {
			err = r.ignore(b, v.Type())
		}
	}
	if err != nil {
		return r.fault(err)
	}
	return r.complete(v)
}

// peek decodes those fields of b that tell how to read the rest.
func (r reader) peek(b []byte, to any) error {
	if err := json.Unmarshal(b, to); err != nil {
		return r.fault(err)
	}
	v := reflect.ValueOf(to).Elem()
	err := r.complete(v)
	if err != nil {
		if n := r.walk(b, v.Type()); n.misspelt != nil {
			return n.misspelt
		}
	}
	return err
}

func (r reader) complete(v reflect.Value) error {
	missing := absent(v, r.prefix)
	if len(missing) == 0 {
		return nil
	}
	return r.refuse(missing[0], "missing: "+some(missing))
}

// absent lists the fields that must be there and are not.
func absent(v reflect.Value, prefix string) (missing []string) {
	for i := range v.NumField() {
		f, name := v.Field(i), func() string { return prefix + nameOf(v.Type().Field(i)) }
		if f.Kind() == reflect.Pointer {
			if f.IsNil() {
				missing = append(missing, name())
				continue
			}
			f = f.Elem()
		}
		switch {
		case f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.Struct:
			missing = append(missing, absentInItems(f, name())...)
		case f.Kind() == reflect.Struct && v.Type().Field(i).Anonymous:
			missing = append(missing, absent(f, prefix)...)
		}
	}
	return missing
}

func absentInItems(items reflect.Value, field string) (missing []string) {
	for i := range items.Len() {
		missing = append(missing, absent(items.Index(i), fmt.Sprintf("%s.%d.", field, i))...)
	}
	return missing
}

// nameOf returns a struct field's name on the wire.
func nameOf(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// fault says in the words of the wire what a decoding error means.
func (r reader) fault(err error) error {
	var syntactic *jsontext.SyntacticError
	var semantic *json.SemanticError
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName) && errors.As(err, &syntactic):
		return r.refuse(r.field(syntactic.JSONPointer), "the name stands twice in its object, and only one of them can be meant")
	case errors.As(err, &syntactic):
		return r.refuse(r.field(syntactic.JSONPointer), fmt.Sprintf("malformed JSON at byte %d: %v", syntactic.ByteOffset, syntactic.Err))
	case errors.As(err, &semantic):
		return r.refuse(r.field(semantic.JSONPointer), semanticReason(semantic))
	}
	return err
}

func (r reader) refuse(field, reason string) error {
	return &MessageError{Message: r.message, Field: shown(field), Reason: reason}
}

func semanticReason(e *json.SemanticError) string {
	if isText(e.GoType) && e.JSONKind == '"' && e.Err != nil {
		return e.Err.Error() // one of ours, from scalars.go
	}
	return fmt.Sprintf("%s stands there, want %s", found(e), wanted(e.GoType))
}

func found(e *json.SemanticError) string {
	switch e.JSONKind {
	case '"':
		return "a text"
	case '0':
		if len(e.JSONValue) > 0 {
			return shown(string(e.JSONValue))
		}
		return "a number"
	case '{':
		return "an object"
	case '[':
		return "a list"
	}
	return e.JSONKind.String()
}

// wanted says in JSON's words what a Go type is read from.
func wanted(t reflect.Type) string {
	switch {
	case isText(t):
		return "a text"
	case t == nil:
		return "another value"
	}
	switch t.Kind() {
	case reflect.String:
		return "a text"
	case reflect.Int32, reflect.Int64:
		return fmt.Sprintf("a whole number of %d bits", t.Bits())
	case reflect.Uint32, reflect.Uint64:
		return fmt.Sprintf("a whole number of %d bits that is not negative", t.Bits())
	case reflect.Slice:
		return "a list"
	}
	return "an object"
}

// isText reports whether a type is read from a text of a certain form.
func isText(t reflect.Type) bool {
	return t != nil && reflect.PointerTo(t).Implements(textType)
}

// maxShown bounds what is repeated of a message: an agent needs to find the
// place again, and nobody needs a megabyte of it in a log.
const maxShown = 120

// shown returns a text as it may be repeated.
func shown[S ~string | ~[]byte](s S) string {
	if len(s) <= maxShown {
		return string(s)
	}
	return strings.ToValidUTF8(string(s[:maxShown]), "") + "..."
}

// some lists names, the first few where there are many.
func some(names []string) string {
	const most = 10
	if rest := len(names) - most; rest > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), rest)
	}
	return strings.Join(names, ", ")
}

// field writes a JSON pointer as the path of a field.
func (r reader) field(p jsontext.Pointer) string {
	if p == "" {
		return strings.TrimSuffix(r.prefix, ".")
	}
	var names []string
	for name := range p.Tokens() {
		names = append(names, name)
	}
	return r.prefix + strings.Join(names, ".")
}

var textType = reflect.TypeFor[encoding.TextUnmarshaler]()
