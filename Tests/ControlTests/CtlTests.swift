import Foundation
import Glibc
import PilotlightControlAPI
import PilotlightControlServer
import PilotlightCore
import Testing

/// pilotlightctl as an operator meets it: a process, its output and its exit code, against a server with canned
/// answers.
@Suite struct CtlTests {
  // MARK: documents

  @Test func `the committed reference of the commands is what the program prints`() async throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../config/CLI.md").standardized
    let ran = try await runCtl(["docs", "cli"])
    #expect(try ran.out == String(contentsOf: file, encoding: .utf8), "run `make docs`")
  }

  // MARK: status

  @Test func `the status page says what stands where`() async throws {
    let ran = try await against(report: Samples.report, ["status"])
    #expect(ran.code == 0 && ran.err == "")
    #expect(ran.out == statusPage)
  }

  @Test func `the status of one workload leaves the others out`() async throws {
    let ran = try await against(report: Samples.report, ["status", "shop"])
    #expect(ran.code == 0 && ran.out.contains("shop") && !ran.out.contains("django-app"))
    let unknown = try await against(report: Samples.report, ["status", "nope"])
    #expect(unknown.code == 2 && unknown.out == "" && unknown.err.contains("no workload 'nope'"))
  }

  @Test func `status in JSON is the promised shape, and keys of a newer daemon pass through`() async throws {
    let ran = try await against(report: Samples.report, ["status", "--json"])
    #expect(ran.code == 0)
    #expect(try ControlJSON.decode(StatusReport.self, from: Array(ran.out.utf8)) == Samples.report)
    #expect(ran.out.contains(#""incident" : null"#))
    let one = try await against(report: Samples.report, ["status", "shop", "--json"])
    #expect(try ControlJSON.decode(StatusReport.self, from: Array(one.out.utf8)).workloads == [Samples.coldStart])
    let newer = try await against(
      answer: { _ in .json(["daemon": ["mood": "fine"], "workloads": [:]]) }, ["status", "--json"])
    #expect(newer.code == 0 && newer.out.contains(#""mood" : "fine""#))
  }

  @Test func `control characters of the network never reach the terminal`() async throws {
    var workload = Samples.coldStart
    workload.assessment.evidence = ["body: \u{1b}[2J\u{9b}31m\u{7f}\r\nfake line"]
    let report = StatusReport(daemon: Samples.daemon, workloads: [workload])
    for arguments in [["status"], ["status", "--json"]] {
      let ran = try await against(report: report, arguments)
      #expect(ran.code == 0)
      #expect(!ran.out.unicodeScalars.contains { $0.isUnprintable && $0 != "\n" })
      #expect(!ran.out.contains("\nfake line"))
    }
  }

  @Test func `colour is for terminals, and for those who did not say no`() async throws {
    let piped = try await against(["status"])
    #expect(!piped.out.contains("\u{1b}"))
    for (environment, coloured) in [([:], true), (["NO_COLOR": "1"], false), (["TERM": "dumb"], false)] {
      let terminal = try #require(PseudoTerminal())
      let ran = try await against(["status"], environment: environment, stdout: terminal.slave)
      #expect(ran.code == 0)
      #expect(terminal.read().contains("\u{1b}[") == coloured, "\(environment)")
    }
  }

  @Test func `what to do next follows from the state`() async throws {
    var workload = Samples.failingOver
    func next(_ change: (inout WorkloadStatus) -> Void) async throws -> String {
      var changed = workload
      change(&changed)
      return try await against(report: StatusReport(daemon: Samples.daemon, workloads: [changed]), ["status"]).out
    }
    workload.incident?.standing = .waiting
    workload.incident?.asks = "gate"
    #expect(try await next { _ in }.contains("pilotlightctl approve django-app --reason"))
    #expect(try await next { $0.loss?.seconds = 900 }.contains("BEYOND the RPO of 5 min"))
    #expect(try await next { $0.loss?.seconds = 900 }.contains("approve django-app --accept-data-loss"))
    #expect(try await next { $0.loss?.seconds = nil }.contains("approve django-app --accept-data-loss"))
    // A step of a person's own asks for no loss.
    let own = try await next {
      $0.loss?.seconds = 900; $0.incident?.asks = "compare-rows"
    }
    #expect(own.contains("approve django-app --reason") && !own.contains("--accept-data-loss"))
    let held = try await next {
      $0.incident?.held = "mode is observe"; $0.mode = .observe
    }
    #expect(held.contains("nothing is changed: mode is observe") && held.contains("`mode: approve`"))
    let rolling = try await next { $0.incident?.standing = .rollingBack }
    #expect(rolling.contains("skip django-app --step STEP"))
    let stuck = StuckStatus(step: "promote", why: "storage-full", wayOut: ["pilotlightctl retry django-app"])
    #expect(try await next { $0.stuck = stuck }.contains("next                pilotlightctl retry django-app"))
    #expect(
      try await next {
        $0.phase = .drActive; $0.incident = nil; $0.debts = []
      }.contains("plan failback django-app"))
    #expect(
      try await next {
        $0.phase = .drActive; $0.incident = nil; $0.debts[0].step = "fence-primary"
      }.contains("skip django-app --step fence-primary"))
    workload.armed.obstacles = ["no room"]
    #expect(
      try await next {
        $0.phase = .degraded; $0.incident = nil
      }.contains("refused for it, too: no room"))
    #expect(
      try await next {
        $0.phase = .healthy; $0.incident = nil; $0.armed = ArmedStatus(ok: false, reasons: ["in hold-down"])
        $0.holdDownUntil = moment("2026-03-01T05:16:16Z")
      }.contains("ack django-app --reason"))
    let pause = PauseStatus(reason: "works", by: "alice (1000)", expires: moment("2026-03-01T05:16:16Z"))
    let paused = try await next {
      $0.paused = true; $0.pause = pause
    }
    #expect(paused.contains("PAUSED") && paused.contains("by alice (1000), for another 2 h: works"))
    #expect(try await next { $0.commitDeadline = moment("2026-03-01T03:10:16Z") }.contains("passed 6 min ago"))
  }

  // MARK: other questions

  @Test func `explain prints the sentences, of the only workload when none is named`() async throws {
    let asked = Seen<ControlRequest>()
    let ran = try await against(
      answer: { request in
        asked.add(request)
        guard case .explain(let workload, nil) = request else { return nil }
        return .json(ExplainReport(workload: workload ?? "", sentences: ["It is up.", "So nothing moves."]))
      }, ["explain"])
    #expect(ran.code == 0 && ran.out == "It is up.\nSo nothing moves.\n")
    #expect(asked.all == [.status, .explain(workload: "django-app", incident: nil)])
    let ambiguous = try await against(report: Samples.report, ["explain"])
    #expect(ambiguous.code == 2 && ambiguous.err.contains("django-app, shop"))
  }

  @Test func `plan shows every step with its kind, calls and regions`() async throws {
    let plan = PlanReport(
      workload: "django-app", kind: .failover,
      steps: [
        PlanStep(
          name: "promote", kind: .oneWay, needs: ["gate"], does: "Promotes the replica.",
          calls: [PlannedCall(api: "rds:PromoteReadReplica", region: "us-west-2")], forecastSeconds: 420)
      ], forecastSeconds: 615)
    let ran = try await against(answer: { _ in .json(plan) }, ["plan", "failover", "django-app"])
    #expect(ran.code == 0)
    #expect(
      ran.out == """
        failover of django-app  1 step, about 10 min 15 s; nothing is done by looking at it

        1. promote  one-way, about 7 min, after gate
           Promotes the replica.
           rds:PromoteReadReplica in us-west-2

        """)
  }

  @Test func `history asks for what was asked and prints it oldest first`() async throws {
    let asked = Seen<ControlRequest>()
    let entries = [
      HistoryEntry(
        sequence: 7, at: Samples.now, workload: "django-app", incident: "inc-1", kind: "stepIntent",
        sentence: "About to promote."),
      HistoryEntry(sequence: 8, at: Samples.now, workload: "", incident: nil, kind: "start", sentence: "Started."),
    ]
    let arguments = ["history", "django-app", "--incident", "inc-1", "--limit", "2"]
    let answer: @Sendable (ControlRequest) -> ControlResponse? = { request in
      asked.add(request)
      return .json(entries)
    }
    let ran = try await against(answer: answer, arguments)
    #expect(
      ran.out == """
        2026-03-01T03:16:16.000Z  django-app  About to promote.  [inc-1]
        2026-03-01T03:16:16.000Z  daemon  Started.

        """)
    #expect(asked.all == [.history(workload: "django-app", incident: "inc-1", limit: 2)])
    let json = try await against(answer: answer, ["history", "--json"])
    #expect(try ControlJSON.decode([HistoryEntry].self, from: Array(json.out.utf8)) == entries)
  }

  // MARK: orders and exit codes

  @Test(arguments: [
    (
      ["pause", "a", "--expires", "1h30m"],
      OrderRequest(workload: "a", order: .pause, reason: "r", expiresSeconds: 5400)
    ),
    (["pause"], OrderRequest(workload: "django-app", order: .pause, reason: "r")),
    (["resume", "a"], OrderRequest(workload: "a", order: .resume, reason: "r")),
    (["approve", "a"], OrderRequest(workload: "a", order: .approve, reason: "r")),
    (
      ["approve", "a", "--accept-data-loss"],
      OrderRequest(workload: "a", order: .approve, reason: "r", acceptDataLoss: true)
    ),
    (["retry", "a"], OrderRequest(workload: "a", order: .retry, reason: "r")),
    (["retry", "a", "--step", "promote"], OrderRequest(workload: "a", order: .retry, reason: "r", step: "promote")),
    (["skip", "a", "--step", "verify"], OrderRequest(workload: "a", order: .skip, reason: "r", step: "verify")),
    (["abort", "a"], OrderRequest(workload: "a", order: .abort, reason: "r")),
    (["ack", "a"], OrderRequest(workload: "a", order: .ack, reason: "r")),
    (["ack", "a", "--loss-reviewed"], OrderRequest(workload: "a", order: .ack, reason: "r", lossReviewed: true)),
    (
      ["failover", "django-app", "--confirm", "django-app", "--accept-data-loss"],
      OrderRequest(
        workload: "django-app", order: .failover, reason: "r", confirm: "django-app", acceptDataLoss: true)
    ),
    (
      ["failback", "--confirm", "django-app"],
      OrderRequest(workload: "django-app", order: .failback, reason: "r", confirm: "django-app")
    ),
  ])
  func `every order arrives as it was typed and ends in 0`(_ arguments: [String], _ order: OrderRequest) async throws {
    let orders = Seen<OrderRequest>()
    let ran = try await against(orders: orders, arguments + ["--reason", "r"])
    #expect(ran.code == 0 && ran.err == "" && ran.out.hasSuffix("it is done\n"), "\(ran)")
    #expect(orders.all == [order])
  }

  @Test(arguments: zip(OrderAnswer.Outcome.allCases, [0, 3, 1, 2] as [Int32]))
  func `the outcome is the exit code`(_ outcome: OrderAnswer.Outcome, _ code: Int32) async throws {
    let ran = try await against(
      answer: { _ in .answer(outcome, "one\nsentence\u{1b}") }, ["ack", "a", "--reason", "seen"])
    #expect(ran.code == code)
    if code == 0 {
      #expect(ran.err == "" && ran.out == "one\\u{a}sentence\\u{1b}\n")
    } else {
      #expect(ran.out == "" && ran.err == "pilotlightctl: one sentence\\u{1b}\n")
    }
  }

  @Test(arguments: ["failover", "failback"])
  func `a destructive order that is not confirmed shows role and health and says what to type`(
    _ order: String
  ) async throws {
    let orders = Seen<OrderRequest>()
    let ran = try await against(orders: orders, [order, "django-app", "--reason", "it's time"])
    #expect(ran.code == 2)
    #expect(ran.out.contains("eu-west-1 (primary) -> us-west-2 (DR)") && ran.out.contains("verdict             down"))
    #expect(ran.err.contains("pilotlightctl \(order) django-app --reason 'it'\\''s time' --confirm django-app"))
    let wrong = try await against(orders: orders, [order, "django-app", "--reason", "x", "--confirm", "other"])
    #expect(wrong.code == 2 && wrong.err.contains("another workload"))
    #expect(orders.all.isEmpty)
  }

  @Test(arguments: [
    [], ["frobnicate"], ["pause", "a"], ["pause", "a", "--reason", " "], ["pause", "a", "--reason", "a\nb"],
    ["pause", "a", "--reason", String(repeating: "x", count: 501)], ["pause", "a b", "--reason", "x"],
    ["pause", "a", "--reason", "x", "--expires", "soon"], ["pause", "a", "--reason", "x", "--expires", "31d"],
    ["history", "--limit", "0"], ["history", "--limit", "many"], ["plan"], ["plan", "sideways"], ["status", "--nope"],
    ["status", "a", "b"], ["sandbox"], ["sandbox", "break"], ["sandbox", "break", "everything"],
    ["retry", "a", "--reason", "x", "--step", "a b"],
  ])
  func `wrong usage ends in 2 with one line`(_ arguments: [String]) async throws {
    let orders = Seen<OrderRequest>()
    let ran =
      arguments.isEmpty || arguments == ["frobnicate"] || arguments == ["sandbox"]
      ? try await runCtl(arguments) : try await against(orders: orders, arguments)
    #expect(ran.code == 2 && ran.out == "", "\(ran)")
    #expect(ran.err.hasPrefix("pilotlightctl: ") && ran.err.filter { $0 == "\n" }.count == 1, "\(ran.err)")
    #expect(orders.all.isEmpty)
  }

  @Test func `a workload the daemon does not know ends in 2`() async throws {
    let ran = try await against(["explain", "nope"])
    #expect(ran.code == 2 && ran.err == "pilotlightctl: there is no such workload\n")
  }

  @Test func `without a daemon everything ends in 1, with the reason`() async throws {
    let scratch = try Scratch()
    let absent = try await runCtl(["status", "--socket", scratch.socket])
    #expect(absent.code == 1 && absent.err.contains("there is no such socket"))
    leaveStaleSocket(scratch.socket)
    let refused = try await runCtl(["ack", "a", "--reason", "x"], environment: ["PILOTLIGHT_SOCKET": scratch.socket])
    #expect(refused.code == 1 && refused.err.contains("nobody listens on \(scratch.socket)"), "\(refused)")
    let file = scratch.path + "/file"
    try Data().write(to: URL(fileURLWithPath: file))
    let wrong = try await runCtl(["status", "--socket", file])
    #expect(wrong.code == 1 && wrong.err.contains("is not a socket"))
    for ran in [absent, refused, wrong] { #expect(ran.out == "" && ran.err.filter { $0 == "\n" }.count == 1) }
  }

  @Test func `a daemon that fails, or talks nonsense, ends in 1`() async throws {
    let failing = try await against(answer: { _ in .error(500, "the ledger is broken") }, ["status"])
    #expect(failing.code == 1 && failing.err == "pilotlightctl: the ledger is broken\n")
    let nonsense = try await against(answer: { _ in .json([1, 2, 3]) }, ["status"])
    #expect(nonsense.code == 1 && nonsense.err.contains("not understood"))
  }

  @Test func `a proxy in the environment is not asked`() async throws {
    let ran = try await against(
      ["status"], environment: ["http_proxy": "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9"])
    #expect(ran.code == 0, "\(ran.err)")
  }

  // MARK: the rest

  @Test func `the sandbox is broken and mended, and only a sandbox`() async throws {
    let changes = Seen<ControlRequest>()
    let answer: @Sendable (ControlRequest) -> ControlResponse? = { request in
      changes.add(request)
      return .json(SandboxReport(primaryBroken: true, speed: 20, message: "The primary is broken."))
    }
    for arguments in [["break", "primary"], ["mend", "primary"], ["status"]] {
      let ran = try await against(sandbox: true, answer: answer, ["sandbox"] + arguments)
      #expect(ran.code == 0 && ran.out == "The primary is broken.\n", "\(ran)")
    }
    #expect(
      changes.all == [
        .changeSandbox(SandboxRequest(action: .break, target: .primary)),
        .changeSandbox(SandboxRequest(action: .mend, target: .primary)), .sandbox,
      ])
    let real = try await against(answer: answer, ["sandbox", "break", "primary"])
    #expect(real.code == 2 && real.err.contains("there is no /v1/sandbox here"))
  }

  @Test func `help and version end in 0 and talk to nobody`() async throws {
    for arguments in [["--help"], ["failover", "--help"], ["help", "pause"], ["--version"], ["graph"]] {
      let ran = try await runCtl(arguments)
      #expect(ran.code == 0 && ran.err == "" && !ran.out.isEmpty, "\(arguments)")
    }
  }

  @Test func `graph prints the diagram of the machine itself`() async throws {
    let ran = try await runCtl(["graph"])
    #expect(ran.code == 0 && ran.out == machineDiagram())
  }

  @Test func `the reference names every command and the socket option`() async throws {
    let ran = try await runCtl(["docs", "cli"])
    #expect(ran.code == 0)
    for command in ["status", "explain", "report", "plan", "history", "graph", "sandbox"]
      + OrderName.allCases.map(\.rawValue)
    {
      #expect(ran.out.contains("\n## \(command)\n"), "\(command)")
    }
    #expect(ran.out.contains("\n### sandbox break\n"))
    #expect(ran.out.components(separatedBy: "--socket <path>").count > 15)
    #expect(!ran.out.contains(" \n"))
  }
}

/// Both ends of a terminal.
private final class PseudoTerminal {
  private let master: Int32
  let slave: FileHandle

  init?() {
    // pty(7) by ioctl: the functions of stdlib.h that do this are not visible from here.
    master = open("/dev/ptmx", O_RDWR | O_NOCTTY)
    var (unlock, number): (Int32, UInt32) = (0, 0)
    guard master >= 0, ioctl(master, 0x4004_5431 /* TIOCSPTLCK */, &unlock) == 0,
      ioctl(master, 0x8004_5430 /* TIOCGPTN */, &number) == 0
    else { return nil }
    let end = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
    guard end >= 0 else { return nil }
    slave = FileHandle(fileDescriptor: end, closeOnDealloc: true)
  }

  deinit { close(master) }

  /// What was written, once the writer has ended.
  func read() -> String {
    var text: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    var entry = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
    while poll(&entry, 1, 0) == 1, entry.revents & Int16(POLLIN) != 0 {
      let count = Glibc.read(master, &buffer, buffer.count)
      if count <= 0 { break }
      text += buffer[0..<count]
    }
    return String(decoding: text, as: UTF8.self)
  }
}
