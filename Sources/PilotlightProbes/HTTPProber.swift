// Probes look over HTTP and reduce what they saw to an observation. What an answer means is decided in Classification.swift.

package import PilotlightCore
package import PilotlightHTTP
import Synchronization

/// Looks at load balancers and reference URLs.
package struct HTTPProber: Sendable {
  /// Bytes of body that are read; a health endpoint may be hostile.
  static let bodyLimit = 65_536

  private let transport: CurlTransport
  private let now: @Sendable () -> Instant
  private let speed: Double
  private let names: NameService
  private let turns = Turns()

  /// - Parameters:
  ///   - names: where the addresses of load balancers come from.
  ///   - now: the daemon's time line.
  ///   - speed: how much faster that line runs than real time (1 outside the sandbox), above 0.
  package init(
    transport: CurlTransport, names: NameService = NameService(), now: @escaping @Sendable () -> Instant,
    speed: Double = 1
  ) {
    self.transport = transport
    self.names = names
    self.now = now
    self.speed = speed
  }

  /// One probe of a load balancer, on connections of its own: a kept-alive one would hide a dead listener.
  ///
  /// - Parameter completion: called exactly once, on some queue, which it must not block.
  package func probe(_ settings: ProbeSettings, completion: @escaping @Sendable (Observation) -> Void) {
    let start = now()
    // What is no URL is refused by the transport, in its words.
    guard let origin = Origin(url: settings.url) else {
      return ask(settings, nil, from: start) { face in
        completion(Observation(at: start, took: self.now() - start, outcome: face.outcome))
      }
    }
    find(origin, settings) { faces in
      let addresses = self.turns.pick(faces, settings)
      let asked = addresses.isEmpty && faces.trouble == nil ? [nil] : addresses.map { $0 as NetworkAddress? }
      self.gather(settings, asked, from: start) { answers in
        let outcome = conclude(answers, trouble: faces.trouble)
        self.turns.saw(outcome, settings)
        completion(Observation(at: start, took: self.now() - start, outcome: outcome))
      }
    }
  }

  /// The addresses of the load balancer: those the operator fixed, or the name's.
  private func find(_ origin: Origin, _ settings: ProbeSettings, _ found: @escaping @Sendable (Faces) -> Void) {
    if !settings.resolve.isEmpty { return found(Faces(addresses: settings.fixedAddresses)) }
    if NetworkAddress(origin.host) != nil { return found(Faces(addresses: [])) }
    // The other half is for the addresses that were last known.
    names.addresses(of: origin.host, patience: real(settings.timeout / 2)) { answer in
      switch answer {
      case .current(let addresses): found(Faces(addresses: addresses))
      case .lastKnown(let addresses, let why): found(Faces(addresses: addresses, trouble: why))
      }
    }
  }

  private final class Answers: Sendable {
    let all = Mutex<[Int: Face]>([:])
  }

  /// Asks several at once and waits for all.
  private func gather(
    _ settings: ProbeSettings, _ asked: [NetworkAddress?], from start: Instant,
    _ done: @escaping @Sendable ([Face]) -> Void
  ) {
    guard !asked.isEmpty else { return done([]) }
    let answers = Answers()
    for (index, address) in asked.enumerated() {
      ask(settings, address, from: start) { face in
        let complete = answers.all.withLock { all in
          all[index] = face
          return all.count == asked.count ? asked.indices.compactMap { all[$0] } : nil
        }
        if let complete { done(complete) }
      }
    }
  }

  /// Asks one address, or the URL as it stands, within what is left of the deadline.
  private func ask(
    _ settings: ProbeSettings, _ address: NetworkAddress?, from start: Instant,
    _ done: @escaping @Sendable (Face) -> Void
  ) {
    let left = max(settings.timeout - (now() - start), .milliseconds(1))
    let request = HTTPRequest(
      method: settings.method, url: settings.url, headers: settings.headers.compactMap(header),
      timeout: real(left), bodyLimit: HTTPProber.bodyLimit, freshConnection: true, address: address,
      caFile: settings.caFile)
    transport.start(request) { [now] result in
      done(Face(address: address, outcome: classify(result, settings, took: now() - start)))
    }
  }

  /// One look at a reference: any HTTP answer shows that our network works.
  ///
  /// - Parameter completion: called exactly once, on the transport's queue.
  package func reach(url: String, timeout: Duration, completion: @escaping @Sendable (Observation) -> Void) {
    let request = HTTPRequest(
      url: url, timeout: real(timeout), bodyLimit: HTTPProber.bodyLimit, freshConnection: true)
    let start = now()
    transport.start(request) { [now] result in
      completion(Observation(at: start, took: now() - start, outcome: classifyReference(result)))
    }
  }

  private func real(_ duration: Duration) -> Duration { speed == 1 ? duration : duration / speed }
}

/// `Name: value` as a pair; nil for a line without a name.
private func header(_ line: String) -> (name: String, value: String)? {
  let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
  guard let name = parts.first, !name.isEmpty else { return nil }
  return (String(name), parts.count > 1 ? String(parts[1].drop { $0 == " " || $0 == "\t" }) : "")
}
