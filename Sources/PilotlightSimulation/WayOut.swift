// What a search that bounds the orders cannot see: whether more of them would lead out of a place.

import PilotlightCore

/// A person at a place from which nothing goes wrong any more, with all the orders there are.
struct WayOut {
  private var place: Place
  private let start: Exploration.Start
  /// Events in a row at which the machine recorded nothing.
  private var quiet = 0

  /// - Returns: whether he gets to healthy or dr-active.
  static func exists(from place: Place, of start: Exploration.Start) -> Bool {
    var way = WayOut(place: place, start: start)
    return way.isFound()
  }

  private init(place: Place, start: Exploration.Start) {
    self.place = place
    self.start = start
  }

  private mutating func isFound() -> Bool {
    for _ in 0..<500 {
      switch place.machine.state.phase {
      case .healthy, .drActive: return true
      case .degraded, .failingOver, .failingBack: break
      }
      guard let move = next else { return false }
      let passage = Passage(place, move)
      place = passage.after
      let isNews = passage.records.contains { if case .ordered = $0 { false } else { true } }
      quiet = isNews ? 0 : quiet + 1
    }
    return false
  }

  private var view: View {
    switch start {
    case .healthy: .down
    case .drActive, .switchover: .up
    }
  }

  /// Answers come, the cloud moves on, time passes; and after a while of nothing he steps in, with one order after the other.
  private var next: Move? {
    if quiet < 30 {
      if let cloud = place.cloud.next.indices.first { return .cloud(cloud) }
      let awaited = place.asked.indices.first { place.isAwaited(place.asked[$0]) }
      if let awaited, quiet % 2 == 0 { return .answer(awaited, .truth, view) }
      let isLong = quiet % 10 == 9 && awaited == nil
      return .wait(seconds: isLong ? 901 : 1, arrives: false, view)
    }
    let running = place.machine.state.phase.run?.ready.first?.step.name
    let orders: [OrderKind] = [
      .approve(acceptDataLoss: true), .retry(step: nil), .abort, .skip(step: nil), .skip(step: running),
    ]
    return quiet - 30 < orders.count ? .order(orders[quiet - 30], view) : nil
  }
}
