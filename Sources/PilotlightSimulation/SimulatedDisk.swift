// The ledger's disk. It outlives the process, refuses what a real one would refuse, and can kill the process on either side of a
// record.

import PilotlightCore
import PilotlightEngine

/// Records as the disk has them: no JSON in millions of lives, the codec hands them through by number.
final class SimulatedDisk: LedgerStore, RecordCodec, @unchecked Sendable {
  // Confined to one simulation, which is confined to one thread.
  struct Written {
    let workload: String
    let record: Record
    let at: Instant
  }
  private(set) var durable: [Written] = []
  /// Records on their way from the engine's `encode` to `append`.
  private var encoded: [Record] = []
  var fault: DiskFault?
  /// Set by an I/O error: this process may not touch the file again.
  private var isBroken = false
  /// Where the process is to die; taken out when it did.
  var crashes: [(point: CrashPoint, restartAfter: Duration)] = []
  /// The crash point was met in this turn.
  private(set) var met: (moment: CrashMoment, restartAfter: Duration)?
  /// How long the appends of this turn took.
  private var spent = Duration.zero
  /// Called with each record that became durable.
  var onDurable: (Written) -> Void = { _ in }

  /// The process that held the file is gone; the next one opens it afresh.
  func reopen() {
    isBroken = false
    encoded = []
    met = nil
    spent = .zero
  }

  /// The power is gone.
  ///
  /// - Returns: the records that went with it.
  func losePower(at now: Instant) -> [Record] {
    guard case .forgetful(let time) = fault else { return [] }
    let kept = durable.lastIndex { now - $0.at > time }.map { $0 + 1 } ?? 0
    defer { durable.removeLast(durable.count - kept) }
    return durable[kept...].map(\.record)
  }

  func takeSpent() -> Duration {
    defer { spent = .zero }
    return spent
  }

  func takeMet() -> (moment: CrashMoment, restartAfter: Duration)? {
    defer { met = nil }
    return met
  }

  // MARK: LedgerStore

  func append(_ entries: [LedgerEntry]) throws(LedgerFailure) {
    if isBroken { throw .broken("EIO") }
    let records = take(entries)
    if case .before? = meet(records) { throw .cannotWrite("the process dies here") }
    switch fault {
    case .full: throw .cannotWrite("database or disk is full")
    case .readOnly: throw .cannotWrite("attempt to write a readonly database")
    case .ioError(let written):
      isBroken = true
      fault = nil
      if written { keep(records) }
      throw .broken("disk I/O error")
    case .slow(let pause): spent += pause
    case .forgetful, nil: break
    }
    keep(records)
  }

  func workloads() throws(LedgerFailure) -> [String] { Set(durable.map(\.workload)).sorted() }

  func entries(workload: String) throws(LedgerFailure) -> [LedgerEntry] {
    durable.indices.filter { durable[$0].workload == workload }.map {
      LedgerEntry(
        workload: workload, incident: nil, kind: durable[$0].record.kind.rawValue, payload: "d\($0)", sentence: "",
        at: durable[$0].at)
    }
  }

  private func take(_ entries: [LedgerEntry]) -> [Written] {
    defer { encoded = [] }
    return zip(entries, encoded.suffix(entries.count)).map {
      Written(workload: $0.workload, record: $1, at: $0.at)
    }
  }

  private func keep(_ records: [Written]) {
    durable += records
    for record in records { onDurable(record) }
  }

  /// Whether one of these records is where the process is to die. Of several that are to come the first, and the others stay.
  private func meet(_ records: [Written]) -> CrashMoment? {
    for (index, (point, restartAfter)) in crashes.enumerated() {
      let moment: CrashMoment
      switch point {
      case .now: continue
      case .record(let count, let when):
        guard records.count >= count else {
          crashes[index].point = .record(count: count - records.count, when)
          continue
        }
        moment = when
      case .kind(let kind, let step, let when):
        guard records.contains(where: { $0.record.kind == kind && (step == nil || $0.record.step == step) }) else {
          continue
        }
        moment = when
      }
      crashes.remove(at: index)
      met = (moment, restartAfter)
      return moment
    }
    return nil
  }

  // MARK: RecordCodec

  func encode(_ record: Record) -> String {
    encoded.append(record)
    return ""
  }

  func decode(_ text: String) throws -> Record { durable[Int(text.dropFirst()) ?? 0].record }

  /// What the durable records of a workload add up to.
  func state(of workload: String) -> DurableState {
    var state = DurableState()
    for written in durable where written.workload == workload { state.apply(written.record) }
    return state
  }
}
