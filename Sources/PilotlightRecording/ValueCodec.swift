// Watches and what they bring, as bytes. Exhaustive over `Watch` and `CloudReply` on purpose: a new case fails the build here
// until it has a tag of its own, which `init` has to read as well. Tags are never given out twice; one that a reader does not
// know makes its frame unreadable, and is told.

import PilotlightCore

/// What a sighting brought, without its times: what is equal in a quiet hour.
enum Value: Hashable {
  case outcome(ProbeOutcome)
  case reply(CloudReply)
}

extension Watch {
  func pack(_ into: inout Packer) {
    switch self {
    case .primaryProbe: into.byte(0)
    case .drProbe: into.byte(1)
    case .reference(let name):
      into.byte(2)
      into.text(name)
    case .drAPI: into.byte(3)
    case .primaryAPI: into.byte(4)
    case .primaryTargets: into.byte(5)
    case .replicaLag: into.byte(6)
    case .drDatabase: into.byte(7)
    case .primaryDatabase: into.byte(8)
    case .drGroup: into.byte(9)
    case .healthCheck: into.byte(10)
    case .readiness, .veto, .lease:
      // Never handed in: see `isRecorded`. No reader knows this tag.
      into.byte(255)
    }
  }

  /// What decisions rest on. Readiness and the lease are none of it, and a secret's state is written nowhere.
  var isRecorded: Bool { isEvidence }

  init(_ from: inout Unpacker) throws(Garbled) {
    switch try from.byte() {
    case 0: self = .primaryProbe
    case 1: self = .drProbe
    case 2: self = .reference(try from.text())
    case 3: self = .drAPI
    case 4: self = .primaryAPI
    case 5: self = .primaryTargets
    case 6: self = .replicaLag
    case 7: self = .drDatabase
    case 8: self = .primaryDatabase
    case 9: self = .drGroup
    case 10: self = .healthCheck
    default: throw Garbled()
    }
  }
}

extension CloudReply {
  /// Whether a poll that decisions rest on can be answered by this. Everything else belongs to the steps of a plan or to
  /// readiness and is never recorded: a secret's state above all.
  var isPolled: Bool {
    switch self {
    case .identity, .group, .database, .lag, .targets, .checkers, .failed: true
    case .secret, .secretSource, .records, .change, .checkSwitch, .controls, .names, .object, .writeHold, .snapshot,
      .subscribers,
      .launchSource, .permissions, .clock, .lease, .leased, .accepted:
      false
    }
  }
}

extension Value {
  /// - Parameter lag: the lag samples packed last; the next ones are told by how they differ.
  func pack(_ into: inout Packer, lag: inout [LagSample]) {
    switch self {
    case .outcome(.success(let status)):
      into.byte(0)
      into.integer(status)
    case .outcome(.failure(let failure, let status, let detail)):
      into.byte(1)
      into.choice(failure)
      into.optional(status) { $0.integer($1) }
      into.text(detail)
    case .reply(.identity(let account, let arn)):
      into.byte(2)
      into.text(account)
      into.text(arn)
    case .reply(.group(let group)):
      into.byte(3)
      group.pack(&into)
    case .reply(.database(let database)):
      into.byte(database.cluster == nil ? 4 : 9)
      database.pack(&into)
      database.cluster?.pack(&into)
    case .reply(.lag(let samples)):
      into.byte(5)
      LagDifference(from: lag, to: samples).pack(&into)
      lag = samples
    case .reply(.targets(let health)):
      into.byte(6)
      for count in [health.healthy, health.unhealthy, health.other] { into.integer(count) }
    case .reply(.failed(let failure)):
      into.byte(7)
      into.choice(failure.kind)
      into.text(failure.code)
      into.text(failure.message)
    case .reply(.checkers(let health)):
      into.byte(8)
      for count in [health.healthy, health.unhealthy] { into.integer(count) }
    case .reply(.secret), .reply(.secretSource), .reply(.records), .reply(.change), .reply(.checkSwitch),
      .reply(.controls),
      .reply(.names), .reply(.object), .reply(.writeHold), .reply(.snapshot), .reply(.subscribers),
      .reply(.launchSource),
      .reply(.permissions), .reply(.clock), .reply(.lease), .reply(.leased), .reply(.accepted):
      // Never handed in: see `isPolled`. No reader knows this tag.
      into.byte(255)
    }
  }

  init(_ from: inout Unpacker, lag: inout [LagSample]) throws(Garbled) {
    switch try from.byte() {
    case 0: self = .outcome(.success(status: try from.integer()))
    case 1:
      self = .outcome(
        .failure(
          try from.choice(FailureClass.self), status: try from.optional { from throws(Garbled) in try from.integer() },
          detail: try from.text()))
    case 2: self = .reply(.identity(account: try from.text(), arn: try from.text()))
    case 3: self = .reply(.group(try GroupState(&from)))
    case 4: self = .reply(.database(try DatabaseState(&from)))
    case 5:
      lag = try LagDifference(&from).applied(to: lag)
      self = .reply(.lag(lag))
    case 6:
      self = .reply(
        .targets(
          TargetHealth(healthy: try from.integer(), unhealthy: try from.integer(), other: try from.integer())))
    case 7:
      let kind = try from.choice(CloudFailure.Kind.self)
      self = .reply(.failed(CloudFailure(kind, code: try from.text(), message: try from.text())))
    case 8: self = .reply(.checkers(CheckerHealth(healthy: try from.integer(), unhealthy: try from.integer())))
    case 9:
      var database = try DatabaseState(&from)
      database.cluster = try ClusterState(&from)
      self = .reply(.database(database))
    default: throw Garbled()
    }
  }
}

extension GroupState {
  fileprivate func pack(_ into: inout Packer) {
    for count in [size.min, size.desired, size.max, inService, instances] { into.integer(count) }
    into.optional(trouble) { $0.text($1) }
    into.list(suspended) { $0.text($1) }
  }

  fileprivate init(_ from: inout Unpacker) throws(Garbled) {
    self.init(
      size: GroupSize(min: try from.integer(), desired: try from.integer(), max: try from.integer()),
      inService: try from.integer(), instances: try from.integer(),
      trouble: try from.optional { from throws(Garbled) in try from.text() },
      suspended: try from.list { from throws(Garbled) in try from.text() })
  }
}

extension DatabaseState {
  fileprivate func pack(_ into: inout Packer) {
    into.text(status)
    into.optional(source) { $0.text($1) }
    into.text(arn)
    into.optional(address) {
      $0.text($1.host)
      $0.integer($1.port)
    }
    into.text(engine)
    into.optional(replication) { $0.text($1) }
  }

  fileprivate init(_ from: inout Unpacker) throws(Garbled) {
    self.init(
      status: try from.text(), source: try from.optional { from throws(Garbled) in try from.text() },
      arn: try from.text(),
      address: try from.optional { from throws(Garbled) in
        DatabaseAddress(host: try from.text(), port: try from.integer())
      },
      engine: try from.text(), replication: try from.optional { from throws(Garbled) in try from.text() })
  }
}

extension ClusterState {
  fileprivate func pack(_ into: inout Packer) {
    into.integer(instances)
    into.text(version)
    into.text(globalVersion)
    into.integer(isMember ? 1 : 0)
    into.optional(operation) {
      $0.text($1.status)
      $0.text($1.to)
      $0.integer($1.allowsLoss ? 1 : 0)
    }
  }

  fileprivate init(_ from: inout Unpacker) throws(Garbled) {
    self.init(
      instances: try from.integer(), version: try from.text(), globalVersion: try from.text(),
      isMember: try from.integer() != 0,
      operation: try from.optional { from throws(Garbled) in
        GlobalOperation(status: try from.text(), to: try from.text(), allowsLoss: try from.integer() != 0)
      })
  }
}

/// CloudWatch tells the last 15 minutes at each poll: most of it is what it told before, moved a little by how its clock is
/// read.
struct LagDifference {
  /// So many of the earlier samples, the oldest, are gone; nil: nothing of them is kept.
  private var dropped: Int?
  /// The others lie so much later now.
  private var moved: Duration = .zero
  private var added: [LagSample]

  init(from old: [LagSample], to new: [LagSample]) {
    for drop in 0..<min(old.count, 4) {
      let kept = old[drop...]
      guard let first = new.first, kept.count <= new.count, let oldest = kept.first else { continue }
      let shift = first.at - oldest.at
      if zip(kept, new).allSatisfy({ $0.at + shift == $1.at && $0.seconds.bitPattern == $1.seconds.bitPattern }) {
        (dropped, moved, added) = (drop, shift, Array(new[kept.count...]))
        return
      }
    }
    added = new
  }

  init(_ from: inout Unpacker) throws(Garbled) {
    dropped = try from.optional { from throws(Garbled) in try from.count(4) }
    if dropped != nil { moved = try from.duration() }
    added = try from.list { from throws(Garbled) in
      LagSample(at: try from.instant(), seconds: try LagDifference.seconds(&from))
    }
  }

  func pack(_ into: inout Packer) {
    into.optional(dropped) { $0.number(UInt64($1)) }
    if dropped != nil { into.duration(moved) }
    into.list(added) {
      $0.instant($1.at)
      LagDifference.pack($1.seconds, &$0)
    }
  }

  func applied(to old: [LagSample]) throws(Garbled) -> [LagSample] {
    guard added.count <= Format.mostSamples else { throw Garbled() }
    guard let dropped else { return added }
    guard dropped <= old.count else { throw Garbled() }
    var samples: [LagSample] = []
    for sample in old[dropped...] {
      let at = try Unpacker.instant((sample.at + moved).nanoseconds)
      samples.append(LagSample(at: at, seconds: sample.seconds))
    }
    guard samples.count + added.count <= Format.mostSamples else { throw Garbled() }
    return samples + added
  }

  /// CloudWatch mostly has whole seconds.
  private static func pack(_ seconds: Double, _ into: inout Packer) {
    if let whole = Int32(exactly: seconds), Double(whole).bitPattern == seconds.bitPattern {
      into.byte(0)
      into.signed(Int64(whole))
    } else {
      into.byte(1)
      into.number(seconds.bitPattern)
    }
  }

  private static func seconds(_ from: inout Unpacker) throws(Garbled) -> Double {
    switch try from.byte() {
    case 0: return Double(try from.signed())
    case 1: return Double(bitPattern: try from.number())
    default: throw Garbled()
    }
  }
}
