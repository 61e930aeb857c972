import ArgumentParser
import Glibc
import PilotlightControlAPI

/// Which daemon is meant; on every command that talks to one.
struct SocketOption: ParsableArguments {
  @Option(
    name: .customLong("socket"),
    help: ArgumentHelp(
      "The daemon's control socket.",
      discussion: "Default: $PILOTLIGHT_SOCKET, or else \(SocketOption.places[0]).", valueName: "path"))
  var path: String?

  /// systemd's socket; the one that a service without pilotlightd.socket makes itself.
  private static let places = ["/run/pilotlight/control.sock", "/run/pilotlightd/control.sock"]

  var client: ControlClient {
    let fromEnvironment = getenv("PILOTLIGHT_SOCKET").map { String(cString: $0) }
    let standard = SocketOption.places.first { access($0, F_OK) == 0 } ?? SocketOption.places[0]
    return ControlClient(socket: path ?? fromEnvironment.flatMap { $0.isEmpty ? nil : $0 } ?? standard)
  }
}

/// The workload that is meant; needed only where there are several.
struct WorkloadArgument: ParsableArguments {
  @Argument(help: "The workload; may be left out when the daemon guards just one.")
  var workload: String?

  func validate() throws {
    if let workload, !isWorkloadName(workload) {
      throw ValidationError("a workload's name has 1 to 64 letters, digits, '-' or '_'")
    }
  }

  /// The name given, or that of the only workload there is.
  func resolve(_ client: ControlClient) async throws -> String {
    if let workload { return workload }
    let names = try await client.status().workloads.map(\.name)
    if names.count == 1, let only = names.first { return only }
    if names.isEmpty { throw Ending.usage("the daemon guards no workload") }
    throw Ending.usage("which workload? There are \(names.joined(separator: ", "))")
  }
}

/// Why an order is given.
struct ReasonOption: ParsableArguments {
  @Option(help: ArgumentHelp("Why; one line of at most 500 characters, kept in the record.", valueName: "text"))
  var reason: String

  func validate() throws {
    if let fault = OrderRequest.fault(inReason: reason) { throw ValidationError("--\(fault)") }
  }
}

extension PlanKind: ExpressibleByArgument {}

/// A span of time as people write it: `90s`, `45m`, `2h`, `1d`, `1h30m`.
struct Span: ExpressibleByArgument {
  let seconds: Double

  init?(argument: String) {
    guard let seconds = spanSeconds(argument, upTo: OrderRequest.longestPause) else { return nil }
    self.seconds = seconds
  }
}

/// How far back: a span of up to ten years.
struct Age: ExpressibleByArgument {
  let seconds: Double

  init?(argument: String) {
    guard let seconds = spanSeconds(argument, upTo: 315_360_000) else { return nil }
    self.seconds = seconds
  }
}

private func spanSeconds(_ text: String, upTo longest: Double) -> Double? {
  var total = 0.0
  var figures = ""
  for character in text {
    if character.isASCII, character.isNumber {
      figures.append(character)
      continue
    }
    let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
    guard let unit = units[character], let number = Double(figures) else { return nil }
    total += number * unit
    figures = ""
  }
  guard figures.isEmpty, total >= 1, total <= longest else { return nil }
  return total
}
