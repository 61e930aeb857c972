// The sightings of one workload over a stretch of time.

import PilotlightCore

/// Equal results of one watch, one or more.
struct Item: Equatable {
  var watch: Watch
  var value: Value
  var count: Int
  var first: Times
  /// Equal to `first` when there is one.
  var last: Times
  /// Starts of the primary's probes between the first and the last: whether a failure is a grey one is told by how many there were in
  /// its window, to the one at the edge. Empty for other watches.
  var between: [Instant] = []

  /// The moments of one sighting.
  struct Times: Equatable {
    var started: Instant
    var arrived: Instant
    /// The observation's own start and length; for a reply, the start and zero.
    var observed: Instant
    var took: Duration
  }

  /// - Returns: nil for what is not kept: a replay ends where the veto command would be asked.
  init?(_ seen: Seen) {
    watch = seen.watch
    count = 1
    switch seen.sighting {
    case .observation(let observation):
      value = .outcome(observation.outcome)
      first = Times(
        started: seen.startedAt, arrived: seen.arrivedAt, observed: observation.at, took: observation.took)
    case .reply(let reply):
      value = .reply(reply)
      first = Times(started: seen.startedAt, arrived: seen.arrivedAt, observed: seen.startedAt, took: .zero)
    case .veto: return nil
    }
    last = first
  }

  /// One after the other; what is not known of those between the first and the last is told evenly spaced.
  var all: [Seen] {
    (0..<count).map { index in
      var times = index == count - 1 ? last : first.towards(last, index, of: max(count - 1, 1))
      if index > 0, index <= between.count { times.move(to: between[index - 1]) }
      let sighting: Sighting =
        switch value {
        case .outcome(let outcome):
          .observation(Observation(at: times.observed, took: times.took, outcome: outcome))
        case .reply(let reply): .reply(reply)
        }
      return Seen(watch, sighting, startedAt: times.started, arrivedAt: times.arrived)
    }
  }
}

extension Item.Times {
  fileprivate func towards(_ other: Item.Times, _ index: Int, of parts: Int) -> Item.Times {
    func between(_ a: Int64, _ b: Int64) -> Int64 { a + (b - a) / Int64(parts) * Int64(index) }
    func between(_ a: Instant, _ b: Instant) -> Instant {
      Instant(nanoseconds: between(a.nanoseconds, b.nanoseconds))
    }
    return Item.Times(
      started: between(started, other.started), arrived: between(arrived, other.arrived),
      observed: between(observed, other.observed),
      took: .nanoseconds(between(took.nanoseconds, other.took.nanoseconds)))
  }

  fileprivate mutating func move(to start: Instant) {
    let shift = start - started
    (started, arrived, observed) = (start, arrived + shift, observed + shift)
  }

  /// Each moment is told by the one it mostly follows from.
  fileprivate func pack(_ into: inout Packer, from before: Instant, isOutcome: Bool) {
    into.duration(started - before)
    into.duration(arrived - started)
    guard isOutcome else { return }
    into.duration(observed - started)
    into.duration(arrived - observed - took)
  }

  fileprivate init(_ from: inout Unpacker, from before: Instant, isOutcome: Bool) throws(Garbled) {
    started = try Unpacker.instant((before + (try from.duration())).nanoseconds)
    arrived = try Unpacker.instant((started + (try from.duration())).nanoseconds)
    (observed, took) = (started, .zero)
    guard isOutcome else { return }
    observed = try Unpacker.instant((started + (try from.duration())).nanoseconds)
    took = arrived - observed - (try from.duration())
  }
}

/// A frame's worth of them.
struct Stretch: Equatable {
  var workload: String
  var items: [Item]

  /// In the order in which they arrived.
  var sightings: [Seen] {
    let all = items.flatMap(\.all)
    let inOrder = all.enumerated().sorted {
      ($0.element.arrivedAt, $0.offset) < ($1.element.arrivedAt, $1.offset)
    }
    return inOrder.map(\.element)
  }

  func pack(_ into: inout Packer) {
    let watches = Table(items.map(\.watch))
    // Lag is told by how it differs from what was told before: each has its own place.
    let values = Table(items.map(\.value))
    into.text(workload)
    var before = items.first?.first.started ?? Instant(nanoseconds: 0)
    into.instant(before)
    into.list(watches.entries) { $1.pack(&$0) }
    var lag: [LagSample] = []
    into.list(values.entries) { $1.pack(&$0, lag: &lag) }
    into.list(items) { into, item in
      into.number(UInt64(watches.place(of: item.watch)))
      into.number(UInt64(values.place(of: item.value)))
      into.number(UInt64(item.count))
      let isOutcome = item.value.isOutcome
      item.first.pack(&into, from: before, isOutcome: isOutcome)
      if item.count > 1 { item.last.pack(&into, from: item.first.started, isOutcome: isOutcome) }
      item.packBetween(&into)
      before = item.first.started
    }
  }

  init(workload: String, items: [Item]) {
    self.workload = workload
    self.items = items
  }

  init(_ from: inout Unpacker) throws(Garbled) {
    workload = try from.text()
    var before = try from.instant()
    let watches = try from.list { from throws(Garbled) in try Watch(&from) }
    var lag: [LagSample] = []
    var values: [Value] = []
    for _ in 0..<(try from.count(Format.mostValues)) { values.append(try Value(&from, lag: &lag)) }
    var left = Format.mostSightings
    items = try from.list { from throws(Garbled) in
      let item = try Item(&from, from: before, watches, values)
      left -= item.count
      if left < 0 { throw Garbled() }
      before = item.first.started
      return item
    }
  }
}

extension Item {
  fileprivate init(_ from: inout Unpacker, from before: Instant, _ watches: [Watch], _ values: [Value]) throws(Garbled)
  {
    watch = watches[try from.place(in: watches.count)]
    value = values[try from.place(in: values.count)]
    count = try from.count(Format.longestRun)
    if count == 0 { throw Garbled() }
    first = try Times(&from, from: before, isOutcome: value.isOutcome)
    last = count > 1 ? try Times(&from, from: first.started, isOutcome: value.isOutcome) : first
    let span = last.arrived - first.arrived
    guard span >= .zero, span <= Format.longestSpan else { throw Garbled() }
    guard watch == .primaryProbe, count > 2 else { return }
    var before = first.started
    for _ in 2..<count {
      before = try Unpacker.instant((before + .nanoseconds(step) + (try from.duration())).nanoseconds)
      between.append(before)
    }
  }

  /// Each by how far it is from where an even pace would put it.
  fileprivate func packBetween(_ into: inout Packer) {
    var before = first.started
    for start in between {
      into.duration(start - before - .nanoseconds(step))
      before = start
    }
  }

  /// Nanoseconds from one to the next, were they evenly spaced.
  private var step: Int64 { (last.started - first.started).nanoseconds / Int64(max(count - 1, 1)) }
}

extension Unpacker {
  fileprivate mutating func place(in count: Int) throws(Garbled) -> Int {
    if count == 0 { throw Garbled() }
    return try self.count(count - 1)
  }
}

extension Value {
  fileprivate var isOutcome: Bool { if case .outcome = self { true } else { false } }
}

/// Each different entry once, in the order of first use.
private struct Table<Entry: Hashable> {
  private(set) var entries: [Entry] = []
  private var places: [Entry: Int] = [:]

  init(_ all: [Entry]) {
    for entry in all where places[entry] == nil {
      places[entry] = entries.count
      entries.append(entry)
    }
  }

  func place(of entry: Entry) -> Int { places[entry] ?? 0 }
}
