// Log lines as a terminal and a collector get them, through a pipe.

import Dispatch
import Foundation
import Logging
import PilotlightSystemd
import Synchronization
import Testing

@Suite struct LineTests {
  /// What `log` writes in this format.
  private func output(
    _ format: LogFormat, level: Logger.Level = .trace, at seconds: Double = 1_764_000_000.1239,
    _ log: (Logger) -> Void
  ) -> String {
    let pipe = Pipe()
    let descriptor = pipe.fileHandleForWriting.fileDescriptor
    var logger = Logger(label: "test") { _ in
      LineHandler(format, level: level, wallSeconds: { seconds }, descriptor: descriptor, environment: [:])
    }
    logger.logLevel = level
    log(logger)
    LogQueue.shared.flush(within: .seconds(30))
    try? pipe.fileHandleForWriting.close()
    return String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  }

  private func object(_ line: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
  }

  @Test func `a terminal's line has the time, the level, where, and the text`() {
    let text = output(.terminal) {
      $0.warning(
        "promote-replica: done",
        metadata: ["PILOTLIGHT_WORKLOAD": "django-app", "PILOTLIGHT_PHASE": "failing-over", "PILOTLIGHT_STEP": "x"])
    }
    #expect(text == "16:00:00.123 WARNING  django-app failing-over  promote-replica: done\n")
  }

  @Test func `a pipe gets no colours`() {
    #expect(!output(.terminal) { $0.error("x") }.contains("\u{1B}"))
  }

  @Test func `a line below the level is not written`() {
    #expect(output(.terminal, level: .notice) { $0.info("quiet") }.isEmpty)
  }

  @Test(arguments: [
    (Logger.Level.trace, "DEBUG"), (.debug, "DEBUG"), (.info, "INFO"), (.notice, "NOTICE"), (.warning, "WARNING"),
    (.error, "ERROR"), (.critical, "CRITICAL"),
  ])
  func `every level has its word`(level: Logger.Level, word: String) {
    #expect(output(.terminal) { $0.log(level: level, "x") }.split(separator: " ")[1] == word)
  }

  @Test(arguments: [
    ("2", "CRITICAL"), ("0", "CRITICAL"), ("3", "ERROR"), ("4", "WARNING"), ("7", "DEBUG"), ("99", "DEBUG"),
    ("-5", "CRITICAL"), ("loud", "INFO"),
  ])
  func `metadata may set the priority, within syslog's range`(priority: String, word: String) {
    #expect(output(.terminal) { $0.info("x", metadata: ["PRIORITY": "\(priority)"]) }.contains(" \(word) "))
  }

  @Test(arguments: [-0.001, 0, 86_399.999, 4_102_444_800]) func `any time of day is written`(seconds: Double) {
    let text = output(.terminal, at: seconds) { $0.info("x") }
    #expect(text.wholeMatch(of: /\d\d:\d\d:\d\d\.\d\d\d INFO     x\n/) != nil)
  }

  @Test func `JSON is one object a line, its time a number`() throws {
    let text = output(.json) { logger in
      logger.warning("first", metadata: ["PILOTLIGHT_WORKLOAD": "django-app", "took": "3"])
      logger.info("second \"quoted\" é")
    }
    let lines = text.split(separator: "\n").map(String.init)
    #expect(lines.count == 2)
    let first = try object(lines[0])
    #expect(first["level"] as? String == "warning")
    #expect(first["message"] as? String == "first")
    #expect(first["PILOTLIGHT_WORKLOAD"] as? String == "django-app")
    #expect(first["PILOTLIGHT_TOOK"] as? String == "3")
    #expect((first["time"] as? Double).map { abs($0 - 1_764_000_000.123) < 0.002 } == true)
    #expect(!lines[0].contains("\"time\":\""))
    #expect(try object(lines[1])["message"] as? String == "second \"quoted\" é")
  }

  @Test(arguments: [LogFormat.terminal, .json]) func `hostile text stays one line without a control character`(
    format: LogFormat
  ) throws {
    let hostile = "a\nb\r\nc\u{1B}[31mred\u{1B}]0;title\u{7}\u{8}\u{7F}\u{9B}1m\u{2028}\u{2029}\0"
    let text = output(format) { $0.error("\(hostile)", metadata: ["detail": "\(hostile)"]) }
    #expect(text.count { $0.isNewline } == 1)
    #expect(text.hasSuffix("\n"))
    let controls = text.dropLast().unicodeScalars.filter { $0.value < 32 || (127...159).contains($0.value) }
    #expect(controls.isEmpty)
    #expect(text.contains("[31mred"))
  }

  @Test(arguments: [
    "\u{202A}", "\u{202B}", "\u{202C}", "\u{202D}", "\u{202E}", "\u{2066}", "\u{2067}", "\u{2068}", "\u{2069}",
    "\u{200E}", "\u{200F}", "\u{061C}",
  ])
  func `text cannot turn the reading direction`(mark: Unicode.Scalar) {
    let text = output(.terminal) { $0.error("pass\(mark)word") }
    #expect(!text.unicodeScalars.contains(mark))
    #expect(text.contains("u{\(String(mark.value, radix: 16))}"))
  }

  @Test func `a huge text is cut, whatever it is made of`() {
    let stack = "x" + String(repeating: "\u{301}", count: 1_000_000)
    for text in [String(repeating: "y", count: 2_000_000), stack] {
      let written = output(.json) { $0.error("\(text.prefix(20))", metadata: ["detail": "\(text)"]) }
      #expect(written.utf8.count < 40_000)
    }
  }

  @Test(arguments: [
    ("PILOTLIGHT_STEP", "PILOTLIGHT_STEP"), ("MESSAGE_ID", "MESSAGE_ID"), ("took", "PILOTLIGHT_TOOK"),
    ("request-id", "PILOTLIGHT_REQUEST_ID"), ("_BOOT_ID", "PILOTLIGHT__BOOT_ID"), ("9LIVES", "PILOTLIGHT_9LIVES"),
    ("a=b\nc", "PILOTLIGHT_A_B_C"), ("größe", "PILOTLIGHT_GR_SSE"),
  ])
  func `field names are the journal's`(key: String, name: String) throws {
    let line = output(.json) { $0.info("x", metadata: ["\(key)": "value"]) }
    #expect(try object(line)[name] as? String == "value")
  }

  @Test func `no field name is longer than the journal's 64`() throws {
    for key in [String(repeating: "A", count: 200), String(repeating: "a", count: 200)] {
      let line = output(.json) { $0.info("x", metadata: ["\(key)": "value"]) }
      let names = try object(line).keys.filter { $0.contains("AAA") }
      #expect(names.count == 1 && names.allSatisfy { $0.utf8.count == 64 })
    }
  }

  @Test func `a closed descriptor does not stop the caller`() {
    let logger = Logger(label: "test") { _ in
      LineHandler(.terminal, level: .trace, wallSeconds: { 0 }, descriptor: -1, environment: [:])
    }
    logger.error("nobody reads this")
  }

  @Test func `a pipe that nobody reads stops nobody: lines are lost, and that is told when somebody reads again`() {
    let pipe = Pipe()
    let queue = LogQueue(most: 100)
    let logger = Logger(label: "test") { _ in
      LineHandler(
        .terminal, level: .trace, wallSeconds: { 0 }, descriptor: pipe.fileHandleForWriting.fileDescriptor,
        environment: [:], queue: queue)
    }
    // A pipe holds 64 kB.
    for number in 0..<1000 { logger.error("\(number) \(String(repeating: "x", count: 1000))") }
    #expect(!queue.flush(within: .milliseconds(100)))
    let reader = Thread {
      while !pipe.fileHandleForReading.availableData.isEmpty {}
    }
    reader.start()
    #expect(queue.flush(within: .seconds(30)))
    let seen = output(.terminal) { $0.error("another") }
    #expect(seen.contains("another"))
    try? pipe.fileHandleForWriting.close()
  }

  @Test func `of the lines that nobody took it is told how many`() async {
    let queue = LogQueue(most: 2)
    let gate = DispatchSemaphore(value: 0)
    let told = Mutex<[Int]>([])
    for _ in 0..<7 {
      queue.add { lost in
        gate.wait()
        told.withLock { $0.append(lost) }
      }
    }
    for _ in 0..<2 { gate.signal() }
    #expect(queue.flush(within: .seconds(30)))
    gate.signal()
    queue.add { lost in told.withLock { $0.append(lost) } }
    #expect(queue.flush(within: .seconds(30)))
    #expect(told.withLock { $0 } == [0, 0, 5])
  }

  @Test func `a flush ends once what was said has been read`() {
    let queue = LogQueue()
    let done = Mutex<[String]>([])
    queue.settle { patience in done.withLock { $0.append("read within \(patience)") } }
    queue.add { _ in done.withLock { $0.append("said") } }
    #expect(queue.flush(within: .seconds(30)))
    #expect(done.withLock { $0 } == ["said", "read within 30.0 seconds"])
  }

  @Test func `stderr is the journal only when JOURNAL_STREAM names this very file`() {
    var status = stat()
    #expect(fstat(STDERR_FILENO, &status) == 0)
    let own = "\(status.st_dev):\(status.st_ino)"
    #expect(LogFormat.automatic.resolved(environment: ["JOURNAL_STREAM": own]) == .journal)
    #expect(LogFormat.automatic.resolved(environment: ["JOURNAL_STREAM": "1:1"]) == .terminal)
    #expect(LogFormat.automatic.resolved(environment: [:]) == .terminal)
    #expect(LogFormat.json.resolved(environment: ["JOURNAL_STREAM": own]) == .json)
  }
}
