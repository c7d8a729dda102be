package guard

import "testing"

func TestShare(t *testing.T) {
	if Share(2, 8) != 25 || Share(0, 0) != 0 {
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

func TestWhatIsDone(t *testing.T) {
	if sum, _ := Sum([]int{1, -1, 2}); sum != 3 {
		t.Fatal("a sum is wrong")
	}
	if Twice(2) != (Pair{2, 2}) {
		t.Fatal("a pair is wrong")
	}
	if len(Names) != 2 {
		t.Fatal("a name is missing")
	}
	(&Pair{}).Tell("", "me")
}
