// Appending and reading, who may open a ledger, and what its files look like.

import Foundation
import PilotlightCore
import PilotlightEngine
import PilotlightLedger
import Testing

@Suite struct LedgerTests {
  @Test func `what was appended is read back in order, also after reopening`() throws {
    let scratch = try Scratch()
    let entries = (0..<20).map { entry($0) }
    do {
      let ledger = try SQLiteLedger(path: scratch.ledger)
      try ledger.append(Array(entries[..<7]))
      for entry in entries[7...] { try ledger.append([entry]) }
      #expect(try ledger.entries(workload: "django-app") == entries)
      #expect(ledger.count == 20)
      #expect(try ledger.verify() == 20)
    }
    let ledger = try SQLiteLedger(path: scratch.ledger)
    #expect(try ledger.entries(workload: "django-app") == entries)
    try ledger.append([entry(20)])
    #expect(try ledger.verify() == 21)
  }

  @Test func `an append of nothing changes nothing`() throws {
    let scratch = try Scratch()
    let ledger = try SQLiteLedger(path: scratch.ledger)
    try ledger.append([])
    #expect(try ledger.verify() == 0)
  }

  @Test func `workloads are kept apart and history is filtered, newest last`() throws {
    let scratch = try Scratch()
    let ledger = try SQLiteLedger(path: scratch.ledger)
    for number in 0..<30 {
      try ledger.append([entry(number, workload: number % 2 == 0 ? "even" : "odd", incident: "incident-\(number % 5)")])
    }
    #expect(try ledger.entries(workload: "even").count == 15)
    #expect(try ledger.entries(workload: "none").isEmpty)
    #expect(try ledger.history(workload: nil, incident: nil, limit: 3).map(\.sequence) == [28, 29, 30])
    #expect(try ledger.history(workload: "even", incident: nil, limit: 2).map(\.sequence) == [27, 29])
    #expect(try ledger.history(workload: "even", incident: "incident-0", limit: 10).map(\.sequence) == [1, 11, 21])
    #expect(try ledger.history(workload: nil, incident: nil, limit: -1).count == 1)
    #expect(try ledger.history(workload: nil, incident: nil, limit: .max).count == 30)
  }

  @Test func `names with quotes are names, not SQL`() throws {
    let scratch = try Scratch()
    let ledger = try SQLiteLedger(path: scratch.ledger)
    let name = "x'); DROP TABLE entries; --"
    try ledger.append([entry(1, workload: name)])
    #expect(try ledger.entries(workload: name).count == 1)
    #expect(try ledger.verify() == 1)
  }

  @Test(arguments: ["nul \0 inside", "\0", "\u{FEFF}mark", "e\u{301} and é", "\u{202E}bidi", "🇪🇺", ""])
  func `no text in a sentence breaks the chain`(text: String) throws {
    let scratch = try Scratch()
    do {
      let ledger = try SQLiteLedger(path: scratch.ledger)
      var hostile = entry(1)
      hostile.sentence = text
      hostile.incident = text
      try ledger.append([hostile, entry(2)])
      #expect(try ledger.verify() == 2)
    }
    let ledger = try SQLiteLedger(path: scratch.ledger)
    let found = try ledger.entries(workload: "django-app")
    #expect(found.count == 2)
    #expect(found.first?.sentence == text.replacing("\0", with: "\u{2400}"))
  }

  @Test func `facts are kept and replaced`() throws {
    let scratch = try Scratch()
    do {
      let ledger = try SQLiteLedger(path: scratch.ledger)
      #expect(try ledger.fact("origin") == nil)
      try ledger.setFact("origin", "1")
      try ledger.setFact("origin", "2")
    }
    #expect(try SQLiteLedger(path: scratch.ledger).fact("origin") == "2")
  }

  @Test func `its files are for their owner alone`() throws {
    let scratch = try Scratch()
    let old = umask(0)
    defer { umask(old) }
    let ledger = try SQLiteLedger(path: scratch.ledger)
    try ledger.append([entry(1)])
    let names = try FileManager.default.contentsOfDirectory(atPath: scratch.directory.path)
    #expect(Set(names).isSuperset(of: ["ledger.db", "ledger.db-wal", "ledger.db.lock", "ledger.db.head"]))
    for name in names {
      var status = stat()
      #expect(stat(scratch.path(name), &status) == 0)
      #expect(status.st_mode & 0o777 == 0o600, "\(name)")
    }
  }

  @Test func `F25 a second opener is refused and told who holds the ledger`() throws {
    let scratch = try Scratch()
    let ledger = try SQLiteLedger(path: scratch.ledger)
    // The descriptor of the refused lock is closed once: a second close would hit a file of somebody else.
    let probes = (0..<200).map { _ in
      guard case .failure(.cannotWrite(let text)) = read(scratch) else { return false }
      let descriptor = open("/dev/null", O_RDONLY)
      defer { close(descriptor) }
      return text.contains("pid \(getpid())") && fcntl(descriptor, F_GETFD) >= 0
    }
    #expect(!probes.contains(false))
    try ledger.append([entry(1)])
    #expect(try ledger.verify() == 1)
  }

  @Test func `a ledger that was let go can be opened again`() throws {
    let scratch = try Scratch()
    for number in 0..<5 {
      let ledger = try SQLiteLedger(path: scratch.ledger)
      try ledger.append([entry(number)])
    }
    #expect(try SQLiteLedger(path: scratch.ledger).count == 5)
  }

  @Test func `F68: a ledger of a newer version is refused`() throws {
    let scratch = try Scratch()
    try writeLedger(scratch, count: 3)
    try scratch.tamper("PRAGMA user_version = 99;")
    #expect(read(scratch).failure == .newer(found: 99, known: SQLiteLedger.version))
    try scratch.tamper("PRAGMA user_version = \(SQLiteLedger.version);")
    #expect(try read(scratch).get().count == 3)
  }

  @Test func `a file that is no ledger is refused and left as it is`() throws {
    let scratch = try Scratch()
    let text = Array(String(repeating: "this is no database\n", count: 500).utf8)
    try scratch.write(text, to: "ledger.db")
    guard case .damaged = read(scratch).failure else {
      Issue.record("opened")
      return
    }
    #expect(try scratch.bytes("ledger.db") == text)
  }

  @Test func `another program's database is refused`() throws {
    let scratch = try Scratch()
    try scratch.tamper("CREATE TABLE entries (x); INSERT INTO entries VALUES (1);")
    #expect(read(scratch).failure != nil)
  }

  @Test func `a directory that does not exist is named`() {
    guard
      case .failure(.cannotWrite(let text)) = Result(catching: { () throws(LedgerFailure) in
        try SQLiteLedger(path: "/nonexistent/ledger.db")
      })
    else {
      Issue.record("opened")
      return
    }
    #expect(text.contains("/nonexistent/ledger.db"))
  }

  @Test func `how long a durable append takes`() throws {
    let scratch = try Scratch()
    let ledger = try SQLiteLedger(path: scratch.ledger)
    let clock = ContinuousClock()
    var times: [Duration] = []
    for number in 0..<1000 {
      let one = entry(number)
      let start = clock.now
      try ledger.append([one])
      times.append(clock.now - start)
    }
    times.sort()
    print("durable append: median \(times[500]), p99 \(times[990]), worst \(times[999])")
    #expect(try ledger.verify() == 1000)
  }
}
