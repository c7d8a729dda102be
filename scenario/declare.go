package scenario

import (
	"strconv"
	"strings"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
)

// PlanLines writes a plan as the steps that declare it, with what each host ran
// when the file began. Hosts of one channel have one policy and one target; one
// without a target is in no rollout.
func PlanLines(p gates.Plan, runs func(states.Host) states.Closure) []string {
	var lines []string
	var channel states.Channel
	for i := 0; i < len(p.Hosts); {
		h := p.Hosts[i]
		if h.Channel != channel || i == 0 {
			channel = h.Channel
			lines = append(lines, RolloutLine(states.Rollout{Channel: channel, Ref: p.Ref}, targetOf(p, channel), h.Policy))
		}
		l := line{words: []string{"host"}}
		alike := 0
		for _, other := range p.Hosts[i:] {
			same := runs(other.Host).Is(runs(h.Host)) || !runs(other.Host).Known() && !runs(h.Host).Known()
			if other.Channel != h.Channel || other.Wave != h.Wave || other.Target.Known() != h.Target.Known() || !same {
				break
			}
			l.words = append(l.words, string(other.Host))
			alike++
		}
		l.add("wave", h.Wave.String(), h.Wave != 0)
		l.add("target", unknown, !h.Target.Known() && targetOf(p, channel).Known())
		l.closure("runs", runs(h.Host))
		lines = append(lines, l.String())
		i += alike
	}
	for _, e := range p.HostEdges {
		lines = append(lines, edgeLine("edge", string(e.Gates), string(e.Gated), e.Reason))
	}
	for _, e := range p.ChannelEdges {
		lines = append(lines, edgeLine("channel-edge", string(e.Gates), string(e.Gated), e.Reason))
	}
	for _, b := range p.Budgets {
		lines = append(lines, budgetLine(b))
	}
	return lines
}

func targetOf(p gates.Plan, channel states.Channel) states.Closure {
	for _, h := range p.Hosts {
		if h.Channel == channel && h.Target.Known() {
			return h.Target
		}
	}
	return ""
}

func edgeLine(verb, front, gated, reason string) string {
	l := line{words: []string{verb, front, "before", gated}}
	l.add("reason", reason, reason != "")
	return l.String()
}

func budgetLine(b gates.Budget) string {
	l := line{words: []string{"budget", b.Name}}
	var names []string
	for _, h := range b.Hosts {
		names = append(names, string(h))
	}
	l.add("hosts", strings.Join(names, ","), len(names) > 0)
	l.add("max", strconv.Itoa(b.MaxInFlight), b.MaxInFlight != 0)
	l.add("percent", strconv.Itoa(b.MaxPercent), b.MaxPercent != 0)
	return l.String()
}
