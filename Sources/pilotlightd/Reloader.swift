// A configuration read anew, completely or not at all. systemd hears when it begins and when it is over, whoever asked for it.

import PilotlightConfiguration
import PilotlightCore
import PilotlightEngine
import PilotlightSystemd

struct Reloader: Sendable {
  private let options: Pilotlightd
  /// In force since the start.
  private let settings: DaemonSettings
  private let manager: ServiceManager

  init(_ options: Pilotlightd, _ settings: DaemonSettings, _ manager: ServiceManager) {
    self.options = options
    self.settings = settings
    self.manager = manager
  }

  /// - Returns: why it is refused, a line each; none when it is in force.
  func reload(_ daemon: Daemon) async -> [String] {
    manager.reloading()
    let errors: [String]
    switch Configuration.load(path: options.config) {
    case .failure(let found): errors = found.errors.map { "\($0)" }
    case .success(let configuration): errors = await apply(options.overridden(configuration), to: daemon)
    }
    for error in errors { await daemon.say(Message(.configurationRefused, error)) }
    manager.ready(status: await daemon.statusSentence)
    return errors
  }

  private func apply(_ fresh: Configuration, to daemon: Daemon) async -> [String] {
    if fresh.daemon != settings {
      return ["\(options.config): the daemon's own settings need a restart; nothing was changed"]
    }
    if options.sandbox { return ["the sandbox does not reload"] }
    if let refusal = await daemon.reload(fresh.workloads.signed(fresh.daemon.signature), brakes: Brakes(fresh.daemon)) {
      return ["\(options.config): \(refusal)"]
    }
    await daemon.say(
      Message(.configurationReloaded, "\(options.config): \(fresh.workloads.count) workload(s) in force"))
    return []
  }
}
