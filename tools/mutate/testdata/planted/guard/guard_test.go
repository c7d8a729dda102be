package guard

import "testing"

func TestShare(t *testing.T) {
	if Share(1, 4) != 25 || Share(0, 0) != 0 {
		t.Fatal("a share is wrong")
	}
	Known("x")
	if Count(3) != 3 {
		t.Fatal("a count is wrong")
	}
}

// Of the operands, only the first is looked at.
func TestOutside(t *testing.T) {
	if !Outside(-1) {
		t.Fatal("-1 is not outside")
	}
}
