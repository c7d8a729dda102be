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

// Names are the names of the digits.
var Names = [...]struct{ Name string }{{"zero"}, {"one"}}

// Sum adds up what is not negative.
func Sum(list []int) (sum int, err error) {
	for _, n := range list {
		if n < 0 {
			continue
		}
		sum += n
	}
	return sum, nil
}

// Pair is two numbers.
type Pair struct{ A, B int }

// Twice returns a number and the same again.
func Twice[N ~int](n N) (p Pair) {
	p.A, p.B = int(n), int(n)
	return Pair{A: p.A, B: p.B}
}

// Tell tells who.
func (p *Pair) Tell(_ string, who ...string) string {
	return "it is " + who[0]
}
