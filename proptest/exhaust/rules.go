package exhaust

import "slices"

// Rule is one sentence that the oracle goes by.
type Rule struct {
	Name   string
	Source string // the section of the specification, or the decision, that it is from
	Says   string
}

// Rules lists the oracle's rules. A question is counted under each rule that
// had a part in its answer, and a planted fault names the one that it breaks.
func Rules() []Rule { return slices.Clone(rules[:]) }

// ruleset is the rules that had a part in an answer.
type ruleset [2]uint64

func (s *ruleset) add(r rule)      { s[r/64] |= 1 << (r % 64) }
func (s *ruleset) has(r rule) bool { return s[r/64]>>(r%64)&1 == 1 }

// by says that a rule has a part in what the record is asked. Where the oracle
// only looks ahead, nothing is noted.
func (r *record) by(which rule) {
	if r.used != nil {
		r.used.add(which)
	}
}

// quiet is the record, to look ahead with.
func (r *record) quiet() record {
	out := r.clone()
	out.used = nil
	return out
}

// ruleNamed finds a rule by its name.
func ruleNamed(name string) (rule, bool) {
	i := slices.IndexFunc(rules[:], func(r Rule) bool { return r.Name == name })
	return rule(i), i >= 0
}

type rule uint8

// Of one event on one record.
const (
	noBody rule = iota
	foreignSender
	notOpened
	wrongRecord
	noNumber
	retransmit
	gapAccepted
	gapStands
	numberConsumed
	guessTakesNoNumber
	keptInLog
	refusalSaysWhy
	refusedGuessIsNothing
	illegal
	startedAgain
	saidAgain

	transitionStored
	quarantined
	quarantineSaysWhy
	absorbedTransition
	twinHadEffects

	openingTarget
	openingWrites
	dispatchedStamp
	dispatchedOnce
	ackKnown
	ackUnknown
	startedStamp
	activatedOffTarget
	activatedCurrent
	activatedClears
	activationEndsGap
	deferredOrderKept
	activationFailedStamps
	policyOwn
	policySaid
	firstProbeOnce
	firstFailureOnce
	declaredExists
	declaredKeepsResult
	resultUpdates
	modeNotLowered
	resultSinceGap
	convergedOffTarget
	soakNotOver
	soakAttested
	cutSoakAttested
	otherClock
	probeHeld
	probeGapAttested
	observeNeverGates
	revertedUnknown
	revertedTarget
	revertedWrites
	failedStamp
	stampReported
	stampCut
	stampGuessed
	lastTransition
	guessedTransition
	transitionNotAhead
	guessRemembered
	reportMakesDefinite

	placedBelow
	prefixWeighs
	guessHasNoWeight
	stands
	fallsByOrder
	fallsByClock
	fallsWithoutReboot
	fallsBeforeSoak
	fallsOffRoad
	timesInOrder
	convergedMoves

	prefixAck
	prefixActivated
	prefixActivationFailed
	prefixFailed
	prefixStamped
	prefixNamesReport
	roadBeforeGuessedEnd
	refusedAllTheSame
	noPrefix

	neverBeat
	silent
	closureUnknown
	newerKnown
	beforeOpening
	replyKnown
	openingAhead
	olderByOrder
	restsOnThisBeat
	olderByClock
	transitionAhead
	dispatchedOnTarget
	noRecordNoCase
	agentRestarted
	rebootFinished
	rebootUnnumbered
	notRebooted
	notBooted
	heldOnTarget
	heldOffTarget
	reportsInFlight
	holdsAnother
	heldByGates
	lostStamp
	lostSince
	lostOff
	lostSoakOpen
	lostFailing
	lostConverged
	sinceGiven
	notBeforeTransition
	notBeforeOpening
	guessedAckUnknown
	rollbackUnreported
	notBackYet
	haltSaid
	haltOwn
	driftOff
	driftFailed
	driftReverted
	observationSaid
	waitsForDispatch
	inStep

	ruleCount
)

var rules = [ruleCount]Rule{
	noBody:                {"no-body", "spec 3", "an event that says nothing is none"},
	foreignSender:         {"foreign-sender", "spec 4, the table and the log", "the opening and the dispatch are the control plane's, all else the agent's; a guess is of what an observation can tell"},
	notOpened:             {"not-opened", "spec 3", "before the opening nothing else is legal, and there is no log to keep it in"},
	wrongRecord:           {"wrong-record", "spec 2, identity", "an event of another record is not put to this one"},
	noNumber:              {"no-number", "spec 2, numbers", "numbers start at 1"},
	retransmit:            {"retransmit", "spec 4, numbers", "a number that is not greater than the last is a retransmit, and not logged"},
	gapAccepted:           {"gap-accepted", "spec 4, numbers", "a jump is a gap that was accepted; which probes report is counted anew from there"},
	gapStands:             {"gap-stands", "decision: a gap is noted even where the report behind it is refused", "refused or said again, the report leaves its gap"},
	numberConsumed:        {"number-consumed", "spec 4, dispositions", "what is refused or said again takes its number, and changes nothing else"},
	guessTakesNoNumber:    {"guess-takes-no-number", "spec 6.1", "a synthesised event takes none of the agent's numbers"},
	keptInLog:             {"kept-in-log", "spec 4, dispositions", "every report but a retransmit is an entry, and so is all that was applied"},
	refusalSaysWhy:        {"refusal-says-why", "spec 4, dispositions", "a refused report is kept with the reason"},
	refusedGuessIsNothing: {"refused-guess-is-nothing", "spec 5, idempotent", "a guess that comes too late is a no-op"},
	illegal:               {"illegal", "spec 3", "every pair that is not in the table is illegal"},
	startedAgain:          {"started-again", "spec 4, numbers", "a switch that has begun and is said to begin is a duplicate"},
	saidAgain:             {"said-again", "spec 4, numbers; decision: late repeats are told by what the record holds", "what is legal nowhere and was said is a duplicate"},

	transitionStored:   {"transition", "spec 4, effects", "where the state changed, a transition from, to, at"},
	quarantined:        {"quarantine", "spec 4, RollbackComplete", "the target is quarantined on the channel"},
	quarantineSaysWhy:  {"quarantine-says-why", "spec 9", "a quarantine says why, and from which rollout and host"},
	absorbedTransition: {"absorbed-transition", "spec 6.2", "an absorbed report yields the effects that its twin did not"},
	twinHadEffects:     {"twin-had-effects", "spec 6.2", "an absorbed report yields no effect that its twin did"},

	openingTarget:          {"opening-target", "spec 1, the empty closure", "a rollout to an unknown closure is none"},
	openingWrites:          {"opening-writes", "spec 2", "wave, target and policy are those of the opening"},
	dispatchedStamp:        {"dispatched-stamp", "spec 2, times", "dispatched is when this control plane handed the dispatch out"},
	dispatchedOnce:         {"dispatched-once", "spec 4, the log", "a dispatch that is sent again is not stamped again"},
	ackKnown:               {"ack-known", "spec 4, DispatchAck", "at dispatch and current are the closure at dispatch"},
	ackUnknown:             {"ack-unknown", "spec 4, DispatchAck", "a closure that is not known is not stored"},
	startedStamp:           {"started-stamp", "spec 4, ActivationStarted", "it stamps activation started"},
	activatedOffTarget:     {"activated-off-target", "spec 4, ActivationCompleted", "refused unless observed is the target"},
	activatedCurrent:       {"activated-current", "spec 4, ActivationCompleted", "current is what was observed"},
	activatedClears:        {"activated-clears", "spec 4, ActivationCompleted", "probes and their stamps are cleared"},
	activationEndsGap:      {"activation-ends-gap", "decision: the reported ActivationCompleted ends a gap", "what is missing in front of it was about the old closure"},
	deferredOrderKept:      {"deferred-order", "spec 2, numbers", "the order of the deferral is kept"},
	activationFailedStamps: {"activation-failed-stamps", "spec 4, ActivationFailed", "it stamps both activation failed and failed"},
	policyOwn:              {"policy-own", "spec 9", "where the agent does not say what it applied, it is the record's own policy"},
	policySaid:             {"policy-said", "spec 9", "the policy applied is what the agent says"},
	firstProbeOnce:         {"first-probe-once", "spec 4, ProbeObservedFirst", "it stamps once"},
	firstFailureOnce:       {"first-failure-once", "spec 4, ProbeFailureFirst", "it stamps once"},
	declaredExists:         {"declared-exists", "spec 4, ProbeTopologyDeclared", "a declared probe exists without a result, in the declared mode"},
	declaredKeepsResult:    {"declared-keeps-result", "spec 4, ProbeTopologyDeclared", "a probe that has reported keeps its result when it is declared"},
	resultUpdates:          {"result-updates", "spec 4, ProbeResult", "the last result counts"},
	modeNotLowered:         {"mode-not-lowered", "spec 4, ProbeTopologyDeclared; decision: a result may raise a declared mode", "a result cannot lower the declared mode"},
	resultSinceGap:         {"result-since-gap", "spec 4, the three invariants", "a probe that reports after a gap has reported since"},
	convergedOffTarget:     {"converged-off-target", "spec 4, the three invariants", "its closure and the record's current are the target"},
	soakNotOver:            {"soak-not-over", "spec 4, the three invariants; 6.9", "not before activated plus soak"},
	soakAttested:           {"soak-attested", "spec 4, the three invariants", "where no report gave the activation's stamp, a reported Converged attests its soak"},
	cutSoakAttested:        {"cut-soak-attested", "decision: a Converged whose time was cut attests its soak where no report gave the activation's stamp", "also one whose own time was cut"},
	otherClock:             {"other-clock", "spec 6.5", "a Converged from before its reported activation is of another clock: converged is soak due"},
	probeHeld:              {"probe-held", "spec 4, the three invariants", "every probe that is enforced has passed"},
	probeGapAttested:       {"probe-gap-attested", "spec 4, the three invariants", "after a gap it attests the enforced probes that have reported nothing since"},
	observeNeverGates:      {"observe-never-gates", "spec 4, the three invariants", "a probe that is not enforced never gates"},
	revertedUnknown:        {"reverted-unknown", "spec 4, RollbackComplete", "refused where it does not say to what"},
	revertedTarget:         {"reverted-target", "spec 4, RollbackComplete", "refused where it is to the target"},
	revertedWrites:         {"reverted-writes", "spec 4, RollbackComplete", "current is reverted-to, under any policy"},
	failedStamp:            {"failed-stamp", "spec 4, Failed", "it stamps failed, and not activation failed"},
	stampReported:          {"stamp-reported", "spec 2, times", "the record knows that a report gave the stamp"},
	stampCut:               {"stamp-cut", "spec 6.5", "a stamp that was cut counts as not reported"},
	stampGuessed:           {"stamp-guessed", "spec 2, times", "a guessed stamp was given by no report"},
	lastTransition:         {"last-transition", "spec 2, times and numbers", "the last transition has the time and the order of its event"},
	guessedTransition:      {"guessed-transition", "spec 6.3", "the order of a guessed transition is that of its observation"},
	transitionNotAhead:     {"transition-not-ahead", "decision: a synthesised transition is known from its observation on", "the last transition is not stamped ahead of what it was concluded from"},
	guessRemembered:        {"guess-remembered", "spec 2, evidence", "a guess is kept with what was before it, its case, time and observation"},
	reportMakesDefinite:    {"report-makes-definite", "spec 2, evidence", "a report on top makes all below it definite"},

	placedBelow:        {"placed-below", "spec 6.2", "a late report is placed where it belongs on the road, in the place of its twin"},
	prefixWeighs:       {"prefix-weighs", "decision: a synthesised prefix has the weight of the report it is made for", "it too takes a guessed end back"},
	guessHasNoWeight:   {"guess-has-no-weight", "spec 6.2", "a guessed end is terminal against guesses"},
	stands:             {"stands", "spec 6.2", "what was guessed is replayed behind a late report as far as its observation bears it"},
	fallsByOrder:       {"falls-by-order", "spec 6.2, 6.3", "an observation that is not later in order than the report falls: a report that carries a beat happened after it"},
	fallsByClock:       {"falls-by-clock", "spec 6.2, 6.3", "without an order, one that is older by the clock falls"},
	fallsWithoutReboot: {"falls-without-reboot", "spec 5, case 2; decision: behind a late deferral only an activation needs a later boot", "behind a deferral an activation is believed from a later boot alone"},
	fallsBeforeSoak:    {"falls-before-soak", "spec 6.2", "a convergence falls whose observation is older than activated plus soak"},
	fallsOffRoad:       {"falls-off-road", "spec 6.2", "what is not legal behind the report falls, with all behind it"},
	timesInOrder:       {"times-in-order", "spec 5, stamps", "what is replayed is not stamped before the last transition"},
	convergedMoves:     {"converged-moves", "spec 5, stamps", "a replayed convergence is at the later of its observation and soak due"},

	prefixAck:              {"prefix-ack", "spec 5, case 5", "a Pending record misses the DispatchAck"},
	prefixActivated:        {"prefix-activated", "spec 5, case 5", "what belongs to Soaking misses the ActivationCompleted"},
	prefixActivationFailed: {"prefix-activation-failed", "spec 5, case 5", "a rollback misses the ActivationFailed from Activating or Deferred"},
	prefixFailed:           {"prefix-failed", "spec 5, case 5", "a rollback misses the Failed from Soaking"},
	prefixStamped:          {"prefix-stamped", "decision: a prefix is stamped like its report", "at the report's time"},
	prefixNamesReport:      {"prefix-names-report", "spec 5, synthesised", "it rests on the report: its number, time, order and closure"},
	roadBeforeGuessedEnd:   {"road-before-guessed-end", "spec 6.2", "a guessed end is none against the agent: the road begins before it"},
	refusedAllTheSame:      {"refused-all-the-same", "decision: a report that would be refused has no prefix", "then nothing is synthesised"},
	noPrefix:               {"no-prefix", "spec 5, case 5", "what has a place, or no road to it, misses nothing"},

	neverBeat:           {"never-beat", "spec 5, findings", "a host that never beat is silent"},
	silent:              {"silent", "spec 5, findings", "so is one that did not beat within the bound"},
	closureUnknown:      {"closure-unknown", "spec 6.6", "a heartbeat without a closure is a sign of life and nothing else"},
	newerKnown:          {"newer-known", "spec 6.3", "one older than the newest of its host proves nothing"},
	beforeOpening:       {"before-opening", "spec 6.3", "without a transition, one from before the opening less the bound is stale"},
	replyKnown:          {"reply-known", "decision: a refusal compares a staleness by the control plane's clock where it can", "one that knows a later reply was taken after it, whatever its own clock says"},
	openingAhead:        {"opening-ahead", "decision: an opening or a transition in the future of the control plane's own clock bounds nothing beyond it", "an opening that is still to come bounds from now on"},
	olderByOrder:        {"older-by-order", "spec 6.3", "one that is not later in order than the last transition is stale"},
	restsOnThisBeat:     {"rests-on-this-beat", "spec 5, idempotent", "but for the beat that the transition was concluded from"},
	olderByClock:        {"older-by-clock", "spec 6.3", "without an order, one older than the last transition by the clock is stale"},
	transitionAhead:     {"transition-ahead", "decision: an opening or a transition in the future of the control plane's own clock bounds nothing beyond it", "a last transition beyond the bound on clocks is cut like the beat"},
	dispatchedOnTarget:  {"dispatched-on-target", "spec 5, findings; decision: a dispatched host on its target is named where its heartbeat is stale", "a host that is sent again and again what it says it runs is named"},
	noRecordNoCase:      {"no-record-no-case", "spec 5", "what was never opened is not looked at"},
	agentRestarted:      {"agent-restarted", "spec 5, case 1", "Activating, and the host runs the target"},
	rebootFinished:      {"reboot-finished", "spec 5, case 2", "Deferred, and a later boot runs the target"},
	rebootUnnumbered:    {"reboot-unnumbered", "spec 5, case 2", "where boots are not given, the target is believed"},
	notRebooted:         {"not-rebooted", "spec 5, case 2", "where boots are given, the target of the same boot is not believed"},
	notBooted:           {"not-booted", "spec 5, findings", "a later boot runs the closure at dispatch"},
	heldOnTarget:        {"held-on-target", "spec 5, case 3c", "Pending, the agent holds the rollout and runs the target"},
	heldOffTarget:       {"held-off-target", "spec 5, case 3c and stamps", "off the target the acknowledgement alone, at the heartbeat's time"},
	reportsInFlight:     {"reports-in-flight", "spec 5, case 3b", "Pending, dispatched, and the host runs the target"},
	holdsAnother:        {"holds-another", "spec 5, case 3", "a heartbeat that names another rollout proves nothing for this one"},
	heldByGates:         {"held-by-gates", "spec 5, case 3", "it passes the gates first; every block is listed"},
	lostStamp:           {"lost-stamp", "spec 5, stamps", "case 3 is stamped at the earlier of the heartbeat and the opening"},
	lostSince:           {"lost-since", "spec 5, stamps", "where it is given, by when the host began to run the target"},
	lostOff:             {"lost-off", "spec 5, stamps; decision: a heartbeat that came in after the opening and showed another closure", "and by when it was last seen off it, which was after the opening"},
	lostSoakOpen:        {"lost-soak-open", "spec 5, stamps", "a host that switched a soak ago or less goes to Soaking"},
	lostFailing:         {"lost-failing", "spec 6.7", "a host whose enforced probes fail goes to Soaking; a name that the record does not know counts as enforced"},
	lostConverged:       {"lost-converged", "spec 5, case 3", "else it converged, at the later of the heartbeat and soak due"},
	sinceGiven:          {"since-given", "spec 5, stamps; decision: rollback-unreported is stamped like the other cases", "by when the host began to run it, where it says"},
	notBeforeTransition: {"not-before-transition", "spec 5, stamps", "never before the last transition"},
	notBeforeOpening:    {"not-before-opening", "spec 5, stamps", "never before the opening, where there is no transition"},
	guessedAckUnknown:   {"guessed-ack-unknown", "spec 5, stamps", "no guessed acknowledgement gives a closure at dispatch"},
	rollbackUnreported:  {"rollback-unreported", "spec 5, case 4", "Failed, and the host runs the closure at dispatch, which is not the target"},
	notBackYet:          {"not-back-yet", "spec 5, case 4", "on the target a rollback is not concluded, whatever the closure at dispatch"},
	haltSaid:            {"halt-said", "spec 5", "under the policy that Failed named no rollback is synthesised where that is halt"},
	haltOwn:             {"halt-own", "spec 5", "where no Failed named one, the record's counts"},
	driftOff:            {"drift-off", "spec 5, findings", "Soaking or Converged and not on the target"},
	driftFailed:         {"drift-failed", "spec 5, findings", "Failed and on neither"},
	driftReverted:       {"drift-reverted", "spec 5, findings", "Reverted and on the target"},
	observationSaid:     {"observation-said", "spec 5, synthesised", "each event says its case and its observation"},
	waitsForDispatch:    {"waits-for-dispatch", "spec 5, cases 3 and 3b", "a Pending record whose host is off the target misses nothing"},
	inStep:              {"in-step", "spec 5, findings", "else the record says what the host does"},
}
