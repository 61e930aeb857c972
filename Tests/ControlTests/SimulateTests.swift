import Foundation
import PilotlightControlAPI
import Testing

/// `pilotlightctl simulate` as a person meets it: files in, text and an exit code out; no daemon.
@Suite struct SimulateTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized

  private func simulate(_ scenario: String, _ arguments: [String] = []) async throws -> Ran {
    let config = Self.root.appending(path: "config")
    let file = scenario.contains("/") ? scenario : config.appending(path: "scenarios/\(scenario).yaml").path
    return try await runCtl(
      ["simulate", file, "--config", config.appending(path: "pilotlight.yaml").path] + arguments)
  }

  @Test func `a met objective ends in 0, with the timeline and the figures`() async throws {
    let ran = try await simulate("region-outage", ["--mode", "automatic"])
    #expect(ran.code == 0 && ran.err == "", "\(ran)")
    #expect(
      ran.out.hasPrefix("the primary region dies  on django-app, 60 min simulated, seed 1; nothing real is touched\n"))
    for part in [
      "  +0:05:00  08:05:00Z  world     the whole region eu-west-1 is gone\n",
      "  CRITICAL  fence debt: ", "\ndjango-app  MET  dr-active at the end, mode automatic\n",
      "  outage at           +0:05:00  (2027-01-15T08:05:00Z)\n", "; RTO 30 min met with ", "; RPO 5 min met with ",
      "  promotions          1\n", "  two writers         0 s\n", "pilotlightctl failback django-app --reason",
    ] { #expect(ran.out.contains(part), "\(part)") }
    #expect(!ran.out.contains("\u{1b}"))
  }

  @Test func `the same seed gives the same text to the byte`() async throws {
    let arguments = ["--mode", "automatic", "--seed", "42"]
    let (one, two) = (try await simulate("api-throttled", arguments), try await simulate("api-throttled", arguments))
    #expect(one == two && one.code == 0)
    let other = try await simulate("api-throttled", ["--mode", "automatic", "--seed", "43"])
    #expect(other.out != one.out)
  }

  @Test func `the mode that is configured is kept, and what it waits for is said`() async throws {
    let ran = try await simulate("region-outage", ["--quiet"])
    #expect(ran.code == 1 && ran.err == "")
    #expect(ran.out.contains("NOT RECOVERED  degraded at the end, mode observe"))
    #expect(ran.out.contains("mode is observe: a failover would have begun"))
    #expect(ran.out.contains("it only observes; set `mode: approve`, reload, then: pilotlightctl failover django-app"))
    #expect(ran.out.contains("--mode automatic") && !ran.out.contains("world  "))
  }

  @Test func `a missed objective ends in 1, nothing needed in 0`() async throws {
    let missed = try await simulate("slow-promotion", ["--mode", "automatic", "--quiet"])
    #expect(missed.code == 1 && missed.out.contains("RTO 30 min MISSED by"), "\(missed)")
    let undisturbed = try await simulate("watchdog-cut-off", ["--mode", "automatic", "--quiet"])
    #expect(undisturbed.code == 0 && undisturbed.out.contains("UNDISTURBED  healthy at the end"), "\(undisturbed)")
  }

  @Test func `several runs are spread out, and no promise is broken`() async throws {
    let ran = try await simulate("region-outage", ["--mode", "automatic", "--runs", "20"])
    #expect(ran.code == 0 && ran.err == "")
    #expect(ran.out.contains("20 runs, seeds 1 to 20") && ran.out.contains("0 undisturbed, 20 met, 0 missed"))
    #expect(ran.out.contains("  promises broken     in 0 runs\n"))
    #expect(try await simulate("region-outage", ["--mode", "automatic", "--runs", "20"]) == ran)
  }

  @Test func `JSON has every key that the help promises`() async throws {
    let help = try await runCtl(["simulate", "--help"]).out
    let promised = Set(help.split { !$0.isLetter && !$0.isNumber }.map(String.init))
    for runs in ["1", "2"] {
      let ran = try await simulate("region-outage", ["--mode", "automatic", "--json", "--runs", runs])
      #expect(ran.code == 0 && ran.err == "")
      let report = try JSONSerialization.jsonObject(with: Data(ran.out.utf8))
      #expect(keys(report).count > 15)
      #expect(keys(report).subtracting(promised) == [])
    }
  }

  @Test func `every mistake in both files is told, each on its line, and it ends in 2`() async throws {
    let scratch = try Scratch()
    let scenario = scratch.path + "/s.yaml"
    let config = scratch.path + "/c.yaml"
    try "name: x\nduration: 1h\nevents:\n  - at: 5m\n    regionOutage: here\n  - at: 2h\n    watchdog: cutOff\n"
      .write(toFile: scenario, atomically: true, encoding: .utf8)
    try "workloads: []\n".write(toFile: config, atomically: true, encoding: .utf8)
    let ran = try await runCtl(["simulate", scenario, "--config", config])
    #expect(ran.code == 2 && ran.out == "")
    #expect(
      ran.err == """
        \(scenario):5: events[0].regionOutage: `here` is not a choice, expected one of primary, dr
        \(scenario):6: events[1].at: `2h` is no earlier than the end of the scenario, expected less than `duration` (1h)
        \(config):1: workloads: is empty, expected 1 to 1000 items

        """)
  }

  @Test(arguments: [
    ["--runs", "0"], ["--runs", "100001"], ["--seed", "-1"], ["--seed", "18446744073709551615"], ["--mode", "eager"],
    ["--workload", "nope"], ["--nope"],
  ])
  func `wrong usage ends in 2 with one line`(_ arguments: [String]) async throws {
    let ran = try await simulate("region-outage", arguments)
    #expect(ran.code == 2 && ran.out == "" && ran.err.filter { $0 == "\n" }.count == 1, "\(ran)")
  }

  @Test func `a file that is not there ends in 2`() async throws {
    let ran = try await simulate("/nonexistent/scenario.yaml")
    #expect(
      ran.code == 2 && ran.err == "/nonexistent/scenario.yaml:1: the file cannot be opened: No such file or directory\n"
    )
  }

  /// The names of all keys of a JSON value.
  private func keys(_ value: Any) -> Set<String> {
    if let object = value as? [String: Any] {
      return object.reduce(into: Set(object.keys)) { $0.formUnion(keys($1.value)) }
    }
    return (value as? [Any] ?? []).reduce(into: []) { $0.formUnion(keys($1)) }
  }
}
