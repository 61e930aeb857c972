// Answers to the other questions an operator asks.

/// Why it does, or does not, fail over: sentences, the weightiest first.
package struct ExplainReport: Codable, Hashable, Sendable {
  package var workload: String
  package var sentences: [String]
  package init(workload: String, sentences: [String]) {
    self.workload = workload
    self.sentences = sentences
  }
}

/// What a run would do, without doing it.
package struct PlanReport: Codable, Hashable, Sendable {
  package var workload: String
  package var kind: PlanKind
  /// In the plan's order; a step waits only for steps above it.
  package var steps: [PlanStep]
  /// Names of the steps that the configuration leaves out; null: none.
  @ExplicitNull package var without: [String]?
  /// Forecast of the whole, seconds; parallel steps counted once.
  package var forecastSeconds: Double
  package init(
    workload: String, kind: PlanKind, steps: [PlanStep], without: [String]? = nil, forecastSeconds: Double
  ) {
    self.workload = workload
    self.kind = kind
    self.steps = steps
    _without = ExplicitNull(wrappedValue: without)
    self.forecastSeconds = forecastSeconds
  }
}

/// One step of a plan.
package struct PlanStep: Codable, Hashable, Sendable {
  package var name: String
  package var kind: StepKindWord
  /// Names of the steps it waits for.
  package var needs: [String]
  /// A sentence.
  package var does: String
  package var calls: [PlannedCall]
  /// Forecast, seconds.
  package var forecastSeconds: Double
  /// What it would find and do at this moment, in a sentence; null where that depends on steps above it.
  @ExplicitNull package var finds: String?
  package init(
    name: String, kind: StepKindWord, needs: [String], does: String, calls: [PlannedCall], forecastSeconds: Double,
    finds: String? = nil
  ) {
    self.name = name
    self.kind = kind
    self.needs = needs
    self.does = does
    self.calls = calls
    self.forecastSeconds = forecastSeconds
    _finds = ExplicitNull(wrappedValue: finds)
  }
}

/// One call of the cloud's API.
package struct PlannedCall: Codable, Hashable, Sendable {
  /// As IAM names it, e.g. `rds:PromoteReadReplica`.
  package var api: String
  package var region: String
  package init(api: String, region: String) {
    self.api = api
    self.region = region
  }
}

/// One line of the ledger. `history` answers an array of these, oldest first.
package struct HistoryEntry: Codable, Hashable, Sendable {
  package var sequence: Int64
  package var at: Timestamp
  /// Empty for the daemon itself.
  package var workload: String
  /// Null outside an incident.
  @ExplicitNull package var incident: String?
  package var kind: String
  package var sentence: String
  package init(
    sequence: Int64, at: Timestamp, workload: String, incident: String?, kind: String, sentence: String
  ) {
    self.sequence = sequence
    self.at = at
    self.workload = workload
    _incident = ExplicitNull(wrappedValue: incident)
    self.kind = kind
    self.sentence = sentence
  }
}

/// Proof of life.
package struct HealthReport: Codable, Hashable, Sendable {
  package var ok: Bool
  /// One sentence, the same as systemd's `STATUS=`.
  package var message: String
  package init(ok: Bool, message: String) {
    self.ok = ok
    self.message = message
  }
}

/// How the sandbox's primary region is.
package struct SandboxReport: Codable, Hashable, Sendable {
  /// True while the primary is broken on purpose.
  package var primaryBroken: Bool
  /// How many sandbox seconds pass in one real second.
  package var speed: Double
  /// One sentence.
  package var message: String
  /// What really happened to each workload's users and writes.
  package var facts: [SandboxFactsReport]
  package init(primaryBroken: Bool, speed: Double, message: String, facts: [SandboxFactsReport] = []) {
    self.primaryBroken = primaryBroken
    self.speed = speed
    self.message = message
    self.facts = facts
  }
}

/// Facts of the sandbox about one workload: not what the daemon believes, but what was so.
package struct SandboxFactsReport: Codable, Hashable, Sendable {
  package var workload: String
  package var writesAccepted: Int
  package var lostWrites: Int
  /// Age of the newest lost range of writes, sandbox seconds.
  package var lossSeconds: Double
  /// From the start of the first outage until users were served again, sandbox seconds; null while they are not.
  @ExplicitNull package var recoverySeconds: Double?
  /// How long two databases took writes at once, sandbox seconds.
  package var doubleWriterSeconds: Double
  package var promotions: Int
  package var serving: Bool

  package init(
    workload: String, writesAccepted: Int, lostWrites: Int, lossSeconds: Double, recoverySeconds: Double?,
    doubleWriterSeconds: Double, promotions: Int, serving: Bool
  ) {
    self.workload = workload
    self.writesAccepted = writesAccepted
    self.lostWrites = lostWrites
    self.lossSeconds = lossSeconds
    _recoverySeconds = ExplicitNull(wrappedValue: recoverySeconds)
    self.doubleWriterSeconds = doubleWriterSeconds
    self.promotions = promotions
    self.serving = serving
  }
}

/// The answer when there is no other: one sentence.
package struct ErrorReport: Codable, Hashable, Sendable {
  package var error: String
  package init(error: String) { self.error = error }
}
