package agent_test

import (
	"strings"
	"testing"

	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// TestEdges are what lies on the edge of a rule, or is said in passing.
func TestEdges(t *testing.T) {
	run(t, []life{
		{"what a switch prints is kept up to a bound, from its end", func(h *host) {
			for _, more := range []int{-1, 0, 1} {
				h := newHost(h.t).start()
				h.dispatch(first, "new")
				printed := "first" + strings.Repeat("x", agent.MaxStderr+more-len("firstlast")) + "last"
				h.do(agent.SwitchFinished{Now: h.now, Current: "old", ExitCode: 3, Stderr: printed})
				var tail string
				for _, e := range h.journal {
					if r, ok := e.(agent.Report); ok {
						if b, ok := r.Event.Body.(reducer.ActivationFailed); ok {
							tail = b.StderrTail
						}
					}
				}
				diff(h.t, "the tail", printed[max(0, more):], tail)
			}
		}},
		{"a dispatch that names no rollout is not taken", func(h *host) {
			h.start()
			h.dispatch(states.Rollout{}, "new")
			h.wantReports()
			h.wantActs("probe old")
		}},
		{"every report says whose it is, and of which rollout", func(h *host) {
			h.soaking()
			h.probe("http", states.Pass)
			h.tick(minute)
			h.settle()
			for _, ev := range h.sent {
				diff(h.t, "the key", states.Key{Rollout: first, Host: "web-1"}, ev.Key)
			}
			if len(h.sent) < 5 {
				h.t.Errorf("only %d reports", len(h.sent))
			}
		}},
		{"the first report of a probe says its mode", func(h *host) {
			h.soaking()
			h.probe("http", states.Fail)
			h.settle()
			var modes []states.Mode
			for _, ev := range h.sent {
				switch b := ev.Body.(type) {
				case reducer.ProbeObservedFirst:
					modes = append(modes, b.Mode)
				case reducer.ProbeFailureFirst:
					modes = append(modes, b.Mode)
				case reducer.ProbeResult:
					modes = append(modes, b.Mode)
				}
			}
			diff(h.t, "the modes", []states.Mode{states.Enforce, states.Enforce, states.Enforce}, modes)
		}},
		{"a probe that is not declared any more is not looked at any more", func(h *host) {
			h.soaking()
			h.declare("http", "tls")
			h.probe("http", states.Fail)
			h.declare("tls")
			h.tick(minute)
			diff(h.t, "what fails", []string(nil), h.lastBeat().FailingProbes)
		}},
		{"not now, without a time, is for as long as an answer is waited for", func(h *host) {
			h.start()
			h.dispatch(first, "new")
			h.tick(0)
			h.sent = nil
			h.answer(agent.ReportAnswered{Answer: agent.NotNow})
			h.tick(h.cfg.RetryEvery - second)
			h.wantSent()
			h.tick(second)
			h.wantSent("stable@a1 1 DispatchAck at old")
		}},
		{"a boot that was not named before is not counted as a new one", func(h *host) {
			h.boot = ""
			h.start()
			h.tick(minute)
			was := h.lastBeat().Order
			h.boot = "boot-b"
			h.start()
			h.tick(minute)
			diff(h.t, "the boot", was.Boot, h.lastBeat().Order.Boot)
			h.reboot("old")
			h.tick(minute)
			diff(h.t, "the next boot", was.Boot+1, h.lastBeat().Order.Boot)
		}},
	})
}
