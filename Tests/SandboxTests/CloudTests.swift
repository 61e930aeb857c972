// The running sandbox: real time, real sockets on loopback, spoken to with plain POSIX calls.

import Foundation
import PilotlightCore
import PilotlightSandbox
import PilotlightSandboxServer
import Testing

@Suite struct CloudTests {
  /// A cloud whose world stands at the start, a thousand times as fast as real time.
  private func cloud(_ names: [String] = ["django-app"]) -> SandboxCloud {
    let settings = names.map { Story.workload($0, traffic: .manual) }
    return SandboxCloud(
      world: SandboxWorld(settings: settings, seed: 5, start: Story.start), now: { Story.start }, speed: 1000)
  }

  @Test func `an action is answered after its latency divided by the speed`() async {
    let cloud = cloud()
    let clock = ContinuousClock()
    let start = clock.now
    let reply = await cloud.perform(.callerIdentity(region: Story.dr), timeout: .seconds(10))
    #expect(
      reply == .identity(account: "111122223333", arn: "arn:aws:sts::111122223333:assumed-role/pilotlight/sandbox"))
    #expect(clock.now - start < .seconds(2) * patience)
  }

  @Test func `a timeout shorter than the latency is honoured`() async {
    let reply = await cloud().perform(.promoteReplica(Story().drDatabase), timeout: .milliseconds(1))
    guard case .failed(let failure) = reply else {
      Issue.record("answered with \(reply)")
      return
    }
    #expect(failure.kind == .unknownOutcome)
  }

  @Test func `many callers at once each get an answer and one promotion happens`() async {
    let cloud = cloud()
    let accepted = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<50 {
        group.addTask {
          if case .accepted = await cloud.perform(.promoteReplica(Story().drDatabase), timeout: .seconds(10)) {
            return true
          }
          return false
        }
      }
      return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(accepted == 1)
    #expect(cloud.facts(for: "django-app")?.promotions == 1)
  }

  @Test func `each site answers on a port of its own as the world says`() async throws {
    let cloud = cloud(["a", "b"])
    let server = try await SandboxALBServer.start(cloud: cloud, workloads: ["a", "b"])
    let urls = ["a", "b"].flatMap { name in SandboxSite.allCases.map { server.url(workload: name, site: $0) } }
    #expect(Set(urls).count == 4 && server.url(workload: "c", site: .dr) == nil)
    let primary = try port(server, "a", .primary)
    #expect(try get(primary).hasPrefix("HTTP/1.1 200 OK\r\n"))
    #expect(try get(primary).hasSuffix("\r\n\r\nok"))
    #expect(try get(port(server, "a", .dr)).hasPrefix("HTTP/1.1 503 "))
    #expect(try get(primary, method: "HEAD").hasSuffix("\r\n\r\n"))
    cloud.inject(.applicationDown(workload: "a", site: .primary))
    #expect(try get(primary).hasPrefix("HTTP/1.1 503 "))
    #expect(try get(port(server, "b", .primary)).hasPrefix("HTTP/1.1 200 "))
    #expect(try get(primary, raw: "garbage\r\n\r\n").hasPrefix("HTTP/1.1 400 "))
    await server.stop()
    #expect(throws: Refused.self) { try get(primary) }
  }

  @Test func `a refused site refuses, a silent one is silent, and both come back on the same port`() async throws {
    let cloud = cloud()
    let server = try await SandboxALBServer.start(cloud: cloud, workloads: ["django-app"])
    let primary = try port(server, "django-app", .primary)
    let refused = SandboxFault.albRefused(workload: "django-app", site: .primary)
    cloud.inject(refused)
    #expect(throws: Refused.self) { try get(primary) }
    cloud.clear(refused)
    #expect(try get(primary).hasPrefix("HTTP/1.1 200 "))
    cloud.inject(.regionOutage(region: Story.primary))
    #expect(try get(primary, patience: 0.2) == "")
    cloud.clear(.regionOutage(region: Story.primary))
    #expect(try get(primary).hasPrefix("HTTP/1.1 200 "))
    await server.stop()
  }

  private func port(_ server: SandboxALBServer, _ workload: String, _ site: SandboxSite) throws -> UInt16 {
    let url = try #require(server.url(workload: workload, site: site))
    return try #require(UInt16(url.dropFirst("http://127.0.0.1:".count).dropLast()))
  }
}

private struct Refused: Error {}

/// One request over a socket of its own; everything that came until the other side closed or `patience` seconds passed.
private func get(
  _ port: UInt16, method: String = "GET", raw: String? = nil, patience: Double = 5
) throws -> String {
  let handle = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  defer { close(handle) }
  var wait = timeval(tv_sec: Int(patience), tv_usec: Int((patience - patience.rounded(.down)) * 1e6))
  setsockopt(handle, SOL_SOCKET, SO_RCVTIMEO, &wait, socklen_t(MemoryLayout<timeval>.size))
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = port.bigEndian
  address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
  let connected = withUnsafePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      connect(handle, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
    }
  }
  guard connected == 0 else { throw Refused() }
  let request = Array((raw ?? "\(method) /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").utf8)
  _ = send(handle, request, request.count, Int32(MSG_NOSIGNAL))
  var answer: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 4096)
  while true {
    let count = recv(handle, &buffer, buffer.count, 0)
    guard count > 0 else { break }
    answer += buffer[..<count]
  }
  return String(decoding: answer, as: UTF8.self)
}
