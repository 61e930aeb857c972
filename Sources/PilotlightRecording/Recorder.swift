// Sightings in, frames out. Pure: what is done with the bytes, and on which thread, is others' business.
//
// A workload is quiet while its primary serves and no watch has brought anything new for eleven minutes, longer than the longest
// window of a grey failure; only then are equal results counted instead of kept one by one (see `Format`). What is open is cut
// into frames soon after something changed, and seldom otherwise: a crash costs two seconds of a story, or a quarter of an hour
// of nothing.

package import PilotlightCore

/// Makes frames of what is recorded.
package struct Recorder {
  /// One workload's open stretch.
  fileprivate struct Open {
    var items: [Item] = []
    /// Where the present run of a watch stands among the items.
    var runs: [Watch: Int] = [:]
    /// What each watch brought last.
    var newest: [Watch: Value] = [:]
    var changedAt = Instant.distantPast
    var beganAt: Instant?
  }

  private var open: [String: Open] = [:]
  /// In the order in which they were first named.
  private var names: [String] = []
  private var viewpoints: [String: Viewpoint] = [:]
  private var finished: [Cut] = []

  /// A finished frame.
  package struct Cut: Equatable, Sendable {
    package var bytes: [UInt8]
    /// What is lost with it.
    package var sightings: Int
  }

  /// How long everything must have been the same.
  private static let quietAfter: Duration = .minutes(11)
  /// A change so young is cut soon.
  private static let news: Duration = .seconds(60)
  private static let cutSoon: Duration = .seconds(2)
  private static let cutNow: Duration = .seconds(60)
  private static let cutSeldom: Duration = .minutes(15)
  private static let mostItems = 1000

  package init() {}

  /// What a new segment begins with, so that it can be read without those before it.
  package func preamble(at now: Instant, wallAhead: Duration) -> [UInt8] {
    let marks =
      [.begins(at: now, wallAhead: wallAhead)]
      + names.compactMap { name in viewpoints[name].map { Mark.viewpoint(workload: name, $0, at: now) } }
    return marks.reduce(into: Format.header) { $0 += Format.frame(Payload.mark($1).packed) }
  }

  /// A mark that is written out of turn.
  package static func frame(_ mark: Mark) -> [UInt8] { Format.frame(Payload.mark(mark).packed) }

  package mutating func take(_ recorded: Recorded) {
    switch recorded {
    case .sighted(let workload, let seen): take(seen, workload)
    case .mark(let mark): take(mark)
    }
  }

  private mutating func take(_ mark: Mark) {
    switch mark {
    case .run(let workload, _, _): cut(workload)
    case .viewpoint(let workload, let viewpoint, _):
      cut(workload)
      if viewpoints.updateValue(viewpoint, forKey: workload) == nil { know(workload) }
    case .begins, .started, .stopped, .gap, .missed:
      for name in names { cut(name) }
    }
    finished.append(Cut(bytes: Format.frame(Payload.mark(mark).packed), sightings: 0))
  }

  private mutating func know(_ workload: String) {
    if !names.contains(workload) { names.append(workload) }
  }

  private mutating func take(_ seen: Seen, _ workload: String) {
    guard let item = Item(seen)?.storable else { return }
    if open[workload] == nil {
      open[workload] = Open()
      know(workload)
    }
    open[workload]?.add(item, isQuietAfter: Recorder.quietAfter)
    if (open[workload]?.items.count ?? 0) >= Recorder.mostItems { cut(workload) }
  }

  private mutating func cut(_ workload: String) {
    guard var stretch = open[workload], !stretch.items.isEmpty else { return }
    finish(Stretch(workload: workload, items: stretch.items))
    (stretch.items, stretch.runs, stretch.beganAt) = ([], [:], nil)
    open[workload] = stretch
  }

  private mutating func finish(_ stretch: Stretch) {
    let payload = Payload.sightings(stretch).packed
    if payload.count > Format.longest, stretch.items.count > 1 {
      let half = stretch.items.count / 2
      finish(Stretch(workload: stretch.workload, items: Array(stretch.items[..<half])))
      finish(Stretch(workload: stretch.workload, items: Array(stretch.items[half...])))
    } else {
      finished.append(Cut(bytes: Format.frame(payload), sightings: stretch.items.reduce(0) { $0 + $1.count }))
    }
  }

  /// Frames that are ready at `now`; all that is open when `everything` is asked for.
  package mutating func frames(at now: Instant, everything: Bool = false) -> [Cut] {
    for name in names {
      guard let stretch = open[name], let began = stretch.beganAt else { continue }
      let patience: Duration =
        switch now - stretch.changedAt {
        case ..<Recorder.news: Recorder.cutSoon
        case Recorder.quietAfter... where stretch.isServing: Recorder.cutSeldom
        default: Recorder.cutNow
        }
      if everything || now - began >= patience { cut(name) }
    }
    defer { finished = [] }
    return finished
  }
}

extension Recorder.Open {
  fileprivate var isServing: Bool {
    if case .outcome(.success)? = newest[.primaryProbe] { true } else { false }
  }

  fileprivate mutating func add(_ item: Item, isQuietAfter pause: Duration) {
    // Lag is news at every poll, and always exact.
    if item.watch != .replicaLag, newest.updateValue(item.value, forKey: item.watch) != item.value {
      changedAt = item.first.arrived
      runs = [:]
    }
    beganAt = beganAt ?? item.first.arrived
    let isQuiet = isServing && item.first.arrived - changedAt >= pause && item.watch != .replicaLag
    if isQuiet, let index = runs[item.watch], items[index].take(item) { return }
    runs[item.watch] = isQuiet ? items.count : nil
    items.append(item)
  }
}

extension Item {
  /// Makes one run of both, if it can be one.
  fileprivate mutating func take(_ next: Item) -> Bool {
    guard count < Format.longestRun, next.first.arrived >= last.arrived,
      next.first.arrived - first.arrived <= Format.longestSpan
    else { return false }
    if watch == .primaryProbe, count > 1 { between.append(last.started) }
    count += 1
    last = next.last
    return true
  }

  /// As it may be written; nil when it is nothing that a poll brings.
  fileprivate var storable: Item? {
    guard watch.isRecorded else { return nil }
    var item = self
    switch value {
    case .outcome(.success): return self
    case .outcome(.failure(let failure, let status, let detail)):
      item.value = .outcome(.failure(failure, status: status, detail: cut(detail)))
    case .reply(.failed(let failure)):
      item.value = .reply(
        .failed(CloudFailure(failure.kind, code: cut(failure.code), message: cut(failure.message))))
    case .reply(.lag(let samples)): item.value = .reply(.lag(samples.suffix(Format.mostSamples)))
    case .reply(let reply):
      guard reply.isPolled else { return nil }
    }
    return item
  }

  private func cut(_ text: String) -> String {
    text.utf8.count <= 1000 ? text : String(decoding: text.utf8.prefix(1000), as: UTF8.self)
  }
}
