import PilotlightControlAPI

func moment(_ text: String) -> Timestamp { Timestamp(text) ?? Timestamp(milliseconds: 0) }

/// A daemon at 03:16:16Z with one workload in the middle of a failover, one that has hardly started.
enum Samples {
  static let now = moment("2026-03-01T03:16:16.000Z")

  static let daemon = DaemonStatus(
    version: "0.1.0", pid: 4242, startedAt: moment("2026-02-26T23:16:16.000Z"), at: now,
    ledger: LedgerStatus(state: "ok", entries: 1234), account: "123456789012")

  static let failingOver = WorkloadStatus(
    name: "django-app", phase: .failingOver, mode: .automatic, armed: ArmedStatus(ok: true),
    assessment: AssessmentStatus(
      verdict: .down, since: moment("2026-03-01T03:12:04.250Z"),
      evidence: ["GET https://app.example/health: refused 5 times in a row"]),
    lag: LagStatus(seconds: 1.25, at: moment("2026-03-01T03:15:56.000Z"), state: .replicating),
    loss: LossStatus(seconds: 2.5, confidence: .measured), commitDeadline: moment("2026-03-01T03:30:19.000Z"),
    incident: IncidentStatus(
      id: "inc-20260301-031204", startedAt: moment("2026-03-01T03:13:04.000Z"), kind: .failover, standing: .running,
      steps: [
        StepStatus(
          name: "scale-up", state: .done, kind: .reversible, startedAt: moment("2026-03-01T03:13:05.000Z"),
          finishedAt: moment("2026-03-01T03:15:03.000Z")),
        StepStatus(
          name: "promote", state: .running, kind: .oneWay, startedAt: moment("2026-03-01T03:15:04.000Z"),
          detail: "instance is modifying"),
        StepStatus(name: "verify", state: .waiting, kind: .readOnly),
      ]),
    forecast: 615, objectives: ObjectivesStatus(rto: 1800, rpo: 300),
    regions: RegionsStatus(primary: "eu-west-1", dr: "us-west-2"),
    debts: [DebtStatus(what: "the group of eu-west-1 is not at zero", since: moment("2026-03-01T03:14:16.000Z"))])

  static let coldStart = WorkloadStatus(
    name: "shop", phase: .healthy, mode: .observe,
    armed: ArmedStatus(ok: false, reasons: ["the primary has not answered yet"]),
    assessment: AssessmentStatus(verdict: .unknown))

  static let report = StatusReport(daemon: daemon, workloads: [failingOver, coldStart])
}
