// Asking the resolvers of one inquiry: each for itself, or any of them.

import PilotlightCore
import PilotlightQueues

/// What all questions of an inquiry share.
struct Resolution: Sendable {
  let resolvers: [ServerAddress]
  let patience: Patience
  let deadline: ContinuousClock.Instant
  let sockets: SocketSet
  let executor: QueueExecutor

  /// Asks one server for both families at once.
  func families(
    of name: String, from server: ServerAddress, asAuthority: Bool = false
  ) async -> BothFamilies {
    async let a = family(.a, of: name, from: server, asAuthority)
    async let aaaa = family(.aaaa, of: name, from: server, asAuthority)
    return await BothFamilies(a: a, aaaa: aaaa)
  }

  private func family(
    _ type: RecordType, of name: String, from server: ServerAddress, _ asAuthority: Bool
  ) async -> Result<FamilyAnswer, DNSFailure> {
    guard let query = DNSQuery(name, type, recursion: !asAuthority) else {
      return .failure(.notAsked("no domain name"))
    }
    return await ask(query, server).flatMap { message in
      do throws(DNSFailure) {
        return .success(try FamilyAnswer(message, to: query, asAuthority: asAuthority))
      } catch { return .failure(error) }
    }
  }

  private func ask(_ query: DNSQuery, _ server: ServerAddress) async -> Result<DNSMessage, DNSFailure> {
    await Exchange(query, to: server, patience, until: deadline, sockets, on: executor).run()
  }

  /// Where all resolvers together say that `name` leads: the chain of the first of them that knows, and everybody's addresses, for a load
  /// balancer shows each a few of its own.
  func everybodysLead(of name: String) async -> (chain: [String], addresses: [String]) {
    let all = await resolvers.asked { await families(of: name, from: $0).lead }.compactMap(\.self)
    var seen: Set<String> = []
    return (all.first?.chain ?? [], all.flatMap(\.addresses).filter { seen.insert($0).inserted }.sorted())
  }

  /// What the first resolver says that has an answer; the others are not waited for.
  func anybodysAnswer(_ name: String, _ type: RecordType) async -> Result<DNSMessage, DNSFailure> {
    guard let query = DNSQuery(name, type, recursion: true) else { return .failure(.notAsked("no domain name")) }
    return await withTaskGroup(of: Result<DNSMessage, DNSFailure>.self) { group in
      for resolver in resolvers { group.addTask { await ask(query, resolver).flatMap(Resolution.resolved) } }
      var last = Result<DNSMessage, DNSFailure>.failure(.notAsked("no resolver is known"))
      for await result in group {
        last = result
        if case .success = result { break }
      }
      group.cancelAll()
      return last
    }
  }

  private static func resolved(_ message: DNSMessage) -> Result<DNSMessage, DNSFailure> {
    if ![0, 3].contains(message.code) { return .failure(.refused(code: message.code)) }
    return message.offersRecursion ? .success(message) : .failure(.noRecursion)
  }
}

extension Sequence where Element: Sendable, Self: Sendable {
  /// All at the same time; the results in the order of the elements.
  func asked<Value: Sendable>(_ ask: @Sendable @escaping (Element) async -> Value) async -> [Value] {
    await withTaskGroup(of: (Int, Value).self) { group in
      for (index, element) in enumerated() { group.addTask { (index, await ask(element)) } }
      var values: [(Int, Value)] = []
      for await value in group { values.append(value) }
      return values.sorted { $0.0 < $1.0 }.map(\.1)
    }
  }
}
