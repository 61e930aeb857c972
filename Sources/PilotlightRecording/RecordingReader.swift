// Bytes of a recording, read front to back. What is damaged is left out and told; nothing that was written stops a reader.

package import PilotlightCore

/// Reads segments laid end to end.
package struct RecordingReader {
  /// What could not be read.
  package struct Damage: Equatable, Sendable {
    package var bytes = 0
    /// Frames whose checksum holds and whose meaning is not known: written by a newer version.
    package var unknown = 0
    /// The newest version that was met and is not known.
    package var newer: UInt8?

    package var isNone: Bool { self == Damage() }

    package init() {}

    package static func += (a: inout Damage, b: Damage) {
      a.bytes += b.bytes
      a.unknown += b.unknown
      a.newer = [a.newer, b.newer].compactMap { $0 }.max()
    }
  }

  private let bytes: [UInt8]
  private var at = 0
  /// The segment is of a version that is not known.
  private var isForeign = false
  package private(set) var damage = Damage()
  /// Whether any segment was met at all.
  package private(set) var isRecording = false

  package init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The next frame's contents, in the order they happened; nil at the end.
  package mutating func next() -> [Recorded]? {
    while at < bytes.count {
      if takeHeader() { continue }
      guard !isForeign, let payload = takeFrame() else {
        at += 1
        damage.bytes += 1
        continue
      }
      guard let meaning = try? Payload(payload) else {
        damage.unknown += 1
        continue
      }
      switch meaning {
      case .mark(let mark): return [.mark(mark)]
      case .sightings(let stretch): return stretch.sightings.map { .sighted(workload: stretch.workload, $0) }
      }
    }
    return nil
  }

  private mutating func takeHeader() -> Bool {
    guard bytes.count - at > Format.magic.count, bytes[at] == Format.magic[0],
      bytes[at..<(at + Format.magic.count)].elementsEqual(Format.magic)
    else { return false }
    let version = bytes[at + Format.magic.count]
    isRecording = true
    isForeign = version != Format.version
    if isForeign { damage.newer = max(damage.newer ?? 0, version) }
    at += Format.magic.count + 1
    return true
  }

  private mutating func takeFrame() -> ArraySlice<UInt8>? {
    guard bytes.count - at >= Format.frameHeader, bytes[at] == Format.sync[0], bytes[at + 1] == Format.sync[1] else {
      return nil
    }
    let length = Int(Format.little(bytes[(at + 2)..<(at + 6)]))
    let begin = at + Format.frameHeader
    guard length <= Format.longest, bytes.count - begin >= length else { return nil }
    let payload = bytes[begin..<(begin + length)]
    guard Checksum.of(payload) == Format.little(bytes[(at + 6)..<begin]) else { return nil }
    at = begin + length
    return payload
  }
}

extension RecordingReader {
  /// When a segment begins, from its first bytes; nil when that cannot be told.
  package static func beginning(_ head: [UInt8]) -> Instant? {
    var reader = RecordingReader(head)
    guard case .mark(.begins(let at, _))? = reader.next()?.first else { return nil }
    return at
  }

  /// A recording with one frame whose checksum holds, whatever is in it.
  package static func recording(ofPayload payload: [UInt8]) -> [UInt8] {
    Format.header + Format.frame(Array(payload.prefix(Format.longest)))
  }

  /// So many bytes are enough for `beginning`.
  package static let beginningLength = 64
}
