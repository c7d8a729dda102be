package scenario_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rollmend/rollmend/scenario"
)

// What comes of a text takes the place of what it says, and nothing else in it
// changes; played again, it stays.
func TestPlayWritesWhatCameOfIt(t *testing.T) {
	const right = begins + `----
nothing

# The agent took it.
wait 5s
ack web-1 seq=1
----
web-1  Pending -> Activating
`
	wrong := strings.Replace(right, "web-1  Pending -> Activating\n", "web-1  Soaking\n", 1)
	for _, text := range []string{wrong, right} {
		got, err := scenario.Play(t.Context(), "life.txt", text)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(right, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
}

// Every step that is listed says how it is written, beginning with its name.
func TestVerbsAreListedInOrder(t *testing.T) {
	var names []string
	for usage, means := range scenario.Verbs() {
		name, _, _ := strings.Cut(usage, " ")
		names = append(names, name)
		if means == "" {
			t.Errorf("%s does not say what it does", name)
		}
	}
	if !slices.IsSorted(names) || !slices.Contains(names, "beat") || !slices.Contains(names, "rollback") {
		t.Errorf("got %v", names)
	}
}
