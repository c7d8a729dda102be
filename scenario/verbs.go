package scenario

import (
	"cmp"
	"iter"
	"maps"
	"slices"
)

// verb is a step that a file can have.
type verb struct {
	usage       string
	means       string
	least, most int      // names; most is negative where any number may stand
	options     []string // that it knows; "*" is any
	needs       []string // options that must be given
	declares    bool     // it can stand before the control plane runs: what was declared counts with the next other step
	run         func(*player, Step, *options) error
}

func (v *verb) takes(option string) bool {
	return slices.Contains(v.options, option) || slices.Contains(v.options, "*")
}

// verbs is filled by init, since the steps look their own usage up in it.
var verbs map[string]verb

func init() {
	verbs = map[string]verb{
		"rollout": {
			"rollout CHANNEL@REF [target=C] [soak=1m] [on-failure=rollback-and-halt] [deferred-is-done=yes]",
			"declares a channel's rollout; another ref than before is a new manifest", 1, 1,
			[]string{"target", "soak", "on-failure", "deferred-is-done"},
			nil, true, declareRollout,
		},
		"host": {
			"host NAME... [channel=CH] [wave=0] [target=C] [runs=C]",
			"declares hosts, of the channel of the last rollout line; runs= is what they said before the file began", 1, -1,
			[]string{"channel", "wave", "target", "runs"},
			nil, true, declareHost,
		},
		"edge":         {"edge HOST before HOST [reason=]", "declares that a host goes before another", 3, 3, []string{"reason"}, nil, true, declareEdge},
		"channel-edge": {"channel-edge CHANNEL before CHANNEL [reason=]", "declares that a channel goes before another", 3, 3, []string{"reason"}, nil, true, declareEdge},
		"budget":       {"budget NAME [hosts=H,H] [max=N] [percent=N]", "declares a disruption budget", 1, 1, []string{"hosts", "max", "percent"}, nil, true, declareBudget},

		"at":       {"at TIME", "sets the time", 1, 1, nil, nil, true, moveTo},
		"wait":     {"wait DURATION", "lets time pass", 1, 1, nil, nil, true, moveOn},
		"set-back": {"set-back TIME", "sets the control plane's clock back to a time", 1, 1, nil, nil, true, setBack},
		"load":     {"load [signed=TIME]", "loads the manifest as declared, and says what came of it", 0, 0, []string{"signed"}, nil, true, loadSaid},
		"restart":  {"restart", "starts the control plane anew on the store that it has", 0, 0, nil, nil, false, restart},
		"wipe":     {"wipe", "starts the control plane anew on an empty store", 0, 0, nil, nil, false, wipe},
		"save":     {"save NAME", "takes a copy of the store", 1, 1, nil, nil, false, save},
		"restore":  {"restore NAME", "starts the control plane anew on a copy of the store", 1, 1, nil, nil, false, restoreCopy},
		"resume":   {"resume CHANNEL@REF reason=", "an operator resumes a halted rollout", 1, 1, []string{"reason"}, nil, false, resume},
		"clear":    {"clear CHANNEL CLOSURE reason=", "an operator ends a quarantine", 2, 2, []string{"reason"}, nil, false, clearQuarantine},
		"impose":   {"impose CHANNEL CLOSURE reason=", "an operator sets a quarantine", 2, 2, []string{"reason"}, nil, false, impose},

		"beat": {
			"beat HOST... [runs=C] [holds=CHANNEL@REF] [at=] [boot= beat=] [since=] [failing=P,P] [queued=N] [last-reply=TIME]",
			"hosts beat", 1, -1,
			[]string{"runs", "holds", "at", "boot", "beat", "since", "failing", "queued", "last-reply"},
			nil, false, beat,
		},
		"dispatch": {"dispatch HOST...", "hosts ask for their dispatch in one pass and get it; said where one does not", 1, -1, nil, nil, false, dispatch},
		"poll":     {"poll HOST...", "hosts ask for their dispatch in one pass; the answers are said", 1, -1, nil, nil, false, poll},

		"explain": {"explain HOST", "shows an operator what is concluded of a host", 1, 1, nil, nil, false, explain},
		"record":  {"record HOST [rollout=CHANNEL@REF]", "shows a record; ~ marks a time that no report gave", 1, 1, []string{"rollout"}, nil, false, showRecord},
		"log":     {"log HOST [rollout=CHANNEL@REF]", "shows a record's log", 1, 1, []string{"rollout"}, nil, false, showLog},
		"reply":   {"reply HOST", "shows what the host's last heartbeat was answered", 1, 1, nil, nil, false, showReply},
		"fleet":   {"fleet", "shows the rollouts and the quarantines", 0, 0, nil, nil, false, showFleet},
	}
	for name, r := range reports {
		verbs[name] = verb{
			usage: name + " HOST... seq=N " + r.usage + "[at=] [boot= beat=] [rollout=CHANNEL@REF]",
			means: "agents report " + r.kind.String(), least: 1, most: -1,
			options: append([]string{"seq", "at", "boot", "beat", "rollout"}, r.options...),
			needs:   append([]string{"seq"}, r.needs...),
			run:     report,
		}
	}
}

func verbNames() []string { return slices.Sorted(maps.Keys(verbs)) }

// Verbs lists the steps that a file can have, by name: how each is written, and
// what it does.
func Verbs() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, name := range slices.SortedFunc(maps.Keys(verbs), cmp.Compare) {
			if v := verbs[name]; !yield(v.usage, v.means) {
				return
			}
		}
	}
}
