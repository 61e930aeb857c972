// The format of a recording, version 1.
//
// A recording is a sequence of segments; a segment is a file, and segments laid end to end (`cat`) are a recording again.
//
//     segment   "pilotlight-obs\n" and the version, one byte; then frames
//     frame     A7 3C, the payload's length (4 bytes, little-endian, at most 1 MiB), its CRC-32 (4 bytes, little-endian),
//               the payload
//     payload   00 a mark, or 01 the sightings of one workload over a stretch of time
//     sightings the workload; a base instant; the watches; the values they brought; and items in the order they began:
//               which watch, which value, how many, the times of the first and, when there are more, of the last, and for
//               the primary's probe the starts of those between
//
// Each frame stands for itself: a torn tail or a flipped bit costs the frames it touches, and a reader goes on with the next
// one whose checksum holds, telling how much it left out.
//
// Nothing is rounded, but one thing: while the primary serves and nothing has changed for eleven minutes, equal results of one
// watch that follow each other are kept as their number with the exact times of the first and the last, and for the primary's
// probe the exact start of each; the rest is told evenly spaced. What an outage is judged by is therefore exact: whatever differs
// from the result before it ends all such runs at once, and is kept with its own times, as is everything in the eleven minutes
// after it, and every result while the primary does not serve. Lag is always exact. Request ids of failed calls are left out,
// and texts are cut at 1,000 bytes.

import PilotlightCore

/// What stands at fixed places.
enum Format {
  static let version: UInt8 = 1
  static let magic = Array("pilotlight-obs\n".utf8)
  static let sync: [UInt8] = [0xA7, 0x3C]
  static let frameHeader = 10
  /// Bytes of a payload.
  static let longest = 1 << 20
  /// Sightings in a frame, runs counted by their length: what a reader must be ready to hold.
  static let mostSightings = 100_000
  /// Different values in a frame.
  static let mostValues = 4096
  /// Datapoints in one reading of the lag; CloudWatch gives about 20.
  static let mostSamples = 256
  /// Sightings in a run.
  static let longestRun = 4096
  /// From the first to the last of a run.
  static let longestSpan: Duration = .hours(24)

  static var header: [UInt8] { magic + [version] }

  static func frame(_ payload: [UInt8]) -> [UInt8] {
    func little(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
    return sync + little(UInt32(payload.count)) + little(Checksum.of(payload)) + payload
  }

  static func little(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }
}

/// A frame's meaning.
enum Payload: Equatable {
  case mark(Mark)
  case sightings(Stretch)

  var packed: [UInt8] {
    var packer = Packer()
    switch self {
    case .mark(let mark):
      packer.byte(0)
      mark.pack(&packer)
    case .sightings(let stretch):
      packer.byte(1)
      stretch.pack(&packer)
    }
    return packer.bytes
  }

  init(_ bytes: ArraySlice<UInt8>) throws(Garbled) {
    var unpacker = Unpacker(bytes)
    switch try unpacker.byte() {
    case 0: self = .mark(try Mark(&unpacker))
    case 1: self = .sightings(try Stretch(&unpacker))
    default: throw Garbled()
    }
    if !unpacker.isAtEnd { throw Garbled() }
  }
}

extension Mark {
  func pack(_ into: inout Packer) {
    into.instant(at)
    switch self {
    case .begins(_, let wallAhead):
      into.byte(0)
      into.duration(wallAhead)
    case .started: into.byte(1)
    case .stopped: into.byte(2)
    case .gap(_, let lasted):
      into.byte(3)
      into.duration(lasted)
    case .run(let workload, let moment, _):
      into.byte(4)
      into.text(workload)
      into.choice(moment)
    case .missed(let count, _):
      into.byte(5)
      into.integer(count)
    case .viewpoint(let workload, let viewpoint, _):
      into.byte(6)
      into.text(workload)
      viewpoint.pack(&into)
    }
  }

  init(_ from: inout Unpacker) throws(Garbled) {
    let at = try from.instant()
    switch try from.byte() {
    case 0: self = .begins(at: at, wallAhead: try from.duration())
    case 1: self = .started(at: at)
    case 2: self = .stopped(at: at)
    case 3: self = .gap(at: at, lasted: try from.duration())
    case 4: self = .run(workload: try from.text(), try from.choice(RunMoment.self), at: at)
    case 5: self = .missed(count: try from.integer(), at: at)
    case 6: self = .viewpoint(workload: try from.text(), try Viewpoint(&from), at: at)
    default: throw Garbled()
    }
  }
}
