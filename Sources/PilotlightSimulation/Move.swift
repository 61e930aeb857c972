// What can happen next, at any place.

import PilotlightCore

/// One thing that happens, and what the detector says at that moment.
enum Move: CustomStringConvertible {
  case begin
  /// Time passes; what was given up has arrived by then, or never will.
  case wait(seconds: Int, arrives: Bool, View)
  case answer(Int, Reply, View)
  case cloud(Int)
  /// The process dies and comes back; what was on its way arrives, or does not.
  case crash(arrives: Bool)
  case freeze
  case order(OrderKind, View)

  /// How a question is answered.
  enum Reply: String, CaseIterable {
    /// As it is; an act is taken.
    case truth
    /// The service fails before it does anything; an act certainly did not happen.
    case throttled
    /// Not allowed.
    case denied
    /// No answer comes, and nothing happened.
    case lost
    /// No answer comes, and the act happened.
    case takenUnheard
  }

  var description: String {
    switch self {
    case .begin: "begin"
    case .wait(let seconds, let arrives, let view): "\(seconds) s later\(arrives ? ", late acts arrived" : ""): \(view)"
    case .answer(let index, let reply, let view): "answer \(index) \(reply): \(view)"
    case .cloud(let index): "the cloud moves on \(index)"
    case .crash(let arrives): "crash\(arrives ? ", acts arrive" : "")"
    case .freeze: "freeze"
    case .order(let kind, let view): "order \(kind): \(view)"
    }
  }

  /// Everything that can happen here.
  static func all(from place: Place, ordering orders: [OrderKind]) -> [Move] {
    let hasLateAct = place.asked.contains { !place.isAwaited($0) && $0.isAct }
    var moves: [Move] = []
    for view in place.views {
      moves.append(.wait(seconds: 1, arrives: false, view))
      for seconds in waits {
        moves.append(.wait(seconds: seconds, arrives: false, view))
        if hasLateAct { moves.append(.wait(seconds: seconds, arrives: true, view)) }
      }
      for (index, question) in place.asked.enumerated() {
        for reply in Reply.allCases where question.isAct || reply != .takenUnheard {
          moves.append(.answer(index, reply, view))
        }
      }
    }
    // In a run an order is a note; what it changes shows in the events after it.
    let views = place.machine.state.phase.run == nil ? place.views : [.down]
    for view in views { moves += orders.map { .order($0, view) } }
    moves += place.cloud.next.indices.map { .cloud($0) }
    moves.append(.crash(arrives: false))
    if place.asked.contains(where: \.isAct) { moves.append(.crash(arrives: true)) }
    moves.append(.freeze)
    return moves
  }

  /// Whether this is something going wrong, or an order that nothing asks for: what a search may bound.
  func disturbs(_ place: Place) -> Bool {
    switch self {
    case .begin, .cloud: false
    // An answer is here in a moment, or something is wrong.
    case .wait(let seconds, let arrives, _): arrives || seconds > 30 && place.asked.contains(where: place.isAwaited)
    case .answer(_, let reply, _): reply != .truth
    case .crash, .freeze: true
    case .order(let kind, _):
      switch kind {
      case .skip, .abort, .pause, .resume: place.machine.state.phase.run?.stuck == nil
      case .failover, .failback, .switchover, .approve, .retry, .ack, .reviewLoss: false
      }
    }
  }

  /// One beyond each threshold that means something by itself: a denial, a rollback's patience, the gate's word, an act unseen.
  private static let waits = [31, 61, 121, 901]
}

extension Place {
  /// The views that the machine can tell apart here. To have seen nothing yet is to be blind.
  fileprivate var views: [View] {
    let all = View.allCases.filter { $0 != .unknown }
    switch machine.state.phase {
    case .healthy, .degraded: return all
    case .failingOver(let run):
      if run.rollback != nil { return [.down] }
      if !run.needsClearance { return [.up, .down] }
      let isJudging = run.ready.contains { $0.step.work == .gate || $0.step.work.needsClearance }
      return isJudging ? all : [.up, .failing, .down]
    case .drActive, .failingBack: return [.up, .down]
    }
  }
}

extension Place.Question {
  var isAct: Bool { actions.contains(where: \.changes) }

  /// What the machine hears, and what it does to the cloud.
  func reply(_ reply: Move.Reply, _ cloud: inout BareCloud, at now: Instant) -> [CloudReply] {
    actions.map { action in
      switch reply {
      case .truth: return action.changes ? cloud.take(action) : cloud.answer(action, at: now)
      case .throttled: return .failed(CloudFailure(.throttled, code: "Throttling", message: "later"))
      case .denied: return .failed(CloudFailure(.denied, code: "AccessDenied", message: "no"))
      case .lost: return .failed(CloudFailure(.unknownOutcome, code: "timeout", message: "no answer"))
      case .takenUnheard:
        _ = cloud.take(action)
        return .failed(CloudFailure(.unknownOutcome, code: "timeout", message: "no answer"))
      }
    }
  }
}
