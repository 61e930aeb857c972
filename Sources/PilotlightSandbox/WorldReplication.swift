// Replay, lag, and the ReplicaLag metric, all as formulas of time.
//
// A replica's position is the moment up to which it has its source's writes. Following, it is half a second to three
// seconds behind, wandering from minute to minute; held, it stands; released, it catches up at five times the pace of
// time. A position never goes back, so a sample of the metric proves what it says.

internal import PilotlightCore

extension SandboxWorld {
  /// How much faster than time a replica catches up.
  private static let catchUp: Int64 = 5
  /// RDS for PostgreSQL closes a WAL segment every five minutes, which is how far the lag of an idle replica drifts.
  private static let heartbeat: Int64 = 5 * minute
  /// MySQL's default of `replica_net_timeout`.
  private static let netTimeout: Int64 = 60 * second
  /// A replica that follows is never further behind than this.
  private static let underway: Int64 = 3 * second

  /// The moment up to which the replica has its source's writes, at `now` or at an earlier `time` of the same pace.
  func position(of replay: Replay, _ index: Int, at time: Instant? = nil) -> Instant {
    let time = time ?? now
    switch replay.mode {
    case .stopped: return replay.from
    case .spiking(let lag): return max(replay.from, time.adding(-lag))
    case .following:
      let caught = replay.from.nanoseconds + (time.nanoseconds - replay.since.nanoseconds) * Self.catchUp
      let followed = time.nanoseconds - baseLag(index, at: time)
      return max(replay.from, Instant(nanoseconds: min(caught, followed)))
    }
  }

  /// 0.5 ... 3 s, straight from minute mark to minute mark.
  private func baseLag(_ index: Int, at time: Instant) -> Int64 {
    let mark = time.nanoseconds / minute
    let part = (time.nanoseconds - mark * minute) / 1_000_000
    let here = SandboxRandom.noise(databases[index].noise, mark, below: 2500)
    let next = SandboxRandom.noise(databases[index].noise, mark + 1, below: 2500)
    return (500 + here) * 1_000_000 + (next - here) * part * 1_000_000 / 60_000
  }

  /// Puts each replica of a workload on the pace that the state of the world allows.
  mutating func refreshReplication(_ workload: Int) {
    let name = workloads[workload].settings.name
    let stopped = faultSet.contains(.replicationStopped(workload: name))
    let spike = faultSet.isEmpty ? nil : faultSet.spike(of: name)
    for index in workloads[workload].databases {
      guard let replay = databases[index].replay else { continue }
      let source = databases[replay.source]
      let cut = regionDown[source.region] || regionDown[databases[index].region]
      let mute = !source.streams || databases[index].trouble != nil
      let able = databases[index].status == .available || databases[index].status == .backingUp
      let mode: Replay.Mode = stopped || cut || mute || !able ? .stopped : spike.map { .spiking($0) } ?? .following
      if mode != replay.mode {
        let reached = position(of: replay, index)
        databases[index].replay = Replay(source: replay.source, mode: mode, from: reached, since: now)
      }
    }
  }

  /// Takes the samples of all minute marks up to now at which the present pace held.
  mutating func sampleLag(_ workload: Int) {
    for index in workloads[workload].databases { sampleLag(database: index) }
  }

  private mutating func sampleLag(database index: Int) {
    let last = now.nanoseconds / minute * minute
    guard let replay = databases[index].replay, databases[index].sampled.nanoseconds < last else { return }
    let from = max(databases[index].sampled.nanoseconds / minute * minute + minute, last - 16 * minute)
    databases[index].sampled = now
    // No datapoints come from an instance that is being created.
    guard databases[index].status != .creating else { return }
    for mark in stride(from: from, through: last, by: Int(minute)) {
      let at = Instant(nanoseconds: mark)
      if databases[index].samples.count >= 17 { databases[index].samples.removeFirst() }
      guard let lag = lag(of: replay, index, at: at) else { continue }
      databases[index].samples.append(LagSample(at: at, seconds: lag))
    }
  }

  /// What the metric says at a moment; nil: nothing.
  private func lag(of replay: Replay, _ index: Int, at time: Instant) -> Double? {
    if databases[index].ref.global != nil { return globalLag(of: replay, index, at: time) }
    return switch engine {
    case .postgres: replay.mode == .stopped ? -1 : sinceReplayed(replay, index, at: time)
    case .mysql: behindArrived(replay, index, at: time)
    }
  }

  /// MySQL's Seconds_Behind_Source: how late the newest applied event is, and zero once all that has *arrived* is applied. A link that
  /// has gone silent is noticed after `replica_net_timeout`; until then nothing arrives, and it says zero. Whoever was late in applying
  /// when it fell silent has more that arrived, and says so.
  private func behindArrived(_ replay: Replay, _ index: Int, at time: Instant) -> Double {
    let position = position(of: replay, index, at: time)
    switch replay.mode {
    case .stopped:
      if time.nanoseconds - replay.since.nanoseconds >= Self.netTimeout { return -1 }
      let isLate = replay.since.nanoseconds - position.nanoseconds > Self.underway
      return isLate ? Double((time.nanoseconds - position.nanoseconds) / second) : 0
    case .following, .spiking:
      guard let newest = lastWrite(databases[replay.source].history, upTo: time), newest > position else { return 0 }
      return Double((time.nanoseconds - position.nanoseconds) / second)
    }
  }

  /// Time since the newest replayed transaction, as PostgreSQL computes it.
  private func sinceReplayed(_ replay: Replay, _ index: Int, at time: Instant) -> Double {
    let position = position(of: replay, index, at: time)
    // Before the world began, users wrote as they do now.
    let written = lastWrite(databases[replay.source].history, upTo: position) ?? min(position, began)
    let idle = position.nanoseconds - written.nanoseconds
    let newest = written.adding(idle / Self.heartbeat * Self.heartbeat)
    return Double((time.nanoseconds - newest.nanoseconds) / 1_000_000) / 1000
  }

  /// How long after its minute began a datapoint is published: at another second of the minute for each database.
  private func publishing(_ index: Int) -> Int64 {
    62 * second + SandboxRandom.noise(databases[index].noise, -1, below: 46) * second
  }

  /// CloudWatch: the last 15 minutes, newest last. A database that is no replica, or unknown, has no datapoints.
  mutating func replicaLag(_ ref: DatabaseRef) -> CloudReply {
    guard let index = find(ref) else { return .lag([]) }
    if faultSet.contains(.lagMissing(workload: workloads[databases[index].workload].settings.name)) { return .lag([]) }
    if databases[index].sampled.nanoseconds / minute < now.nanoseconds / minute { settle(databases[index].workload) }
    let newest = now.adding(-publishing(index))
    let oldest = now.adding(-15 * minute)
    let samples = databases[index].samples
    guard let first = samples.firstIndex(where: { $0.at >= oldest }),
      let last = samples.lastIndex(where: { $0.at <= newest }), first <= last
    else { return .lag([]) }
    return .lag(Array(samples[first...last]))
  }

  /// The newest write a history holds not later than `time`, its ancestors' included.
  func lastWrite(_ history: Int, upTo time: Instant) -> Instant? {
    for span in histories[history].spans.reversed() {
      if let last = span.last(upTo: time) { return last }
    }
    guard let parent = histories[history].parent else { return nil }
    return lastWrite(parent, upTo: min(time, histories[history].forkedAt))
  }

  /// The oldest write a history holds after `time` and not later than `limit`, its ancestors' included.
  func firstWrite(_ history: Int, after time: Instant, upTo limit: Instant) -> Instant? {
    if let parent = histories[history].parent, histories[history].forkedAt > time,
      let first = firstWrite(parent, after: time, upTo: min(limit, histories[history].forkedAt))
    {
      return first
    }
    for span in histories[history].spans {
      if let first = span.first(after: time) { return first <= limit ? first : nil }
    }
    return nil
  }

  /// A promotion that loses what need not be lost is worth a note.
  mutating func watchPromotion(_ index: Int, _ replay: Replay) {
    let source = databases[replay.source]
    let workload = databases[index].workload
    if workloads[workload].writers.contains(where: { $0.history == source.history }) {
      note(
        .promotedBesideServingPrimary, workload,
        "\(databases[index].ref.identifier) was promoted while users wrote to \(source.ref.identifier)")
    } else if let last = lastWrite(source.history, upTo: now), last > position(of: replay, index) {
      let isCut = replay.mode == .stopped
      note(
        isCut ? .loss : .avoidableLoss, workload,
        "\(databases[index].ref.identifier) was promoted before it had replayed what was "
          + (isCut ? "written, and its source is cut off" : "on its way"))
    }
  }
}
