// Names and their addresses: believed for a minute, remembered for longer, and never waited for beyond patience.

import Foundation
import PilotlightHTTP
import Synchronization
import Testing

/// A resolver that says what the test wants, and counts how often it is asked.
final class Resolver: Sendable {
  struct State {
    var answer: Result<[NetworkAddress], NameService.Failure>
    var asked = 0
    var delay: Duration = .zero
  }
  let state: Mutex<State>

  init(_ addresses: String...) {
    state = Mutex(State(answer: .success(addresses.compactMap { NetworkAddress($0) })))
  }

  func fails(_ why: String) { state.withLock { $0.answer = .failure(NameService.Failure(why)) } }
  func takes(_ delay: Duration) { state.withLock { $0.delay = delay } }
  var asked: Int { state.withLock { $0.asked } }

  var lookup: NameService.Lookup {
    { [self] _ in
      let (answer, delay) = state.withLock { state in
        state.asked += 1
        return (state.answer, state.delay)
      }
      if delay > .zero {
        usleep(UInt32(delay.components.seconds * 1_000_000 + delay.components.attoseconds / 1_000_000_000_000))
      }
      return answer
    }
  }
}

extension NameService {
  fileprivate func find(_ name: String, patience: Duration = .seconds(5)) async -> Answer {
    await withCheckedContinuation { continuation in
      addresses(of: name, patience: patience) { continuation.resume(returning: $0) }
    }
  }
}

@Suite(.timeLimit(.minutes(2))) struct NameTests {
  private let one = [NetworkAddress("192.0.2.1")].compactMap(\.self)

  @Test func `an answer is believed for a while and not asked for again`() async {
    let resolver = Resolver("192.0.2.1")
    let names = NameService(lookup: resolver.lookup)
    for _ in 0..<5 { #expect(await names.find("alb") == .current(one)) }
    #expect(resolver.asked == 1)
    #expect(await names.find("other") == .current(one))
    #expect(resolver.asked == 2)
  }

  @Test func `many who ask at once ask once`() async {
    let resolver = Resolver("192.0.2.1")
    resolver.takes(.milliseconds(100))
    let names = NameService(lookup: resolver.lookup)
    await withTaskGroup(of: NameService.Answer.self) { group in
      for _ in 0..<50 { group.addTask { await names.find("alb") } }
      for await answer in group { #expect(answer == .current(one)) }
    }
    #expect(resolver.asked == 1)
  }

  @Test func `a name that never resolved has no last known address`() async {
    let resolver = Resolver()
    let names = NameService(lookup: resolver.lookup)
    #expect(await names.find("alb") == .lastKnown([], why: "the name has no address"))
    resolver.fails("Name or service not known")
    #expect(await names.find("alb") == .lastKnown([], why: "Name or service not known"))
    #expect(resolver.asked == 2)
  }

  @Test func `a name server that hangs is waited for with patience, and its answer serves the next caller`() async {
    let resolver = Resolver("192.0.2.1")
    resolver.takes(.milliseconds(400))
    let names = NameService(lookup: resolver.lookup)
    #expect(
      await names.find("alb", patience: .milliseconds(50)) == .lastKnown([], why: "no name server answered in time"))
    #expect(await names.find("alb") == .current(one))
    #expect(resolver.asked == 1)
  }

  @Test func `a hundred names that hang keep none waiting beyond its patience`() async {
    let resolver = Resolver("192.0.2.1")
    resolver.takes(.milliseconds(300))
    let names = NameService(lookup: resolver.lookup)
    await withTaskGroup(of: NameService.Answer.self) { group in
      for index in 0..<100 { group.addTask { await names.find("alb-\(index)", patience: .seconds(30)) } }
      for await answer in group { #expect(answer == .current(one)) }
    }
  }

  @Test func `the system's resolver knows this host, by IPv4`() async {
    let answer = await NameService().find("localhost")
    #expect(answer == .current([NetworkAddress("127.0.0.1")].compactMap(\.self)))
    let unknown = await NameService().find("no-such-name.invalid", patience: .seconds(30))
    guard case .lastKnown([], let why) = unknown else {
      Issue.record("\(unknown)")
      return
    }
    #expect(!why.isEmpty)
  }
}
