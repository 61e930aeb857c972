// Where does a name lead, for users and for the zone? Every resolver and every server of the zone is asked at the same time, and the answers
// are only carried home here; the core judges them.

import Dispatch
package import PilotlightCore
import PilotlightQueues

/// Asks name servers. It never blocks its caller, and its sockets live on one queue of its own; a program needs one.
package final class NameInquiry: Sendable {
  private let authorityPort: UInt16
  private let patience: Patience
  private let executor = QueueExecutor(label: "pilotlight.dns")
  private let sockets: SocketSet
  /// For the one thing that reads a file.
  private let files = DispatchQueue(label: "pilotlight.dns.files")
  private let turnstile: Turnstile

  /// Resolvers of a question that are asked, and servers of the zone where the question names them.
  package static let mostServers = 8

  /// - Parameters:
  ///   - authorityPort: where servers of the zone listen that were found by NS records.
  ///   - patience: with each server.
  ///   - most: inquiries at a time; each has at most 80 sockets. Others wait for their turn.
  package init(authorityPort: UInt16 = 53, patience: Patience = Patience(), most: Int = 4) {
    self.authorityPort = authorityPort
    self.patience = patience
    sockets = SocketSet(executor)
    turnstile = Turnstile(most, queue: executor.queue)
  }

  /// Asks everybody once.
  ///
  /// - Parameter patience: the answer comes a moment after it at the latest, whatever servers do; an hour at most.
  package func answer(_ question: NameQuestion, patience: Duration) async -> NameReport {
    let deadline = ContinuousClock.now + min(patience, .hours(1))
    let isTurn = await turnstile.enter(until: deadline)
    defer { if isTurn { turnstile.leave() } }
    guard isTurn, ContinuousClock.now < deadline else {
      let why = NameOutcome.failed("not asked: there was no turn in \(patience.text)")
      return NameReport(answers: [
        NameAnswer(server: "the resolvers", isAuthoritative: false, outcome: why),
        NameAnswer(server: "the zone's servers", isAuthoritative: true, outcome: why),
      ])
    }
    return await ask(question, until: deadline)
  }

  private func ask(_ question: NameQuestion, until deadline: ContinuousClock.Instant) async -> NameReport {
    let (resolvers, mistaken) = await servers(question.servers.resolvers, isAuthoritative: false)
    let resolution = Resolution(
      resolvers: resolvers, patience: patience, deadline: deadline, sockets: sockets, executor: executor)
    async let target = resolution.everybodysLead(of: question.target)
    async let other = resolution.everybodysLead(of: question.other)
    async let remembered = resolvers.asked { resolver in
      await resolution.families(of: question.name, from: resolver)
        .answers(server: resolver.description, isAuthoritative: false)
    }
    async let authoritative = authoritative(question, resolution)
    let answers = await mistaken + remembered.flatMap(\.self) + authoritative
    return await NameReport(answers: answers, target: target.addresses, other: other.addresses)
  }

  /// What the texts mean, and an answer for each that means nothing; the host's own resolvers where there are none.
  private func servers(_ texts: [String], isAuthoritative: Bool) async -> ([ServerAddress], [NameAnswer]) {
    func failed(_ server: String, _ why: String) -> NameAnswer {
      NameAnswer(server: server, isAuthoritative: isAuthoritative, outcome: .failed(why))
    }
    if texts.isEmpty, !isAuthoritative {
      let own = await withCheckedContinuation { continuation in
        files.async { continuation.resume(returning: ServerAddress.ofThisHost()) }
      }
      return (own, own.isEmpty ? [failed("/etc/resolv.conf", "cannot be read")] : [])
    }
    let all = texts.prefix(NameInquiry.mostServers)
    return (
      all.compactMap { ServerAddress($0) },
      all.filter { ServerAddress($0) == nil }.map { failed($0, "no address of a server") }
    )
  }

  private func authoritative(_ question: NameQuestion, _ resolution: Resolution) async -> [NameAnswer] {
    if question.servers.isPrivate { return [] }
    var (servers, mistaken) = await servers(question.servers.authoritative, isAuthoritative: true)
    if question.servers.authoritative.isEmpty {
      switch await resolution.zoneServers(of: question.name, port: authorityPort) {
      case .success(let found): servers = found
      case .failure(let failure):
        let what = "the zone's servers"
        return [NameAnswer(server: what, isAuthoritative: true, outcome: .failed(failure.sentence))]
      }
    }
    let answers = await servers.asked { server in
      let own = await resolution.families(of: question.name, from: server, asAuthority: true)
        .answers(server: server.description, isAuthoritative: true)
      return await own.asked { await resolution.completed($0) }
    }
    return mistaken + answers.flatMap(\.self)
  }
}

extension Resolution {
  /// An answer that stops at a name of another zone, with what the resolvers say of the rest.
  fileprivate func completed(_ answer: NameAnswer) async -> NameAnswer {
    guard case .leads(let chain, let addresses) = answer.outcome, addresses.isEmpty, let end = chain.last else {
      return answer
    }
    let rest = await everybodysLead(of: end)
    var whole = answer
    whole.outcome = .leads(chain: chain + rest.chain, addresses: rest.addresses)
    return whole
  }
}
