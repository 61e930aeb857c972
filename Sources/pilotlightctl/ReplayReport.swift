// What `replay --json` prints. Keys are never omitted; they are promised in the command's help.

import PilotlightControlAPI
import PilotlightCore
import PilotlightRecording

struct ReplayReport: Encodable {
  @ExplicitNull var from: Timestamp?
  @ExplicitNull var to: Timestamp?
  let sightings: Int
  let missed: Int
  let starts: Int
  let gaps: Spells
  let unreadable: Unreadable
  let strangers: [String]
  let wrong: Int
  let workloads: [Workload]

  init(_ findings: Findings, _ damage: RecordingReader.Damage) {
    _from = ExplicitNull(wrappedValue: findings.span.map { Timestamp($0.lowerBound) })
    _to = ExplicitNull(wrappedValue: findings.span.map { Timestamp($0.upperBound) })
    sightings = findings.sightings
    missed = findings.missed
    starts = findings.starts
    gaps = Spells(findings.gaps)
    unreadable = Unreadable(bytes: damage.bytes, frames: damage.unknown)
    strangers = findings.strangers
    wrong = findings.wrong
    workloads = findings.workloads.map(Workload.init)
  }

  struct Spells: Encodable {
    let count: Int
    let total: Double
    let longest: Double

    init(_ spells: Findings.Spells) {
      count = spells.count
      total = spells.total.seconds
      longest = spells.longest.seconds
    }
  }

  struct Unreadable: Encodable {
    let bytes: Int
    let frames: Int
  }

  struct Workload: Encodable {
    let name: String
    let mode: String
    let confirmFor: Double
    let sightings: Int
    let failovers: [Failover]
    let held: [Held]
    let nearMisses: [NearMiss]
    let concerns: Int
    let blind: Spells
    let longestUnknownLag: Double
    let runs: [Run]
    let limits: [String]

    init(_ found: Findings.Workload) {
      name = found.settings.name
      mode = found.settings.mode.rawValue
      confirmFor = found.settings.detection.confirmFor.seconds
      sightings = found.sightings
      failovers = found.failovers.map { Failover($0, found.settings) }
      held = found.held.map(Held.init)
      nearMisses = found.nearMisses.map {
        NearMiss(outageStart: Timestamp($0.outageStart), lasted: $0.lasted.seconds)
      }
      concerns = found.concerns
      blind = Spells(found.blind)
      longestUnknownLag = found.longestUnknownLag.seconds
      runs = found.runs.map { Run(moment: $0.moment.rawValue, at: Timestamp($0.at)) }
      limits = found.limits
    }
  }

  struct NearMiss: Encodable {
    let outageStart: Timestamp
    let lasted: Double
  }

  struct Run: Encodable {
    let moment: String
    let at: Timestamp
  }

  struct Held: Encodable {
    let outageStart: Timestamp
    @ExplicitNull var recovered: Timestamp?
    let lasted: Double
    let why: [String]

    init(_ held: Findings.Held) {
      outageStart = Timestamp(held.outageStart)
      _recovered = ExplicitNull(wrappedValue: held.recoveredAt.map { Timestamp($0) })
      lasted = held.lasted.seconds
      why = held.why
    }
  }

  struct Failover: Encodable {
    let outageStart: Timestamp
    let confirmed: Timestamp
    let begun: Timestamp
    let loss: Loss
    let withinRpo: Bool
    let forecast: Double
    let serviceBack: Timestamp
    @ExplicitNull var recovered: Timestamp?
    let lasted: Double
    let verdict: String
    let takenBack: Bool
    @ExplicitNull var brake: String?
    @ExplicitNull var realRun: Timestamp?
    let evidence: [String]

    init(_ failover: Findings.Failover, _ settings: WorkloadSettings) {
      outageStart = Timestamp(failover.outageStart)
      confirmed = Timestamp(failover.confirmedAt)
      begun = Timestamp(failover.begunAt)
      loss = Loss(failover.loss)
      withinRpo = failover.loss.isWithin(settings.objectives.rpo)
      forecast = failover.forecast.seconds
      serviceBack = Timestamp(failover.servedAt)
      _recovered = ExplicitNull(wrappedValue: failover.recoveredAt.map { Timestamp($0) })
      lasted = (failover.knownUntil - failover.outageStart).seconds
      verdict = failover.verdict.rawValue
      takenBack = failover.wouldBeTakenBack
      _brake = ExplicitNull(wrappedValue: failover.brake)
      _realRun = ExplicitNull(wrappedValue: failover.realRunAt.map { Timestamp($0) })
      evidence = failover.evidence
    }
  }

  struct Loss: Encodable {
    @ExplicitNull var seconds: Double?
    let confidence: String

    init(_ loss: LossWindow) {
      _seconds = ExplicitNull(wrappedValue: loss.window?.seconds)
      confidence = loss.confidence.rawValue
    }
  }
}

extension Timestamp {
  init(_ instant: Instant) { self.init(milliseconds: instant.nanoseconds / 1_000_000) }
}
