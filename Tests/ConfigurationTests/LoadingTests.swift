import Foundation
import Glibc
import PilotlightConfiguration
import Testing

/// Files as they lie on a disk.
@Suite struct LoadingTests {
  private func inDirectory(_ body: (URL) throws -> Void) throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "pilotlight-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    try body(directory)
  }

  @Test func `a file that is not there, a directory and a pipe are errors at line 1`() throws {
    try inDirectory { directory in
      let missing = directory.appending(path: "none.yaml").path()
      #expect(
        Configuration.load(path: missing).printed
          == "\(missing):1: the file cannot be opened: No such file or directory")
      let folder = directory.path()
      #expect(Configuration.load(path: folder).printed == "\(folder):1: is not a regular file")
      // Nobody ever writes into it: a daemon that waited here would hang at start.
      let pipe = directory.appending(path: "pipe").path()
      #expect(mkfifo(pipe, 0o600) == 0)
      #expect(Configuration.load(path: pipe).printed == "\(pipe):1: is not a regular file")
    }
  }

  @Test func `an endless or too large file is not read to its end`() throws {
    #expect(Configuration.load(path: "/dev/zero").printed == "/dev/zero:1: is not a regular file")
    try inDirectory { directory in
      let large = directory.appending(path: "large.yaml").path()
      #expect(FileManager.default.createFile(atPath: large, contents: nil))
      #expect(truncate(large, 1 << 40) == 0)
      #expect(Configuration.load(path: large).printed == "\(large):1: the file is larger than 1048576 bytes")
    }
  }

  @Test func `load and parse agree, and load warns of files that cannot be read`() throws {
    try inDirectory { directory in
      let file = directory.appending(path: "c.yaml")
      let text = "daemon: {aws: {caBundle: \(directory.path())none.pem}}\n" + minimal
      try text.write(to: file, atomically: true, encoding: .utf8)
      let loaded = try Configuration.load(path: file.path()).get()
      let parsed = try Configuration.parse(text, file: file.path()).get()
      #expect(loaded.workloads == parsed.workloads)
      #expect(loaded.daemon == parsed.daemon)
      #expect(parsed.warnings == [])
      #expect(loaded.warnings.map(\.path) == ["daemon.aws.caBundle"])
      #expect(loaded.warnings.map(\.line) == [1])
    }
  }

  @Test func `load warns of programs that could not be run, and of a group that nobody would scale up`() throws {
    try inDirectory { directory in
      let file = directory.appending(path: "c.yaml")
      let text =
        minimal + """

              decision: {veto: {command: [\(directory.path())none, now]}}
              plans:
                failover:
                  without: [scale-up-dr]
                  steps:
                    - {name: warm-up, after: gate, command: [/bin/sh], undo: [\(file.path())], timeout: 1m}
          """
      try text.write(to: file, atomically: true, encoding: .utf8)
      let loaded = Configuration.load(path: file.path())
      let paths = ["decision.veto.command", "plans.failover.without", "plans.failover.steps[0].undo"]
      #expect(loaded.printed == "")
      #expect(loaded.configuration?.warnings.map(\.path) == paths.map { "workloads[0].\($0)" })
    }
  }
}
