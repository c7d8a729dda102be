package scenario

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rollmend/rollmend/states"
)

// Epoch is second 0 of every file, the beginning of the year 2000. It is far
// from the zero time, so that what was before a file began has a time too.
const Epoch states.Time = 946_684_800_000

// How a file writes an unknown closure, and an outcome without a line.
const (
	unknown = "-"
	nothing = "nothing"
)

// timeText writes a time as a file does: "205s".
func timeText(at states.Time) string {
	return strconv.FormatFloat(at.Sub(Epoch).Seconds(), 'f', -1, 64) + "s"
}

// instant finds the times that other packages write into their texts.
var instant = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`)

// InSeconds puts a file's own times, such as 205s, in the place of those that
// other packages write into a text.
func InSeconds(text string) string {
	return instant.ReplaceAllStringFunc(text, func(found string) string {
		at, err := time.Parse("2006-01-02T15:04:05.000Z07:00", found)
		if err != nil {
			return found
		}
		return timeText(states.TimeOf(at))
	})
}

// options reads a step's options. The first that is wrong is remembered.
type options struct {
	step Step
	err  error
}

func (o *options) text(name string) (string, bool) {
	for _, have := range o.step.Options {
		if have.Name == name {
			return have.Value, true
		}
	}
	return "", false
}

func (o *options) wrong(name, value, want string) {
	if o.err == nil {
		o.err = fmt.Errorf("%s: %s=%q: want %s", o.step.Verb, name, value, want)
	}
}

// or returns an option's text, or another where it is not given.
func (o *options) or(name, otherwise string) string {
	if v, ok := o.text(name); ok {
		return v
	}
	return otherwise
}

// at returns a time, which a file gives in seconds since its beginning.
func (o *options) at(name string, otherwise states.Time) states.Time {
	v, ok := o.text(name)
	if !ok {
		return otherwise
	}
	d, err := time.ParseDuration(v)
	if err != nil {
		o.wrong(name, v, "a time such as 205s")
	}
	return Epoch.Add(d)
}

func (o *options) duration(name string) time.Duration {
	v, ok := o.text(name)
	if !ok {
		return 0
	}
	d, err := time.ParseDuration(v)
	if err != nil || d < 0 {
		o.wrong(name, v, "a duration such as 5m")
	}
	return d
}

func (o *options) number(name string, otherwise uint64) uint64 {
	v, ok := o.text(name)
	if !ok {
		return otherwise
	}
	n, err := strconv.ParseUint(v, 10, 32)
	if err != nil {
		o.wrong(name, v, "a number")
	}
	return n
}

// closure returns a closure; "-" is the unknown one.
func (o *options) closure(name string, otherwise states.Closure) states.Closure {
	v, ok := o.text(name)
	switch {
	case !ok:
		return otherwise
	case v == unknown || v == "":
		return ""
	}
	return states.Closure(v)
}

func (o *options) list(name string) []string {
	v, ok := o.text(name)
	if !ok || v == unknown {
		return nil
	}
	return strings.Split(v, ",")
}

func (o *options) order() states.Order {
	return states.Order{Boot: o.number("boot", 0), Beat: o.number("beat", 0)}
}

// named reads an option by a function such as states.ParseMode.
func named[T any](o *options, name string, parse func(string) (T, error)) (out T) {
	v, ok := o.text(name)
	if !ok {
		return out
	}
	out, err := parse(v)
	if err != nil && o.err == nil {
		o.err = fmt.Errorf("%s: %s=: %w", o.step.Verb, name, err)
	}
	return out
}

// yes reads an option that is yes or no.
func (o *options) yes(name string, otherwise string) bool {
	v := o.or(name, otherwise)
	if v != "yes" && v != "no" {
		o.wrong(name, v, "yes or no")
	}
	return v == "yes"
}
