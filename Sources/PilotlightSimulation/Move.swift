// What can happen next, at any place.

import PilotlightCore

/// One thing that happens.
enum Move: CustomStringConvertible {
  case begin
  case see(View)
  /// Time passes; what was given up has arrived by then, or never will.
  case wait(seconds: Int, arrives: Bool)
  case answer(Int, Reply)
  case cloud(Int)
  /// The process dies and comes back; what was on its way arrives, or does not.
  case crash(arrives: Bool)
  case freeze
  case order(OrderKind)

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
    case .see(let view): "see \(view)"
    case .wait(let seconds, let arrives): "wait \(seconds) s\(arrives ? ", late acts arrive" : "")"
    case .answer(let index, let reply): "answer \(index) \(reply)"
    case .cloud(let index): "the cloud moves on \(index)"
    case .crash(let arrives): "crash\(arrives ? ", acts arrive" : "")"
    case .freeze: "freeze"
    case .order(let kind): "order \(kind)"
    }
  }

  /// Everything that can happen here.
  static func all(from place: Place, ordering orders: [OrderKind]) -> [Move] {
    var moves: [Move] = View.allCases.filter { $0 != place.view }.map { .see($0) }
    let hasLateAct = place.asked.contains { !place.isAwaited($0) && $0.isAct }
    moves.append(.wait(seconds: 1, arrives: false))
    for seconds in [31, 121, 901] {
      moves.append(.wait(seconds: seconds, arrives: false))
      if hasLateAct { moves.append(.wait(seconds: seconds, arrives: true)) }
    }
    for (index, question) in place.asked.enumerated() {
      let isRead = !question.isAct
      for reply in Reply.allCases where !(isRead && reply == .takenUnheard) { moves.append(.answer(index, reply)) }
    }
    moves += place.cloud.next.indices.map { .cloud($0) }
    moves.append(.crash(arrives: false))
    if place.asked.contains(where: \.isAct) { moves.append(.crash(arrives: true)) }
    moves.append(.freeze)
    moves += orders.map { .order($0) }
    return moves
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
