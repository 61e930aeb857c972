// Puts the daemon together, holds it while it runs, and takes it apart. The order matters: signals are handled and everything
// answers before systemd hears READY=1.

import Dispatch
import Foundation
import Logging
import PilotlightAWS
import PilotlightConfiguration
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
    let signals = Signals([SIGTERM, SIGINT, SIGHUP])
    let manager = ServiceManager(environment: environment)
    let ledger = try openLedger()
    let line = TimeLine(known: try known(ledger), speed: options.speed)
    try keep(line, in: ledger)
    let logger = makeLogger(line)
    let transport = makeTransport()
    let sandbox = try await makeSandbox(line)
    let notice = MessageKind.cloudNotice.meaning
    let cloud = try makeCloud(line, transport, sandbox) { text in
      logger.log(
        level: notice.level.loggerLevel, "\(text)",
        metadata: ["MESSAGE_ID": "\(notice.id)", "PILOTLIGHT_EVENT": "\(MessageKind.cloudNotice.rawValue)"])
    }
    let workloads = (sandbox?.workloads ?? configuration.workloads).signed(configuration.daemon.signature)
    let daemon = Daemon(
      Parts(
        engine: try makeEngine(workloads, ledger, line), ledger: ledger, line: line, cloud: cloud, transport: transport,
        prober: HTTPProber(transport: transport, now: { line.now }, speed: line.speed), manager: manager,
        logger: logger,
        sandbox: sandbox, observations: makeObservations(line, logger)))
    let control = ControlServer(path: configuration.daemon.socket, sandbox: sandbox != nil) { request, peer in
      await daemon.answer(request, peer)
    }
    do {
      try await control.start()
    } catch {
      throw StartFailure(text: "\(error)")
    }
    await daemon.start(configuration.workloads)
    manager.ready(status: await daemon.statusSentence)
    let beats = startBeats(manager, daemon, control)
    let trimming = startTrimming()
    await serve(signals, daemon, manager)
    trimming.cancel()
    beats?.cancel()
    manager.stopping(status: "stopping")
    await daemon.stop()
    await control.stop()
    await sandbox?.stop()
  }

  /// Reads once what a failover stands on and prints it.
  ///
  /// - Returns: whether nothing is missing.
  func checkLive() async throws -> Bool {
    let line = TimeLine(known: nil, speed: options.speed)
    let transport = makeTransport()
    let sandbox = try await makeSandbox(line)
    let cloud = try makeCloud(line, transport, sandbox) { complain("warning: \($0)") }
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
    do throws(LedgerFailure) {
      return try SQLiteLedger(path: configuration.daemon.ledger)
    } catch {
      throw StartFailure(text: "\(configuration.daemon.ledger): \(error.text)")
    }
  }

  private func known(_ ledger: SQLiteLedger) throws -> String? {
    do throws(LedgerFailure) {
      return try ledger.fact("timeline")
    } catch {
      throw StartFailure(text: error.text)
    }
  }

  /// A ledger that cannot be written is no reason not to watch: it is said, and nothing is acted upon.
  private func keep(_ line: TimeLine, in ledger: SQLiteLedger) throws {
    do throws(LedgerFailure) {
      try ledger.setFact("timeline", line.text)
    } catch {
      complain("pilotlightd: \(error.text)")
    }
  }

  /// A name that this ledger alone has. Where it cannot be written, a name for this process.
  private func home(_ ledger: SQLiteLedger) throws(LedgerFailure) -> String {
    if let known = try ledger.fact("home") { return known }
    let fresh = String(UInt64.random(in: 0...UInt64.max), radix: 16)
    do throws(LedgerFailure) {
      try ledger.setFact("home", fresh)
    } catch {
      complain("pilotlightd: \(error.text)")
    }
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
    _ line: TimeLine, _ transport: CurlTransport, _ sandbox: Sandbox?, onNotice: @escaping @Sendable (String) -> Void
  ) throws -> any Cloud {
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
    _ workloads: [WorkloadSettings], _ ledger: SQLiteLedger, _ line: TimeLine
  ) throws -> Engine {
    do {
      return try Engine(
        workloads: workloads, brakes: Brakes(configuration.daemon), ledger: ledger, codec: JSONRecordCodec(),
        at: line.now,
        seed: options.sandbox ? options.seed : UInt64.random(in: 0...UInt64.max), home: try home(ledger))
    } catch let error as LedgerFailure {
      throw StartFailure(text: error.text)
    } catch {
      throw StartFailure(text: "a record of the ledger cannot be understood: \(error)")
    }
  }

  // MARK: Running

  /// Until SIGTERM or SIGINT; SIGHUP reloads.
  private func serve(_ signals: Signals, _ daemon: Daemon, _ manager: ServiceManager) async {
    for await signal in signals.stream {
      guard signal == SIGHUP else { return }
      manager.reloading()
      await reload(daemon)
      manager.ready(status: await daemon.statusSentence)
    }
  }

  private func reload(_ daemon: Daemon) async {
    let fresh: Configuration
    switch Configuration.load(path: options.config) {
    case .success(let configuration): fresh = options.overridden(configuration)
    case .failure(let errors):
      for error in errors.errors { await daemon.say(Message(.configurationRefused, "\(error)")) }
      return
    }
    if fresh.daemon != configuration.daemon {
      await daemon.say(
        Message(
          .configurationRefused, "\(options.config): the daemon's own settings need a restart; nothing was changed"))
      return
    }
    if options.sandbox {
      await daemon.say(Message(.configurationRefused, "the sandbox does not reload"))
      return
    }
    if let refusal = await daemon.reload(fresh.workloads.signed(fresh.daemon.signature), brakes: Brakes(fresh.daemon)) {
      await daemon.say(Message(.configurationRefused, "\(options.config): \(refusal)"))
    } else {
      await daemon.say(
        Message(.configurationReloaded, "\(options.config): \(fresh.workloads.count) workload(s) in force"))
    }
  }

  private func startBeats(
    _ manager: ServiceManager, _ daemon: Daemon, _ control: ControlServer
  ) -> (any DispatchSourceTimer)? {
    guard let timeout = manager.watchdogTimeout else { return nil }
    let interval = Int(timeout.nanoseconds / 3)
    let timer = DispatchSource.makeTimerSource(queue: .global())
    timer.schedule(deadline: .now(), repeating: .nanoseconds(interval), leeway: .milliseconds(50))
    timer.setEventHandler { Task { await daemon.beat(control: control) } }
    timer.activate()
    return timer
  }
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
