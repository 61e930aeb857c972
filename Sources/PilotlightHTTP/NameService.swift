// The addresses behind names. libcurl resolves for itself and tells nobody what it found; whoever wants to ask each address of a load
// balancer has to know them. Answers are believed for a minute, the TTL of a load balancer's records, and remembered beyond it
// for the day on which no name server answers.

import CCurl
import Dispatch
import Glibc

/// Resolves names, and remembers what it learned.
package final class NameService: Sendable {
  /// Why a name has no addresses, in a line.
  package struct Failure: Error, Equatable {
    package let detail: String
    package init(_ detail: String) { self.detail = detail }
  }

  /// What is known of a name.
  package enum Answer: Equatable, Sendable {
    /// At most a minute old; at least one.
    case current([NetworkAddress])
    /// Those last known, none if there never were any, and why there is no newer answer.
    case lastKnown([NetworkAddress], why: String)
  }

  /// May take as long as it likes; called on a thread of its own.
  package typealias Lookup = @Sendable (String) -> Result<[NetworkAddress], Failure>

  // Unchecked: touched on the queue alone.
  private final class Book: @unchecked Sendable {
    var entries: [String: Entry] = [:]
    var underWay = 0
    var waiting: [String] = []
    var tickets = 0
  }

  private struct Entry {
    var addresses: [NetworkAddress] = []
    var learnedAt: ContinuousClock.Instant?
    var isAsked = false
    /// Who waits for the present question, by ticket.
    var callers: [Int: @Sendable (Answer) -> Void] = [:]
  }

  private static let lifetime: Duration = .seconds(60)
  /// A thread each; more names wait for their turn.
  private static let most = 32

  private let queue = DispatchQueue(label: "pilotlight.names")
  private let book = Book()
  private let lookup: Lookup

  package init(lookup: @escaping Lookup = NameService.system) { self.lookup = lookup }

  /// The addresses of `name`, all of one family.
  ///
  /// - Parameters:
  ///   - patience: how long an answer is waited for; the question goes on and serves the next caller.
  ///   - completion: called exactly once, on the service's queue, and must not block it.
  package func addresses(
    of name: String, patience: Duration, completion: @escaping @Sendable (Answer) -> Void
  ) {
    queue.async { self.find(name, patience, completion) }
  }

  private func find(_ name: String, _ patience: Duration, _ completion: @escaping @Sendable (Answer) -> Void) {
    var entry = book.entries[name] ?? Entry()
    if let learned = entry.learnedAt, learned.duration(to: .now) < NameService.lifetime {
      // Asked again while the answer still holds: one that is lost on the way costs no probe.
      if learned.duration(to: .now) > NameService.lifetime / 2, !entry.isAsked {
        book.entries[name]?.isAsked = true
        ask(name)
      }
      return completion(.current(entry.addresses))
    }
    book.tickets += 1
    let ticket = book.tickets
    entry.callers[ticket] = completion
    let isNew = !entry.isAsked
    entry.isAsked = true
    book.entries[name] = entry
    if isNew { ask(name) }
    queue.asyncAfter(deadline: .now() + .milliseconds(patience.timerMilliseconds)) {
      guard let caller = self.book.entries[name]?.callers.removeValue(forKey: ticket) else { return }
      let known = self.book.entries[name]?.addresses ?? []
      caller(.lastKnown(known, why: "no name server answered in time"))
    }
  }

  private func ask(_ name: String) {
    guard book.underWay < NameService.most else {
      book.waiting.append(name)
      return
    }
    book.underWay += 1
    Worker.run { [queue, lookup] in
      let result = lookup(name)
      queue.async { self.learned(name, result) }
    }
  }

  private func learned(_ name: String, _ result: Result<[NetworkAddress], Failure>) {
    book.underWay -= 1
    if !book.waiting.isEmpty { ask(book.waiting.removeFirst()) }
    var entry = book.entries[name] ?? Entry()
    let answer: Answer
    switch result {
    case .success(let addresses) where !addresses.isEmpty:
      (entry.addresses, entry.learnedAt) = (addresses, .now)
      answer = .current(addresses)
    case .success: answer = .lastKnown(entry.addresses, why: "the name has no address")
    case .failure(let failure): answer = .lastKnown(entry.addresses, why: failure.detail)
    }
    let callers = entry.callers
    entry.callers = [:]
    entry.isAsked = false
    book.entries[name] = entry
    for (_, caller) in callers.sorted(by: { $0.key < $1.key }) { caller(answer) }
  }

  /// What the system's resolver says, in its order.
  package static let system: Lookup = { name in
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_ADDRCONFIG
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(name, nil, &hints, &list)
    guard code == 0 else { return .failure(Failure(String(cString: gai_strerror(code)))) }
    defer { freeaddrinfo(list) }
    let found = sequence(first: list, next: { $0?.pointee.ai_next }).compactMap { $0 }
    var addresses: [NetworkAddress] = []
    for entry in found {
      var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
      let length = socklen_t(text.count)
      guard
        getnameinfo(entry.pointee.ai_addr, entry.pointee.ai_addrlen, &text, length, nil, 0, NI_NUMERICHOST) == 0
      else { continue }
      let digits = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      // One with a scope is no load balancer's.
      if let address = NetworkAddress(digits), !addresses.contains(address) { addresses.append(address) }
    }
    return .success(addresses.ofOneFamily)
  }
}

/// A thread for something that may block for long: the queues' own threads are few, and others wait for them.
private enum Worker {
  private final class Job {
    let work: @Sendable () -> Void
    init(_ work: @escaping @Sendable () -> Void) { self.work = work }
  }

  /// What getaddrinfo and its plug-ins need, bytes.
  private static let stack = 256 << 10

  static func run(_ work: @escaping @Sendable () -> Void) {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, stack)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    var thread = pthread_t()
    let job = Unmanaged.passRetained(Job(work)).toOpaque()
    let code = pthread_create(
      &thread, &attributes,
      { argument in
        guard let argument else { return nil }
        Unmanaged<Job>.fromOpaque(argument).takeRetainedValue().work()
        return nil
      }, job)
    guard code != 0 else { return }
    // Out of threads: somebody's queue has to do.
    Unmanaged<Job>.fromOpaque(job).release()
    DispatchQueue.global().async(execute: work)
  }
}
