// Every key of a scenario, declared where it is read; `config/SCENARIOS.md` is printed from the same lines.

import PilotlightConfiguration
import PilotlightCore
import PilotlightSandbox
import PilotlightSimulation

/// A side of a workload, as scenarios name it.
enum Role: String, CaseIterable, Sendable {
  case primary, dr

  var site: SandboxSite {
    switch self {
    case .primary: .primary
    case .dr: .dr
    }
  }

  func settings(_ workload: WorkloadSettings) -> SiteSettings {
    switch self {
    case .primary: workload.primary
    case .dr: workload.dr
    }
  }
}

extension Kind where Value == Role {
  static var role: Kind { .choice(Role.self, placeholder: .primary) }
}

extension Kind where Value == Int {
  static var percent: Kind { .integer(1...100) }
}

/// The keys at the top of the file.
func readScenario(_ root: Section) -> ScenarioFile {
  let name = root.required("name", .text(maximum: 80), "What happens, in a few words.")
  let duration = root.required(
    "duration", .duration(.minutes(1)...(.hours(168))), "How long the world is watched, from a healthy beginning on.")
  let engine = root.optional(
    "engine", .choice(SandboxEngine.self, placeholder: .postgres), default: .postgres,
    "What the databases run; `mysql` stands for MariaDB too. Their replicas measure lag in different ways.")
  let operatorAfter = root.optional(
    "operator", absent: "nobody orders anything but what the events say", "Who helps the daemon.", readOperator)
  let events = root.list(
    "events", .required, 1...200, "What happens, in any order."
  ) { readEvent($0, duration: duration) }
  return ScenarioFile(
    name: name, duration: duration, engine: engine, operatorAfter: operatorAfter ?? nil, events: events)
}

private func readOperator(_ person: Section) -> Duration? {
  let follows = person.optional(
    "followsAdvice", .boolean, default: true,
    "Does what the daemon advises: approves, retries, resumes, confirms by hand, moves users where `traffic` is `manual`, "
      + "fails over where a person must decide; never fails back.")
  let after = person.optional(
    "after", .duration(.zero...(.hours(24))), default: .minutes(10),
    "How long after a warning of the daemon's the operator is there, to stay until nothing is under way.")
  return follows ? after : nil
}

private func readEvent(_ event: Section, duration: Duration) -> ScenarioFile.Event {
  let at = event.required("at", .duration(.zero...(.hours(168))), "When it begins, since the scenario's beginning.")
  let lasting = event.optional(
    "lasting", .duration(.milliseconds(1)...(.hours(168))), absent: "to the end of the scenario",
    "How long it lasts.")
  var choice = EventChoice(event)
  choice.readCloud()
  choice.readApplication()
  choice.readDatabase()
  choice.readGlobalDatabase()
  choice.readWatchdog()
  if choice.found != 1 { event.refuseChoice(among: choice.keys, lack: "says nothing that happens") }
  if !event.isDescribing { check(event, at: at, lasting: lasting, duration: duration, choice) }
  return ScenarioFile.Event(at: at, lasting: lasting, what: choice.what)
}

/// Keys that do not fit together.
private func check(
  _ event: Section, at: Duration, lasting: Duration?, duration: Duration, _ choice: EventChoice
) {
  func note(_ key: String, _ problem: String) {
    let path = event.path(key)
    if !event.findings.isBroken(path) { event.findings.note(event.findings.line(of: path), path, problem) }
  }
  if at >= duration, !event.findings.isBroken("duration") {
    note(
      "at",
      "`\(at.written)` is no earlier than the end of the scenario, expected less than `duration` (\(duration.written))")
  }
  if choice.isMoment, lasting != nil {
    note("lasting", "means nothing here, expected it only beside what lasts: a crash or an order is over at once")
  }
  if choice.needsEnd, lasting == nil { note("watchdog", "`frozen` has no end, expected `lasting` beside it") }
}

/// The keys of which an event has exactly one.
struct EventChoice {
  let event: Section
  private(set) var keys: [String] = []
  /// How many of them were written and could be read.
  private(set) var found = 0
  private(set) var what: (@Sendable (WorkloadSettings) -> Occurrence)?
  /// A crash or an order.
  private(set) var isMoment = false
  /// A freeze: it must end, or nothing follows.
  private(set) var needsEnd = false

  init(_ event: Section) { self.event = event }

  /// An event that is said in one value.
  mutating func value<Value>(
    _ key: String, _ kind: Kind<Value>, _ meaning: String,
    _ make: @escaping @Sendable (Value, WorkloadSettings) -> Occurrence
  ) {
    keys.append(key)
    guard let value = event.optional(key, kind, absent: "another event", meaning) else { return }
    take { make(value, $0) }
  }

  /// An event that takes a few keys to say.
  mutating func mapping(
    _ key: String, _ meaning: String, _ body: (Section) -> @Sendable (WorkloadSettings) -> Occurrence
  ) {
    keys.append(key)
    guard let made = event.optional(key, absent: "another event", meaning, body) else { return }
    take(made)
  }

  private mutating func take(_ made: @escaping @Sendable (WorkloadSettings) -> Occurrence) {
    what = made
    found += 1
    // Any workload will do to see what kind of thing it is.
    switch made(.reference()) {
    case .crash, .order: isMoment = true
    case .freeze: needsEnd = true
    case .cloud, .network, .disk, .clockBehind, .veto, .rival: break
    }
  }
}
