package scenario_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rollmend/rollmend/scenario"
)

// begins is what the bad lines stand behind: four good ones.
const begins = `# Why an operator cares.
rollout stable@a1b2 target=new
host web-1 runs=old
dispatch web-1
`

func TestBadLinesAreNamed(t *testing.T) {
	tests := []struct {
		name string
		text string
		line int
		want string // a part of the message
	}{
		{"an empty text", "", 1, "has to be a comment"},
		{"no reason", "at 5s\n----\nnothing\n", 1, "has to be a comment"},
		{"an unknown step", begins + "reboot web-1\n----\n", 5, `there is no step "reboot"; there are ack, activated,`},
		{"an unknown option", begins + "ack web-1 seq=1 colour=red\n----\n", 5, `ack has no option "colour": ack HOST... seq=N`},
		{"an option said twice", begins + "ack web-1 seq=1 seq=2\n----\n", 5, "seq is said twice"},
		{"an option that is missing", begins + "ack web-1\n----\n", 5, "ack needs seq="},
		{"an option without a name", begins + "ack web-1 =1\n----\n", 5, `"=1" has no name before the =`},
		{"too few names", begins + "beat runs=old\n----\n", 5, "beat has 0 names"},
		{"too many names", begins + "wait 5s 6s\n----\n", 5, "wait has 2 names: wait DURATION"},
		{"an open quote", begins + "impose stable new reason=\"it\n----\n", 5, "a quote is not closed"},
		{"a line of nothing but quotes", begins + "\"\"\n----\n", 5, "the line says nothing"},
		{"steps without an outcome at the end", begins, 1, `the block has no line of "----"`},
		{"steps without an outcome in the middle", begins + "\nwait 5s\n----\n", 5, `the block of line 1 has no line of "----"`},
		{"an outcome without steps", "# Why.\n----\nnothing\n", 2, `"----" without steps before it`},
		{"two outcomes", begins + "----\nnothing\n----\n", 7, `"----" without steps before it`},
		{"a file that goes on", begins + strings.Repeat("wait 1s\n", 60) + "----\n", 61, "goes on after 60 lines"},
		{"a line that goes on", begins + "wait " + strings.Repeat("1", 500) + "s\n----\n", 5, "at most 400 are read"},

		{"a host that was not declared", begins + "beat web-9 runs=old\n----\n", 5, `there is no host "web-9": declare it first`},
		{"a report of such a host", begins + "ack web-9 seq=1\n----\n", 5, `there is no host "web-9": declare it first`},
		{"a poll of such a host", begins + "poll web-9\n----\n", 5, `there is no host "web-9": declare it first`},
		{"a host without a channel", "# Why.\nhost web-1\nbeat web-1\n----\n", 2, "no rollout is declared before it: say channel="},
		{"a rollout without a ref", "# Why.\nrollout stable\n----\n", 2, `"stable" is no rollout: want "channel@ref"`},
		{"two refs in one manifest", "# Why.\nrollout a@r1\nrollout b@r2\n----\n", 3, "a manifest has one ref for every channel, and r1 was named before"},
		{"runs= when the file goes on", begins + "host web-1 runs=new\n----\n", 5, "use beat now"},
		{"an edge without its word", begins + "edge web-1 after web-2\n----\n", 5, "edge: want edge HOST before HOST"},
		{"time that goes back", begins + "at 9s\nat 5s\n----\n", 6, "at 5s: want a time from 9s on"},
		{"time that is none", begins + "at noon\n----\n", 5, "at noon: want a time from 0s on"},
		{"a wait that is none", begins + "wait long\n----\n", 5, "wait long: want a duration such as 60s"},
		{"a duration that is none", "# Why.\nrollout stable@a1b2 soak=long\n----\n", 2, `rollout: soak="long": want a duration such as 5m`},
		{"a number that is none", begins + "ack web-1 seq=one\n----\n", 5, `ack: seq="one": want a number`},
		{"an agent's time that is none", begins + "ack web-1 seq=1 at=noon\n----\n", 5, `ack: at="noon": want a time such as 205s`},
		{"a policy that is none", "# Why.\nrollout stable@a1b2 on-failure=shrug\n----\n", 2, `"shrug" is no failure policy: want one of halt, rollback-and-halt`},
		{"a mode that is none", begins + "declared web-1 seq=1 http=sometimes\n----\n", 5, `"sometimes" is no probe mode`},
		{"a yes that is none", "# Why.\nrollout stable@a1b2 deferred-is-done=maybe\n----\n", 2, `deferred-is-done="maybe": want yes or no`},
		{"a held rollout that is none", begins + "beat web-1 holds=stable\n----\n", 5, `"stable" is no rollout`},
		{"a copy that was not saved", begins + "restore monday\n----\n", 5, `no copy was saved as "monday"`},
		{"a reply before any beat", begins + "reply web-1\n----\n", 5, "web-1 has not beaten in this file"},
		{"a report without a number", begins + "ack web-1 seq=0\n----\n", 5, "needs a sequence number, and they start at 1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := scenario.Play(t.Context(), "life.txt", test.text)
			var at *scenario.Error
			if !errors.As(err, &at) {
				t.Fatalf("got %v, want a *scenario.Error", err)
			}
			if at.File != "life.txt" || at.Line != test.line || !strings.Contains(at.Text, test.want) {
				t.Errorf("got %q\nwant line %d and %q", at, test.line, test.want)
			}
		})
	}
}

func TestAFileIsReadAsItIsWritten(t *testing.T) {
	f, err := scenario.Parse("life.txt", begins+`----
nothing

# A comment in between.
impose stable new reason="two words"
----
web-1  held
  block  quarantine
`)
	if err != nil {
		t.Fatal(err)
	}
	want := scenario.File{Name: "life.txt", Blocks: []scenario.Block{
		{
			Line:  1,
			Input: []string{"# Why an operator cares.", "rollout stable@a1b2 target=new", "host web-1 runs=old", "dispatch web-1"},
			Steps: []scenario.Step{
				{Line: 2, Verb: "rollout", Args: []string{"stable@a1b2"}, Options: []scenario.Option{{Name: "target", Value: "new"}}},
				{Line: 3, Verb: "host", Args: []string{"web-1"}, Options: []scenario.Option{{Name: "runs", Value: "old"}}},
				{Line: 4, Verb: "dispatch", Args: []string{"web-1"}},
			},
			Want: []string{"nothing"},
		},
		{
			Line:  8,
			Input: []string{"# A comment in between.", `impose stable new reason="two words"`},
			Steps: []scenario.Step{
				{Line: 9, Verb: "impose", Args: []string{"stable", "new"}, Options: []scenario.Option{{Name: "reason", Value: "two words"}}},
			},
			Want: []string{"web-1  held", "  block  quarantine"},
		},
	}}
	if diff := cmp.Diff(want, f); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
