package states

import (
	"iter"
	"strconv"
	"strings"
)

// name returns the entry of a name table, or the number where there is none.
func name[E ~uint8](e E, names []string) string {
	if int(e) < len(names) {
		return names[e]
	}
	return "invalid(" + strconv.Itoa(int(e)) + ")"
}

// parse finds the value that a name table gives the name of.
func parse[E ~uint8](what, s string, names []string) (E, error) {
	for i := 1; i < len(names); i++ {
		if names[i] == s {
			return E(i), nil
		}
	}
	return 0, &NameError{What: what, Name: s, Want: "one of " + strings.Join(names[1:], ", ")}
}

// upTo yields every value from 1 to the one before end.
func upTo[E ~uint8](end E) iter.Seq[E] {
	return func(yield func(E) bool) {
		for e := E(1); e < end; e++ {
			if !yield(e) {
				return
			}
		}
	}
}
