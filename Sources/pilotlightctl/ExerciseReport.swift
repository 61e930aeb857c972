// What `simulate --json` prints. Keys are never omitted; they are promised in the command's help.

import PilotlightControlAPI
import PilotlightCore
import PilotlightSandbox
import PilotlightScenarios
import PilotlightSimulation

/// One run.
struct ExerciseReport: Encodable {
  let scenario: String
  let seed: UInt64
  let verdict: String
  let workloads: [Workload]
  let violations: [Breach]
  let timeline: [Line]

  init(_ exercise: Exercise, _ table: Tabletop) {
    scenario = table.file.name
    seed = exercise.seed
    verdict = exercise.verdict.rawValue
    workloads = exercise.workloads.map { Workload($0, began: exercise.began) }
    violations = exercise.violations.map {
      Breach(rule: $0.rule, at: ($0.at - exercise.began).seconds, detail: $0.detail)
    }
    timeline = exercise.timeline.map { Line($0, began: exercise.began) }
  }

  struct Workload: Encodable {
    let name: String
    let mode: String
    let verdict: String
    let phase: String
    @ExplicitNull var servedFrom: String?
    let rto: Double
    let rpo: Double
    let outages: [Outage]
    @ExplicitNull var recovery: Double?
    @ExplicitNull var claimedRecovery: Double?
    let writes: Int
    let lostWrites: Int
    let loss: Double
    @ExplicitNull var claimedLoss: Loss?
    let promotions: Int
    let twoWriters: Double
    let waitingFor: [String]
    let next: [String]

    init(_ found: Exercise.Findings, began: Instant) {
      name = found.settings.name
      mode = found.settings.mode.rawValue
      verdict = found.verdict.rawValue
      phase = found.phase.rawValue
      _servedFrom = ExplicitNull(wrappedValue: found.servedFrom?.word)
      rto = found.settings.objectives.rto.seconds
      rpo = found.settings.objectives.rpo.seconds
      outages = found.outages.map { Outage($0, began: began) }
      _recovery = ExplicitNull(wrappedValue: found.recovery?.seconds)
      _claimedRecovery = ExplicitNull(wrappedValue: found.claimedRecovery?.seconds)
      writes = found.facts.writesAccepted
      lostWrites = found.facts.lostWrites
      loss = found.facts.lossWindow.seconds
      _claimedLoss = ExplicitNull(wrappedValue: found.claimedLoss.map(Loss.init))
      promotions = found.facts.promotions
      twoWriters = found.facts.doubleWriters.seconds
      waitingFor = found.waitingFor
      next = found.next
    }
  }

  struct Outage: Encodable {
    let start: Double
    @ExplicitNull var restored: Double?
    @ExplicitNull var restoredFrom: String?

    init(_ outage: ServiceOutage, began: Instant) {
      start = (outage.start - began).seconds
      _restored = ExplicitNull(wrappedValue: outage.restoredAt.map { ($0 - began).seconds })
      _restoredFrom = ExplicitNull(wrappedValue: outage.restoredFrom?.word)
    }
  }

  struct Loss: Codable, Hashable {
    @ExplicitNull var seconds: Double?
    let confidence: String

    init(_ loss: LossWindow) {
      _seconds = ExplicitNull(wrappedValue: loss.window?.seconds)
      confidence = loss.confidence.rawValue
    }
  }

  struct Breach: Encodable {
    let rule: String
    let at: Double
    let detail: String
  }

  struct Line: Encodable {
    let at: Double
    let clock: Timestamp
    let source: String
    @ExplicitNull var level: String?
    @ExplicitNull var workload: String?
    @ExplicitNull var phase: String?
    @ExplicitNull var step: String?
    let text: String

    init(_ line: JournalLine, began: Instant) {
      at = (line.at - began).seconds
      clock = Timestamp(milliseconds: line.at.nanoseconds / 1_000_000)
      source = line.source
      text = line.text
      let message = line.message
      _level = ExplicitNull(wrappedValue: message.map { "\($0.kind.meaning.level)" })
      _workload = ExplicitNull(wrappedValue: message?.workload)
      _phase = ExplicitNull(wrappedValue: message?.phase?.rawValue)
      _step = ExplicitNull(wrappedValue: message?.step)
    }
  }
}

/// Several runs.
struct CampaignReport: Encodable {
  let scenario: String
  let firstSeed: UInt64
  let runs: Int
  let violated: Int
  let workloads: [Workload]

  init(_ campaign: Campaign, _ table: Tabletop) {
    scenario = table.file.name
    firstSeed = campaign.first
    runs = campaign.runs
    violated = campaign.violated
    workloads = campaign.workloads.map(Workload.init)
  }

  struct Workload: Encodable {
    let name: String
    let rto: Double
    let rpo: Double
    let undisturbed: Int
    let met: Int
    let missed: Int
    let notRecovered: Int
    let worstSeed: UInt64
    let recovery: Spread
    let loss: Spread
    let lostWrites: Spread

    init(_ tally: Campaign.Tally) {
      name = tally.settings.name
      rto = tally.settings.objectives.rto.seconds
      rpo = tally.settings.objectives.rpo.seconds
      undisturbed = tally.count(.undisturbed)
      met = tally.count(.met)
      missed = tally.count(.missed)
      notRecovered = tally.count(.notRecovered)
      worstSeed = tally.worst?.seed ?? 0
      recovery = tally.recovery
      loss = tally.loss
      lostWrites = tally.lostWrites
    }
  }
}

extension SandboxSite {
  /// In JSON.
  var word: String {
    switch self {
    case .primary: "primary"
    case .dr: "dr"
    }
  }
}

extension JournalLine {
  var message: Message? { if case .daemon(let message) = voice { message } else { nil } }

  var text: String {
    switch voice {
    case .daemon(let message): message.text
    case .world(let text), .request(let text), .order(let text), .answer(let text), .users(let text): text
    }
  }

  /// Who speaks, in a word.
  var source: String {
    switch voice {
    case .daemon: "daemon"
    case .world: "world"
    case .request: "request"
    case .order: "operator"
    case .answer: "answer"
    case .users: "users"
    }
  }
}
