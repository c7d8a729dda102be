// Package guard has one condition that its test looks at, and one that it does
// not.
package guard

// Share returns a part of a whole in percent, 0 where there is no whole.
func Share(part, whole int) int {
	if whole == 0 {
		return 0
	}
	return 100 * part / whole
}

// Known reports whether a name is given.
func Known(name string) bool {
	if name != "" {
		return true
	}
	return false
}

// Count counts up to n.
func Count(n int) int {
	i := 0
	for i != n {
		i++
	}
	return i
}

// Outside reports whether n is below 0 or above 9.
func Outside(n int) bool {
	if n < 0 || n > 9 {
		return true
	}
	return false
}
