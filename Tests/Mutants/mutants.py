"""Planted bugs. Each is one change of the real sources: a name, the file, the text that stands there once, and what stands there
instead. AWAKE is true while this bug is the one that is tried; otherwise the text must mean what it meant."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    name: str
    file: str
    find: str
    planted: str


def swap(name: str, file: str, find: str, instead: str) -> Mutant:
    """An expression that is another one while the bug is awake."""
    return Mutant(name, file, find, f"(AWAKE ? ({instead}) : ({find}))")


CORE, ENGINE = "PilotlightCore", "PilotlightEngine"

MUTANTS = [
    swap("record-after-effect", f"{ENGINE}/Engine.swift",
         "persist(reaction.records, of: guards[index].name, from: before.state, at: now)",
         "persist(reaction.records, of: guards[index].name, from: before.state, at: now) || true"),
    swap("inactive-lag-is-zero", f"{CORE}/Loss.swift", "sample.seconds >= 0", "sample.seconds >= -1"),
    swap("unknown-loss-is-small", f"{CORE}/Loss.swift", "window.map { $0 <= rpo } ?? false",
         "window.map { $0 <= rpo } ?? true"),
    swap("mysql-taken-at-its-word", f"{CORE}/Loss.swift", "self == .sinceReplayed ? .zero : .seconds(65)", "Duration.zero"),
    swap("lag-is-ignored", f"{CORE}/Loss.swift", "at - .nanoseconds(Int64(sample.seconds * 1e9))", "at"),
    Mutant("forgotten-debt", f"{CORE}/DurableState.swift", "finish(name, .owed, debt.why, at)\n      debts.append(debt)",
           "finish(name, .owed, debt.why, at)\n      if !AWAKE { debts.append(debt) }"),
    swap("loss-counted-from-elsewhere", f"{CORE}/Loss.swift", "(window.countedTo ?? outageStart) - $0", "outageStart - $0 / 2"),
    Mutant("loss-never-reviewed", f"{CORE}/Machine+Orders.swift", "residence.failover.lossReview == nil else",
           "residence.failover.lossReview == nil, !AWAKE else"),
    swap("peak-forgotten", f"{CORE}/Capacity.swift", "max($0.desired, newest)", "newest"),
    swap("undo-taken-for-shown", f"{CORE}/Machine+Rollback.swift", "run.steps.contains(where: { $0.state == .undone })", "false"),
    Mutant("replica-secret-left-attached", f"{CORE}/Reading+Database.swift", "guard let source else { return .done(",
           "guard !AWAKE, let source else { return .done("),
    swap("program-left-behind", f"{CORE}/Reading+Capacity.swift", "spec.undo.map { spec.call($0, in: context.run, addresses) }",
         "Optional<CloudAction>.none"),
    Mutant("fence-unwatched", f"{CORE}/Machine+Fence.swift", "mayFence(situation), let rung", "mayFence(situation), !AWAKE, let rung"),
    swap("switchover-that-may-lose", f"{CORE}/GlobalDatabase.swift",
         ".switchOverCluster(database, arn: state.arn, from: old)", "CloudAction.failOverCluster(database, arn: state.arn)"),
    swap("resync-taken-for-demoted", f"{CORE}/GlobalDatabase.swift", 'state.replication == "replicating"', "true"),
    swap("running-taken-for-stopped", f"{CORE}/Fence.swift", 'state.status == "stopped"', 'state.status != "stopping"'),
    swap("controls-taken-for-turned", f"{CORE}/Reading+Traffic.swift", "state == RoutingControls.leading(to: site)", "true"),
    Mutant("controls-turned-the-wrong-way", f"{CORE}/Reading+Traffic.swift", ".turnControls(controls, to: site), undo:",
           ".turnControls(controls, to: AWAKE == (site == .dr) ? .primary : .dr), undo:"),
    swap("records-without-what-was-theirs", f"{CORE}/RecordMove.swift", "set ?? made", "made"),
    swap("backups-of-a-day", f"{CORE}/Reading+Database.swift", ".promoteReplica(database, backups: days)",
         ".promoteReplica(database, backups: nil)"),
    Mutant("left-closed", f"{CORE}/Plan.swift", "if let listener = dr.listener {\n      // A failback",
           "if let listener = dr.listener, !AWAKE {\n      // A failback"),
    Mutant("home-with-less", f"{CORE}/Reading+Instance.swift", "if !change.isEmpty {", "if !change.isEmpty, !AWAKE {"),
    swap("parameters-taken-for-applied", f"{CORE}/Reading+Instance.swift", 'status == "pending-reboot"', "false"),
    swap("names-taken-for-moved", f"{CORE}/Reading+Traffic.swift", "verdict.isVerified", "true"),
    Mutant("debt-before-commit", f"{CORE}/Machine+Fence.swift", "if !run.hasPromoted {", "if !run.hasPromoted, !AWAKE {"),
    Mutant("blind-is-down", f"{CORE}/Detector.swift", "guard let outageStart = outage?.start else { return .up }",
           "guard !AWAKE, let outageStart = outage?.start else { return .up }"),
    swap("unconfirmed", f"{CORE}/Detector.swift", "outage.last >= due", "true"),
    Mutant("surprise-on-release", f"{CORE}/Detector.swift", "at now: Instant) { confirmingSince = now }",
           "at now: Instant) { if !AWAKE { confirmingSince = now } }"),
    swap("grey-is-down", f"{CORE}/Detector.swift", "settings.grey.policy == .countAsDown", "true"),
    swap("one-miss-is-enough", f"{CORE}/Detector.swift",
         "misses.count == Detector.believedMisses", "!misses.isEmpty"),
    Mutant("contradiction-ignored", f"{CORE}/Detector.swift", "if case .agreed = agreement { true } else { false }",
           "if AWAKE { true } else if case .agreed = agreement { true } else { false }"),
    Mutant("pause-ignored", f"{CORE}/Machine+Run.swift", 'if let pause = state.pause { return "it is',
           'if !AWAKE, let pause = state.pause { return "it is'),
    swap("hold-down-ignored", f"{CORE}/Machine+Decision.swift", "until > situation.now", "false"),
    swap("brake-ignored", f"{ENGINE}/Engine.swift", "others.count >= brakes.maximum", "false"),
    Mutant("abort-forgotten", f"{CORE}/Machine+Decision.swift", "if let by = state.abortedBy {",
           "if let by = state.abortedBy, !AWAKE {"),
    swap("gap-ignored", f"{ENGINE}/Engine.swift", "gap > timeGap", "false"),
    swap("gate-without-loss", f"{CORE}/Gate.swift",
         "lossQuestion(run, settings, situation, deadline: deadline)", "Optional<String>.none"),
    swap("re-read-skipped", f"{CORE}/Gate.swift", "evidenceAt >= askedAt", "true"),
    swap("up-is-no-obstacle", f"{CORE}/Machine+Run.swift", "situation.assessment.verdict == .up", "false"),
    swap("drained-without-proof", f"{CORE}/Reading+Database.swift", "proof >= end", "true"),
    swap("nothing-to-undo", f"{CORE}/Run.swift",
         "$0.intentAt != nil && $0.undo != nil && $0.state != .undone", "false"),
    Mutant("intent-forgotten", f"{CORE}/DurableState.swift", "$0.intentAt = at", "$0.intentAt = AWAKE ? nil : at"),
    swap("sent-after-a-freeze", f"{ENGINE}/Ports.swift", "now - terms.decidedAt > terms.timeGap", "false"),
    swap("promoted-again-at-once", f"{CORE}/Machine+Run.swift", "situation.now - since >= wait", "true"),
    Mutant("fence-before-gate", f"{CORE}/Plan.swift",
           'plan.then("gate", .gate, forecast: .seconds(5))',
           'if !AWAKE { plan.then("gate", .gate, forecast: .seconds(5)) }'),
    swap("preparation-left-behind", f"{CORE}/Machine+Preparation.swift",
         "situation.now - assessment.since >= settings.detection.confirmFor", "false"),
    swap("undo-not-taken-over", f"{CORE}/Machine+Preparation.swift",
         "known.intentAt != nil, known.state != .undone".split(",")[0], "false"),
    swap("veto-ignored", f"{CORE}/Gate.swift", "!run.isApproved(.veto)", "false"),
    swap("missing-template-unnoticed", f"{CORE}/Readiness+Judge.swift", "source.isPresent", "true"),
    # Acts are held back by the machine and once more at their sending: both ask this.
    Mutant("lease-ignored", f"{CORE}/Lease.swift", "guard case .own(_, let until?) = standing, now < until else { return nil }",
           "if AWAKE { return .distantFuture }\n    guard case .own(_, let until?) = standing, now < until else { return nil }"),
    swap("failover-without-the-lease", f"{CORE}/Machine+Decision.swift",
         "situation.lease?.whyNotBegin(at: situation.now)", "Optional<String>.none"),
    swap("lease-never-ends", f"{CORE}/Lease.swift", "settings.lasting * 3 / 4", "settings.lasting * 100"),
    Mutant("lease-taken-at-once", f"{CORE}/Lease.swift", "guard now - since >= record.lasting else",
           "guard AWAKE || now - since >= record.lasting else"),
    Mutant("reading-is-holding", f"{CORE}/Lease.swift", "standing = .own(record, until: until)",
           "standing = .own(record, until: AWAKE ? now + settings.lasting : until)"),
    swap("broken-replica-unnoticed", f"{CORE}/Gate.swift", "situation.unpromotable", "Optional<String>.none"),
    Mutant("unverified", f"{CORE}/Plan.swift", "plan.verify(dr, site: .dr)", "if !AWAKE { plan.verify(dr, site: .dr) }"),
    swap("requests-under-way-forgotten", f"{CORE}/Reading+Database.swift", "held + longestRequest", "held"),
    Mutant("hold-unwatched", f"{CORE}/Machine+Run.swift", "watchHold(situation, &reaction)",
           "if !AWAKE { watchHold(situation, &reaction) }"),
    swap("let-through-forgotten", f"{CORE}/Machine+Commitment.swift", "isOpen || run.loss?.isLetThrough == true", "isOpen"),
    swap("readiness-read-hourly", f"{CORE}/Readiness.swift", ".minutes(5)", ".hours(1)"),
]
