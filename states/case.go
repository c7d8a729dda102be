package states

import "iter"

// Case says why events were missed. The zero value means that none were: the
// event was reported.
type Case uint8

// The cases, in the order of the specification.
const (
	AgentRestarted     Case = iota + 1 // Activating, and the host runs the target
	RebootFinished                     // Deferred, and a later boot runs the target
	RecordsLost                        // Pending, never dispatched, and the host runs the target
	ReportsInFlight                    // Pending, dispatched, and the host runs the target
	HeldByAgent                        // Pending, and the agent says that it holds the rollout
	RollbackUnreported                 // Failed, and the host runs what it had at dispatch
	ReportAhead                        // a report belongs further along the road than the record is
	caseEnd
)

var caseNames = [...]string{
	"reported",
	"agent-restarted", "reboot-finished", "records-lost", "reports-in-flight", "held-by-agent",
	"rollback-unreported", "report-ahead",
}

var _ = [1]struct{}{}[int(caseEnd)-len(caseNames)]

// Cases lists every case.
func Cases() iter.Seq[Case] { return upTo(caseEnd) }

// ParseCase reads the name that [Case.String] writes. The error is a
// [*NameError].
func ParseCase(s string) (Case, error) { return parse[Case]("case", s, caseNames[:]) }

// String returns the case's stable name.
func (c Case) String() string { return name(c, caseNames[:]) }
