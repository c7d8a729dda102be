package scenario

import "strings"

// difference shows a block, and what came of it beside what had to: lines that
// are missing are marked with a minus, lines that are too much with a plus.
func difference(b Block, got []string) string {
	var out strings.Builder
	write := func(mark, line string) { out.WriteString(mark + line + "\n") }
	for _, line := range b.Input {
		write("    ", line)
	}
	write("    ", divider)
	want := b.Want
	common := overlap(want, got)
	for i, j := 0, 0; i < len(want) || j < len(got); {
		switch {
		case i < len(want) && j < len(got) && want[i] == got[j]:
			write("    ", want[i])
			i, j = i+1, j+1
		case j == len(got) || i < len(want) && common[i+1][j] >= common[i][j+1]:
			write("  - ", want[i])
			i++
		default:
			write("  + ", got[j])
			j++
		}
	}
	return out.String()
}

// overlap gives, for each pair of places, how many lines the rests from there
// on have in common.
func overlap(want, got []string) [][]int {
	common := make([][]int, len(want)+1)
	for i := range common {
		common[i] = make([]int, len(got)+1)
	}
	for i := len(want) - 1; i >= 0; i-- {
		for j := len(got) - 1; j >= 0; j-- {
			if want[i] == got[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	return common
}
