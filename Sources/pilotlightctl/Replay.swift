// The backtest: another configuration tried on what the daemon really saw. Nothing is asked of the daemon, and nothing is
// changed.

import ArgumentParser
import Glibc
import PilotlightConfiguration
import PilotlightControlAPI
import PilotlightCore
import PilotlightEngine
import PilotlightRecording

struct Replay: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Try a configuration on what the daemon saw: when it would have failed over, and whether rightly.",
    discussion: """
      The daemon keeps what it sees beside its ledger, in LEDGER.observations, for as long and as much as \
      daemon.observations says. The real detector and the real decisions are run over it on the recorded time; nothing is \
      ever done. A would-be failover is wrong when the primary recovered sooner than the failover would have served users, \
      right when the outage lasted longer, and open when the recording ends before that. Each outage is judged from a \
      healthy state: orders, pauses and hold-downs have no part in it, and steps take as long as the \
      documented defaults say. What the recording cannot tell about the configuration is said.

      FILE is such a directory, one of its files, or several of them laid end to end (cat LEDGER.observations/*.obs > FILE): \
      copy it to wherever you want to replay it. The directory is readable for the daemon's user: \
      sudo -u pilotlight pilotlightctl replay --since 30d.

      Exit codes: 0 nothing would have failed over, or rightly; 1 a would-be failover looks wrong; 2 a mistake in a file or \
      on the command line, or nothing is recorded.

      --json prints one object. Times are ISO-8601, durations are seconds, nothing is omitted, what is not known is null: \
      from, to, sightings, missed, starts, gaps (count, total, longest), unreadable (bytes, frames), strangers, wrong, and \
      workloads. Each of these: name, mode, confirmFor, sightings, nearMisses (outageStart, lasted), concerns, blind (count, \
      total, longest), longestUnknownLag, runs (moment, at), limits, held (outageStart, recovered, lasted, why) and \
      failovers: outageStart, confirmed, begun, loss (seconds, confidence), withinRpo, forecast, serviceBack, recovered, \
      lasted, verdict (right, wrong, open), takenBack, brake, realRun, evidence.
      """)

  @Argument(help: ArgumentHelp("A recording; without it, that of the daemon on this host.", valueName: "file"))
  var file: String?
  @Option(
    help: ArgumentHelp("Only the last of it, such as 30d or 12h, counted from its newest moment.", valueName: "age"))
  var since: Age?
  @Option(help: "The configuration to be tried.") var config = "/etc/pilotlight/pilotlight.yaml"
  @Option(help: "Only this workload; what others would have held back is then left out.") var workload: String?
  @Flag(help: "Print JSON: a stable shape for scripts.") var json = false

  func validate() throws {
    if file == nil, since == nil { throw ValidationError("say which recording: a FILE, or --since 30d") }
  }

  func run() throws {
    let configuration = try loaded()
    let workloads = try chosen(configuration.workloads)
    let source = try Source(file ?? configuration.daemon.observationsDirectory)
    let daemon = configuration.daemon
    let replay = PilotlightRecording.Replay(
      workloads, brakes: Brakes(maximum: daemon.maxConcurrentFailovers, window: daemon.failoverWindow),
      from: try since.map { try source.newest() - .seconds($0.seconds) } ?? .distantPast)
    let damage = try source.read { replay.take($0) }
    let findings = replay.finish()
    guard findings.span != nil else { throw Ending.usage("\(source.path): nothing is recorded there") }
    if json {
      let report = ReplayReport(findings, damage)
      print(String(decoding: try ControlJSON.encode(report, pretty: true), as: UTF8.self))
    } else {
      print(replayPage(findings, damage, config: config, style: .detected), terminator: "")
    }
    if findings.wrong > 0 { throw Ending(code: 1, message: nil) }
  }

  private func loaded() throws -> Configuration {
    switch Configuration.load(path: config) {
    case .success(let configuration): return configuration
    case .failure(let errors): throw Ending(code: 2, lines: [errors.description])
    }
  }

  private func chosen(_ all: [WorkloadSettings]) throws -> [WorkloadSettings] {
    guard let workload else { return all }
    let chosen = all.filter { $0.name == workload }
    if chosen.isEmpty {
      let names = all.map(\.name).joined(separator: ", ")
      throw Ending.usage("there is no workload '\(workload)' in the configuration, which has \(names)")
    }
    return chosen
  }
}

/// A recording on this host's disk.
private struct Source {
  let path: String
  private let files: [String]

  init(_ path: String) throws {
    self.path = path
    do throws(DiskTrouble) {
      files = try RecordingFiles.paths(path)
    } catch {
      throw Source.ending(error)
    }
  }

  private static func ending(_ trouble: DiskTrouble) -> Ending {
    .usage("\(trouble.text) (it is readable for the daemon's user: sudo -u pilotlight pilotlightctl ...)")
  }

  private func bytes(_ file: String) throws -> [UInt8] {
    do throws(DiskTrouble) {
      return try RecordingFiles.read(file) ?? []
    } catch {
      throw Source.ending(error)
    }
  }

  /// Hands on everything, in order.
  ///
  /// - Returns: what could not be read.
  func read(_ take: (Recorded) -> Void) throws -> RecordingReader.Damage {
    var damage = RecordingReader.Damage()
    for file in files {
      var reader = RecordingReader(try bytes(file))
      while let frame = reader.next() { for recorded in frame { take(recorded) } }
      if !reader.isRecording { throw Ending.usage("\(file): this is no recording of observations") }
      damage += reader.damage
    }
    return damage
  }

  /// The newest moment of it, wall time.
  func newest() throws -> Instant {
    for file in files.reversed() {
      var reader = RecordingReader(try bytes(file))
      var (newest, wallAhead) = (Instant.distantPast, Duration.zero)
      while let frame = reader.next() {
        for recorded in frame {
          switch recorded {
          case .mark(.begins(_, let ahead)): wallAhead = ahead
          case .mark(.viewpoint): break
          case .mark(let mark): newest = max(newest, mark.at + wallAhead)
          case .sighted(_, let seen): newest = max(newest, seen.arrivedAt + wallAhead)
          }
        }
      }
      if newest > .distantPast { return newest }
    }
    throw Ending.usage("\(path): nothing is recorded there")
  }
}
