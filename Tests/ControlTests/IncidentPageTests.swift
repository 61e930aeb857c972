// `pilotlightctl report`, read by people and pasted into wikis.

import PilotlightControlAPI
import PilotlightControlServer
import Testing

@Suite struct IncidentPageTests {
  private static let at = moment("2026-03-01T03:12:04.000Z")
  private static let hostile = "a | b `c` *d* <script> \u{1b}[31m \n# e"

  private static func report(_ text: String, recovered: Double?, reviewedBy: String?) -> IncidentReport {
    IncidentReport(
      workload: "django-app", incident: "20260301T031204-django-app", isPresent: false,
      kind: .failover, outcome: "a failover: \(text)",
      recovery: .init(seconds: recovered, objective: 1800), loss: .init(seconds: 12, objective: 300),
      lost: LostStatus(
        what: "12 s of db may be missing \(text)", seconds: 12, confidence: .atMost, from: at, to: at,
        reviewedBy: reviewedBy),
      milestones: [
        .init(what: "outage began", at: at),
        .init(what: "served", at: Timestamp(milliseconds: at.milliseconds + 420_000)),
      ], decisions: [text],
      steps: [
        .init(
          step: StepStatus(
            name: "promote-replica", state: .done, kind: .oneWay, startedAt: at,
            finishedAt: Timestamp(milliseconds: at.milliseconds + 300_000), detail: text),
          does: text, ownSeconds: 0.5, cloudSeconds: 299.5, attempts: 1, receipt: "id-1")
      ], debts: [],
      timeline: [
        HistoryEntry(sequence: 1, at: at, workload: "django-app", incident: nil, kind: "degraded", sentence: text)
      ], records: 1)
  }

  private func page(_ words: [String] = [], of report: IncidentReport) async throws -> (code: Int32, out: String) {
    let ran = try await against(
      answer: { request in
        guard case .report("django-app", _) = request else { return nil }
        return .json(report)
      }, ["report", "django-app"] + words)
    return (ran.code, ran.out)
  }

  @Test func `it says what was reached, whose time it took and what is left`() async throws {
    let told = try await page(of: Self.report("plain", recovered: 420, reviewedBy: nil))
    #expect(told.code == 0)
    for line in [
      "# Failover of django-app: 20260301T031204-django-app", "| recovery (RTO) | 7 min | 30 min | yes |",
      "| loss (RPO) | at most 12 s | 5 min | yes |", "12 s of db may be missing plain; **not reviewed**.",
      "| served | 2026-03-01T03:19:04.000Z | 7 min |",
      "| promote-replica | done | 2026-03-01T03:12:04.000Z | 5 min | 0.5 s | 1 | plain (id-1) |",
    ] {
      #expect(told.out.split(separator: "\n").contains { $0 == line }, "\(line) is missing in \(told.out)")
    }
    let missed = try await page(of: Self.report("plain", recovered: 2000, reviewedBy: "alice (1000)"))
    #expect(missed.out.contains("| recovery (RTO) | 33 min 20 s | 30 min | **NO** |"), "\(missed.out)")
    #expect(missed.out.contains("reviewed by alice (1000)."))
  }

  @Test func `what is owed, what stays and what is to do next stand above the rest`() async throws {
    var report = Self.report("plain", recovered: 420, reviewedBy: nil)
    report.lost?.left = DatabaseStatus(
      region: "eu-west-1", identifier: "db", arn: "arn:aws:rds:eu-west-1:1:db:db", address: "db.example:5432",
      keptAs: "db-kept-1")
    report.lost?.promoted = DatabaseStatus(region: "us-west-2", identifier: "dr-db", arn: nil, address: nil)
    var told = try await page(of: report).out
    #expect(
      told.contains("- left behind: arn:aws:rds:eu-west-1:1:db:db, db.example:5432; a failback keeps it as db-kept-1\n")
    )
    #expect(told.contains("- promoted: dr-db in us-west-2\n"))
    #expect(told.contains("## Next\n\n- Nothing: it is over, and nothing is owed.\n"), "\(told)")
    report.remains = ["Skipped, see that it is so: fence the primary."]
    told = try await page(of: report).out
    #expect(told.contains("## Next\n\n- Skipped, see that it is so: fence the primary.\n"), "\(told)")
    report.debts = [DebtStatus(what: "group app could not be fenced: no answer", since: Self.at)]
    told = try await page(of: report).out
    #expect(
      told.contains("## Not paid yet\n\n- group app could not be fenced: no answer, since 2026-03-01T03:12:04.000Z\n"),
      "\(told)")
  }

  @Test func `foreign text breaks neither a table nor a terminal`() async throws {
    let told = try await page(of: Self.report(Self.hostile, recovered: nil, reviewedBy: nil))
    #expect(told.code == 0 && !told.out.contains("\u{1b}") && !told.out.contains("<script>"))
    #expect(!told.out.contains("\n# e"))
    let step = try #require(told.out.split(separator: "\n").first { $0.hasPrefix("| promote-replica") })
    #expect(step.replacing("\\|", with: "").count { $0 == "|" } == 8, "\(step)")
    #expect(told.out.contains("| recovery (RTO) | not known | 30 min | - |"))
  }

  @Test func `JSON is passed on as it came`() async throws {
    let report = Self.report("plain", recovered: 420, reviewedBy: nil)
    let told = try await page(["--json"], of: report)
    #expect(told.code == 0)
    #expect(try ControlJSON.decode(IncidentReport.self, from: Array(told.out.utf8)) == report)
  }
}
