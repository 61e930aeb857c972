// Segments on a disk: begun, filled, and dropped when they are too old or too many. Whole segments go, the oldest first;
// nothing is ever rewritten, and nothing is fsynced: a power loss costs the newest seconds, which is less than waiting for the
// disk would.

package import PilotlightCore

/// Why the disk does not take a recording, in one sentence.
package struct DiskTrouble: Error, Equatable, Sendable {
  package var text: String
  package init(_ text: String) { self.text = text }
}

/// Where segments lie. Numbers only grow.
package protocol RecordingDisk: AnyObject {
  /// Those that are there, the lowest number first, with their sizes in bytes.
  func segments() throws(DiskTrouble) -> [(number: Int, size: Int)]
  /// The first bytes of a segment, at most `count`.
  func head(of number: Int, count: Int) throws(DiskTrouble) -> [UInt8]
  /// Begins a new one; what is appended goes to it.
  func begin(_ number: Int) throws(DiskTrouble)
  func append(_ bytes: [UInt8]) throws(DiskTrouble)
  func remove(_ number: Int) throws(DiskTrouble)
}

/// The bounded store of recorded observations.
package final class SegmentStore {
  private struct Segment {
    let number: Int
    var size: Int
    /// nil: cannot be told any more; it goes with those after it.
    let begins: Instant?
  }

  private let disk: any RecordingDisk
  private let keepFor: Duration
  private let maximumSize: Int
  private let segmentSize: Int
  private let segmentAge: Duration
  /// nil until the disk was looked at.
  private var kept: [Segment]?
  private var isOpen = false

  /// - Parameters:
  ///   - keepFor: how old the youngest thing in a segment may become; 1 h and up.
  ///   - maximumSize: bytes of all segments together; 1 MiB and up.
  package init(_ disk: any RecordingDisk, keepFor: Duration, maximumSize: Int) {
    self.disk = disk
    self.keepFor = keepFor
    self.maximumSize = maximumSize
    segmentSize = min(max(maximumSize / 32, 32 << 10), 8 << 20)
    segmentAge = min(max(keepFor / 30, .minutes(10)), .hours(24))
  }

  /// Appends whole frames.
  ///
  /// - Parameter preamble: what a new segment begins with.
  package func append(_ bytes: [UInt8], at now: Instant, preamble: () -> [UInt8]) throws(DiskTrouble) {
    var segments = try look()
    if !isOpen || isFull(segments.last, at: now) {
      // Whatever stands at the end of the one before, torn or not, stays there.
      let number = (segments.last?.number ?? 0) + 1
      try disk.begin(number)
      segments.append(Segment(number: number, size: 0, begins: now))
      isOpen = true
      kept = segments
      try put(preamble(), at: now)
    }
    try put(bytes, at: now)
  }

  /// After trouble: the segment that was written to is left as it is, or taken away when nothing of it was ever whole.
  package func abandon() {
    isOpen = false
    guard let last = kept?.last, last.size == 0 else { return }
    kept?.removeLast()
    // A disk that does not even take this will be told of at the next attempt.
    try? disk.remove(last.number)
  }

  private func isFull(_ segment: Segment?, at now: Instant) -> Bool {
    guard let segment, let begins = segment.begins else { return true }
    return segment.size >= segmentSize || now - begins >= segmentAge
  }

  private func look() throws(DiskTrouble) -> [Segment] {
    if let kept { return kept }
    var found: [Segment] = []
    for (number, size) in try disk.segments() {
      let head = try disk.head(of: number, count: RecordingReader.beginningLength)
      found.append(Segment(number: number, size: size, begins: RecordingReader.beginning(head)))
    }
    kept = found
    return found
  }

  private func put(_ bytes: [UInt8], at now: Instant) throws(DiskTrouble) {
    try prune(for: bytes.count, at: now)
    try disk.append(bytes)
    guard let last = kept?.indices.last else { return }
    kept?[last].size += bytes.count
  }

  /// Drops what is too old, and as much as makes room for `room` bytes; never the segment that is written.
  private func prune(for room: Int, at now: Instant) throws(DiskTrouble) {
    while let segments = kept, segments.count > 1 {
      let isOld = segments[1].begins.map { $0 < now - keepFor } ?? false
      let isTooMuch = segments.reduce(room) { $0 + $1.size } > maximumSize
      guard isOld || isTooMuch else { return }
      try disk.remove(segments[0].number)
      kept?.removeFirst()
    }
  }
}
