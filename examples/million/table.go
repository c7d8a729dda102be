package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// table is what was measured, beside what it is wished to be.
type table struct{ rows [][3]string }

func (t *table) add(what, wish, format string, args ...any) {
	row := [3]string{what, wish, fmt.Sprintf(format, args...)}
	t.rows = append(t.rows, row)
	fmt.Printf("  %s: %s\n", row[0], row[2])
}

func (t *table) print(w io.Writer) {
	fmt.Fprintln(w)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "what\twish\tmeasured")
	fmt.Fprintln(tw, "----\t----\t--------")
	for _, r := range t.rows {
		fmt.Fprintf(tw, "%s\t%s\t%s\n", r[0], r[1], r[2])
	}
	_ = tw.Flush()
}
