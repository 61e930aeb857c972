// Puts the daemon together, holds it while it runs, and takes it apart. The order matters: signals are handled and everything
// answers before systemd hears READY=1.

import Dispatch
import Foundation
import Logging
import PilotlightAWS
import PilotlightConfiguration
import PilotlightControlAPI
import PilotlightControlServer
import PilotlightCore
import PilotlightDNS
import PilotlightEngine
import PilotlightHTTP
import PilotlightLedger
import PilotlightProbes
import PilotlightRecording
import PilotlightSystemd

struct Assembly {
  private let options: Pilotlightd
  private let configuration: Configuration
  private let environment = ProcessInfo.processInfo.environment

  init(_ options: Pilotlightd, _ configuration: Configuration) {
    self.options = options
    self.configuration = configuration
  }

  func run() async throws {
    LastWords.prepare()
    let manager = ServiceManager(environment: environment)
    let signals = Signals([SIGTERM, SIGINT, SIGHUP]) { number in
      if number != SIGHUP { endTheStart(manager) }
    }
    let help = makeHelp(manager)
    do {
      try await run(manager, signals, help)
    } catch let error as StartFailure {
      await help?.call(for: error) { if error.remedy == .somebody { error.turnAskersAway(for: .zero) } }
      if error.remedy == .somebody { error.turnAskersAway() }
      if error.remedy == .disk { await manager.spareTheLimit() }
      // Until here a signal ends us.
      withExtendedLifetime(signals) {}
      throw error
    }
  }

  private func run(_ manager: ServiceManager, _ signals: Signals, _ help: Help?) async throws {
    let activation = Activation.inherited
    let slowStart = SlowStart(manager) { lasted in
      let text = "reading and verifying the ledger has made no progress for \(lasted.text): look at its disk"
      await help?.call(for: StartFailure(text: text, remedy: .disk))
    }
    let ledger = try openLedger()
    let line = TimeLine(known: try known(ledger), speed: options.speed)
    try keep(line, in: ledger)
    let logger = makeLogger(line)
    let transport = makeTransport()
    let sandbox = try await makeSandbox(line)
    let notices = Notices(logger) { line.now }
    let cloud = try makeCloud(line, transport, sandbox) { notices.say($0) }
    let workloads = (sandbox?.workloads ?? configuration.workloads).signed(configuration.daemon.signature)
    let heart = Heart(manager) { $0.log(to: logger) }
    let daemon = Daemon(
      Parts(
        engine: try makeEngine(workloads, WatchedLedger(ledger, heart), line), ledger: ledger, line: line, cloud: cloud,
        transport: transport, prober: HTTPProber(transport: transport, now: { line.now }, speed: line.speed),
        manager: manager, heart: heart, reloader: Reloader(options, configuration.daemon, manager), logger: logger,
        sandbox: sandbox, observations: makeObservations(line, logger)))
    notices.call { message in Task { await daemon.call(message) } }
    let control = try await startControl(activation, daemon, sandbox)
    signals.begin()
    let watches = await daemon.start(configuration.workloads)
    slowStart.end()
    if watches {
      await help?.end()
      manager.ready(status: await daemon.statusSentence)
    }
    let beats = start(heart, daemon, transport, control)
    let trimming = startTrimming()
    await serve(signals, daemon)
    trimming.cancel()
    await daemon.beginNothing()
    manager.stopping(status: "stopping: nothing new is begun, what is under way is waited for")
    // First the door, while who is inside can still be answered: a restart refuses nobody.
    await control.stop()
    await daemon.stop()
    beats?.cancel()
    await sandbox?.stop()
  }

  private func startControl(
    _ activation: Activation, _ daemon: Daemon, _ sandbox: Sandbox?
  ) async throws -> ControlServer {
    let path = activation.control == nil ? placeForSocket() : configuration.daemon.socket
    let operators = configuration.daemon.operators.map { Operators(group: $0) }
    let control = ControlServer(
      path: path, sandbox: sandbox != nil, owner: { activation.owner(of: $0) }
    ) { request, peer in
      if request.orders, let refusal = await operators?.refusal(of: peer) {
        await daemon.say(Message(.ordered, "an order is refused: \(refusal)"))
        return .answer(.refused, refusal)
      }
      return await daemon.answer(request, peer)
    }
    if activation.isElsewhere(than: configuration.daemon.socket) {
      complain("pilotlightd: daemon.socket is not used: pilotlightd.socket says where the control socket is")
    }
    do {
      try await control.start(inherited: activation.control)
    } catch {
      throw StartFailure(text: "\(error)")
    }
    return control
  }

  /// As a service we may write to a directory of our own, and not to that of the socket which pilotlightd.socket makes: it is root's.
  private func placeForSocket() -> String {
    let wanted = configuration.daemon.socket
    let parent = URL(filePath: wanted).deletingLastPathComponent().path
    guard let ours = environment["RUNTIME_DIRECTORY"], access(parent, W_OK) != 0 else { return wanted }
    let path = "\(ours)/control.sock"
    complain("pilotlightd: pilotlightd.socket is not there: the control socket is \(path)")
    return path
  }

  private func start(
    _ heart: Heart, _ daemon: Daemon, _ transport: CurlTransport, _ control: ControlServer
  ) -> (any DispatchSourceTimer)? {
    heart.start([
      .decisions: { daemon.pulse($0) },
      .probes: { transport.pulse($0) },
      .cloud: { turned in Task { turned() } },
      .control: { control.pulse($0) },
    ]) {
      Task { await daemon.tellStatusAgain() }
    }
  }

  /// Reads once what a failover stands on and prints it.
  ///
  /// - Returns: whether nothing is missing.
  func checkLive() async throws -> Bool {
    let line = TimeLine(known: nil, speed: options.speed)
    let transport = makeTransport()
    let sandbox = try await makeSandbox(line)
    let cloud = try makeCloud(line, transport, sandbox) { complain("warning: \($0.text)") }
    let isReady = await LiveCheck(cloud: cloud, now: { line.now }).run(
      (sandbox?.workloads ?? configuration.workloads).signed(configuration.daemon.signature)
    ) {
      Swift.print($0)
    }
    await sandbox?.stop()
    transport.shutdown()
    return isReady
  }

  // MARK: Parts

  private func makeTransport() -> CurlTransport {
    let caFile = configuration.daemon.aws.caBundle ?? environment["AWS_CA_BUNDLE"]
    return caFile.map { CurlTransport(caFile: $0) } ?? CurlTransport()
  }

  private func openLedger() throws -> SQLiteLedger {
    let path = configuration.daemon.ledger
    do throws(LedgerFailure) {
      return try SQLiteLedger(path: path)
    } catch {
      throw StartFailure(path, error)
    }
  }

  /// Of a service that starts unattended. In the foreground, and in the sandbox, who started it sees why it ends.
  private func makeHelp(_ manager: ServiceManager) -> Help? {
    guard manager.isListening, !options.sandbox else { return nil }
    let line = TimeLine(known: nil, speed: options.speed)
    let logger = makeLogger(line)
    let notices = Notices(logger) { line.now }
    return Help(configuration.workloads, logger, manager, CallNote(environment: environment)) {
      let cloud = try? makeCloud(line, makeTransport(), nil) { notices.say($0) }
      return cloud.map { Pager($0, logger, longestPause: .seconds(10)) }
    }
  }

  private func known(_ ledger: SQLiteLedger) throws -> String? {
    do throws(LedgerFailure) {
      return try ledger.fact("timeline")
    } catch {
      throw StartFailure(configuration.daemon.ledger, error)
    }
  }

  private func keep(_ line: TimeLine, in ledger: SQLiteLedger) throws {
    do throws(LedgerFailure) {
      try keep("timeline", line.text, in: ledger)
      // Never the same: SQLite writes nothing that is there already, and a disk that takes no writes must not wait for the first night.
      try keep("started", "\(line.now.nanoseconds)", in: ledger)
    } catch {
      throw StartFailure(configuration.daemon.ledger, error)
    }
  }

  /// A disk that is full is no reason not to watch: it is said, and nothing is acted upon. One that fails is.
  private func keep(_ key: String, _ value: String, in ledger: SQLiteLedger) throws(LedgerFailure) {
    do throws(LedgerFailure) {
      try ledger.setFact(key, value)
    } catch {
      guard case .cannotWrite = error else { throw error }
      complain("pilotlightd: \(error.text)")
    }
  }

  /// A name that this ledger alone has. Where it cannot be written, a name for this process.
  private func home(_ ledger: SQLiteLedger) throws(LedgerFailure) -> String {
    if let known = try ledger.fact("home") { return known }
    let fresh = String(UInt64.random(in: 0...UInt64.max), radix: 16)
    try keep("home", fresh, in: ledger)
    return fresh
  }

  private func makeLogger(_ line: TimeLine) -> Logger {
    let format = options.logFormat.resolved(environment: environment)
    let level = Logger.Level(configuration.daemon.logLevel)
    return Logger(label: "pilotlightd") { _ in
      LineHandler(format, level: level, wallSeconds: { line.wallSeconds(of: line.now) })
    }
  }

  private func makeObservations(_ line: TimeLine, _ logger: Logger) -> ObservationLog {
    let settings = configuration.daemon.observations
    let store = SegmentStore(
      DirectoryDisk(path: configuration.daemon.observationsDirectory), keepFor: settings.keepFor,
      maximumSize: settings.maximumSize)
    return ObservationLog(store) {
      let now = line.now
      return (now, .seconds(line.wallSeconds(of: now)) - (now - Instant(nanoseconds: 0)))
    } tell: {
      $0.message.log(to: logger)
    }
  }

  private func makeSandbox(_ line: TimeLine) async throws -> Sandbox? {
    guard options.sandbox else { return nil }
    do {
      return try await Sandbox(configuration.workloads, line: line, seed: options.seed)
    } catch {
      throw StartFailure(text: "the sandbox's load balancers cannot listen: \(error)")
    }
  }

  private func makeCloud(
    _ line: TimeLine, _ transport: CurlTransport, _ sandbox: Sandbox?, onNotice: @escaping @Sendable (AWSNotice) -> Void
  ) throws(StartFailure) -> any Cloud {
    if let sandbox { return sandbox.cloud }
    let aws = configuration.daemon.aws
    let regions = configuration.workloads.flatMap { [$0.dr.region, $0.primary.region] }
    let settings: AWSConfiguration
    do throws(CredentialError) {
      settings = try AWSConfiguration(
        environment: environment, profile: aws.profile,
        role: aws.role.map { .init(arn: $0.arn, externalID: $0.externalID, sessionName: $0.sessionName) },
        stsRegions: regions.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }, caBundle: aws.caBundle,
        readFile: { try? String(contentsOfFile: $0, encoding: .utf8) })
    } catch {
      throw StartFailure(text: "AWS settings: \(error.text)")
    }
    let client = AWSClient(
      http: transport, configuration: settings,
      clock: AWSClock(
        wallSeconds: { Double(TimeLine.walltime()) / 1e9 }, steady: bootTime, sleep: { try? await Task.sleep(for: $0) }),
      random: { Double.random(in: 0..<1) }, onNotice: onNotice)
    let cloud = AWSCloud(
      executor: client, wallSeconds: { Double(TimeLine.walltime()) / 1e9 + client.clockOffset },
      hostSeconds: { Double(TimeLine.walltime()) / 1e9 }, now: { line.now })
    return AWSAndNames(aws: cloud, names: NameInquiry())
  }

  private func makeEngine(
    _ workloads: [WorkloadSettings], _ ledger: WatchedLedger, _ line: TimeLine
  ) throws -> Engine {
    do {
      let engine = try Engine(
        workloads: workloads, brakes: Brakes(configuration.daemon), ledger: ledger, codec: JSONRecordCodec(),
        at: line.now,
        seed: options.sandbox ? options.seed : UInt64.random(in: 0...UInt64.max), home: try home(ledger.file))
      for name in engine.leftOut {
        complain(
          "pilotlightd: workload \(name) is in no configuration, and by the ledger its DR region serves, or its records are not "
            + "understood: what was fenced for it is not looked after")
      }
      return engine
    } catch let error as UnknownWorkload {
      throw StartFailure(
        text:
          "workload \(error.name) is in no configuration, and not done with: \(error.why). Bring it back, under that name, until "
          + "it is (`pilotlightctl abort`, `skip` and `ack` lead out)", remedy: .somebody)
    } catch let error as LedgerFailure {
      throw StartFailure(configuration.daemon.ledger, error)
    } catch {
      throw StartFailure(text: "\(error)", remedy: .somebody)
    }
  }

  // MARK: Running

  /// Until SIGTERM or SIGINT; SIGHUP reloads.
  private func serve(_ signals: Signals, _ daemon: Daemon) async {
    for await signal in signals.stream {
      guard signal == SIGHUP else { return }
      _ = await daemon.reload()
    }
  }
}

/// A long ledger takes minutes to verify, and who stops us does not wait for that. Nothing has begun yet, and what is written at a start
/// is written in transactions: to leave is safe at any point.
private func endTheStart(_ manager: ServiceManager) -> Never {
  manager.stopping(status: "stopping: the start is not finished")
  complain("pilotlightd: stopped before it was ready")
  leave(0)
}

extension Brakes {
  init(_ daemon: DaemonSettings) { self.init(maximum: daemon.maxConcurrentFailovers, window: daemon.failoverWindow) }
}

extension Logger.Level {
  init(_ level: LogLevel) {
    switch level {
    case .debug: self = .debug
    case .info: self = .info
    case .notice: self = .notice
    case .warning: self = .warning
    case .error: self = .error
    }
  }
}
