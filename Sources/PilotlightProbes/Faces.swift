// A load balancer has several addresses, and one of them can be dead while the others serve: degraded, not down (F12). Each probe
// asks one of them, in turn; after anything but a success every probe asks all of them at once (eight at most), until all serve again.

import PilotlightCore
import PilotlightHTTP
import Synchronization

/// What a probe asks: the addresses, or the URL as it stands.
struct Faces: Equatable {
  /// Addresses to ask, each by a request of its own; empty: the URL's host is an address itself, or there is none.
  var addresses: [NetworkAddress]
  /// Why they are not the name's present ones; nil: they are.
  var trouble: String?
}

extension ProbeSettings {
  /// The addresses that the operator fixed, of one family. What the configuration accepts leads to the probe's own host and port.
  var fixedAddresses: [NetworkAddress] {
    resolve.flatMap { entry in
      entry.split(separator: ":", maxSplits: 2).dropFirst(2).flatMap { $0.split(separator: ",") }
        .compactMap { NetworkAddress($0) }
    }.ofOneFamily
  }
}

/// Whose turn it is, for each way of looking at a load balancer: two workloads that share one take turns of their own.
final class Turns: Sendable {
  private struct Turn {
    var next = 0
    var isTroubled = false
  }
  private let turns = Mutex<[ProbeSettings: Turn]>([:])

  /// Asked at once at most; a load balancer under load has more, and is told by these as well.
  static let most = 8

  /// Which addresses this probe asks.
  func pick(_ faces: Faces, _ probe: ProbeSettings) -> [NetworkAddress] {
    guard faces.addresses.count > 1 else { return faces.addresses }
    return turns.withLock { turns in
      let turn = turns[probe, default: Turn()]
      turns[probe, default: Turn()].next &+= 1
      let first = turn.next % faces.addresses.count
      let count = turn.isTroubled || faces.trouble != nil ? Turns.most : 1
      return Array((faces.addresses[first...] + faces.addresses[..<first]).prefix(count))
    }
  }

  /// What the probe saw.
  func saw(_ outcome: ProbeOutcome, _ probe: ProbeSettings) {
    let isTroubled = if case .success = outcome { false } else { true }
    turns.withLock { $0[probe, default: Turn()].isTroubled = isTroubled }
  }
}

/// What one address answered.
struct Face: Equatable {
  var address: NetworkAddress?
  var outcome: ProbeOutcome
  var name: String { address?.description ?? "" }
}

extension [Face] {
  /// Whoever's turn it was: equal answers are told in equal words.
  fileprivate var inOneOrder: [Face] { sorted { $0.name < $1.name } }
}

/// What the answers of several addresses mean together. One that serves is enough for users, and one that is silent beside it is dead.
/// A wrong answer is the application's and no address's: then the one whose turn it was speaks, as if it had been asked alone.
///
/// When none serves, an answer that does not count as down outweighs those that do if at least half are such, and a status outweighs
/// silence.
///
/// - Parameters:
///   - faces: at least one; first the one whose turn it was.
///   - trouble: why the name itself could not be resolved; it outweighs everything (F10).
func conclude(_ faces: [Face], trouble: String?) -> ProbeOutcome {
  let serving = faces.filter(\.outcome.isSuccess)
  if let trouble {
    let found =
      faces.isEmpty
      ? "" : "; of its last known addresses \(serving.isEmpty ? "none" : "\(serving.count) of \(faces.count)") serve"
    return .failure(.dns, status: nil, detail: "dns: \(trouble)\(found)")
  }
  // What our own host could not ask says nothing of the others.
  let asked = faces.filter { $0.outcome.failure != .local }
  guard asked.count > 1 else { return (asked.first ?? faces[0]).outcome }
  let slow = asked.filter { $0.outcome.failure == .slow }
  let dead = asked.filter(\.outcome.isSilent)
  guard let served = serving.first else { return noneServes(asked) }
  if serving.count + slow.count + dead.count < asked.count { return asked[0].outcome }
  if !dead.isEmpty {
    let words = dead.inOneOrder.map { "\($0.name) (\($0.outcome.failure?.rawValue ?? ""))" }.joined(separator: ", ")
    return .failure(
      .address, status: nil,
      detail: clipped("\(asked.count - dead.count) of \(asked.count) addresses serve, not \(words)"))
  }
  return slow.count > serving.count ? slow[0].outcome : served.outcome
}

private func noneServes(_ faces: [Face]) -> ProbeOutcome {
  let harmless = faces.filter { !($0.outcome.failure?.countsAsDown ?? false) }
  let heard = harmless.count * 2 >= faces.count ? harmless : faces.filter { $0.outcome.failure?.countsAsDown ?? false }
  let heaviest = heard.inOneOrder.max { $0.outcome.weight < $1.outcome.weight } ?? faces[0]
  guard case .failure(let failure, let status, let detail) = heaviest.outcome else { return heaviest.outcome }
  return .failure(
    failure, status: status,
    detail: clipped("none of \(faces.count) addresses serves well" + (detail.isEmpty ? "" : "; \(detail)")))
}

extension ProbeOutcome {
  fileprivate var isSuccess: Bool { if case .success = self { true } else { false } }

  fileprivate var failure: FailureClass? { if case .failure(let failure, _, _) = self { failure } else { nil } }

  /// Nothing that speaks HTTP was met.
  fileprivate var isSilent: Bool {
    switch failure {
    case .refused, .timeout, .reset: true
    case .serverError, .wrongStatus, .wrongContent, .slow, .tls, .dns, .local, .address, nil: false
    }
  }

  /// Among failures; the first of equals is taken.
  fileprivate var weight: Int {
    switch self {
    case .failure(.slow, _, _): 2
    case .failure(_, .some, _): 1
    case .success, .failure: 0
    }
  }
}
