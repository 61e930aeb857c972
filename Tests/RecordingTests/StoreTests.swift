import Foundation
import PilotlightCore
import PilotlightRecording
import Synchronization
import Testing

/// Segments in memory, on a disk that can be made to fail.
final class MemoryDisk: RecordingDisk, @unchecked Sendable {
  // Tests that share it between threads do so through a log that uses it from one.
  private(set) var files: [Int: [UInt8]] = [:]
  private var current = 0
  var trouble: DiskTrouble?
  /// Only so many bytes of the next append arrive.
  var torn: Int?
  /// Appends wait until it is signalled; it has to be, before the disk is gone.
  var hanging: DispatchSemaphore?

  private func check() throws(DiskTrouble) { if let trouble { throw trouble } }

  func segments() throws(DiskTrouble) -> [(number: Int, size: Int)] {
    try check()
    return files.keys.sorted().map { ($0, files[$0]?.count ?? 0) }
  }

  func head(of number: Int, count: Int) throws(DiskTrouble) -> [UInt8] { Array((files[number] ?? []).prefix(count)) }

  func begin(_ number: Int) throws(DiskTrouble) {
    #expect(files[number] == nil)
    files[number] = []
    current = number
  }

  func append(_ bytes: [UInt8]) throws(DiskTrouble) {
    hanging?.wait()
    if let torn {
      files[current]? += bytes.prefix(torn)
      self.torn = nil
      throw DiskTrouble("no space left on device")
    }
    try check()
    files[current]? += bytes
  }

  func remove(_ number: Int) throws(DiskTrouble) { files[number] = nil }

  var size: Int { files.values.reduce(0) { $0 + $1.count } }
  var all: [UInt8] { files.keys.sorted().flatMap { files[$0] ?? [] } }
}

@Suite struct StoreTests {
  private func mark(_ number: Int, at: Instant) -> [UInt8] { Recorder.frame(.missed(count: number, at: at)) }

  private func numbers(_ disk: MemoryDisk) -> [Int] {
    everything(disk.all).recorded.compactMap { if case .mark(.missed(let count, _)) = $0 { count } else { nil } }
  }

  @Test func `what is older than is kept is dropped, whole segments at a time`() throws {
    let disk = MemoryDisk()
    let store = SegmentStore(disk, keepFor: .hours(30 * 24), maximumSize: 1 << 20)
    for hour in 0..<(100 * 24) {
      let now = noon + .hours(hour)
      try store.append(mark(hour, at: now), at: now) { Recorder().preamble(at: now, wallAhead: .zero) }
    }
    let kept = numbers(disk)
    #expect(kept.last == 100 * 24 - 1 && kept == Array(kept[0]...(kept.last ?? 0)))
    #expect((30 * 24...32 * 24).contains(kept.count), "\(kept.count) hours")
  }

  @Test func `the size is never exceeded, and the newest stays`() throws {
    let disk = MemoryDisk()
    let store = SegmentStore(disk, keepFor: .hours(87_600), maximumSize: 1 << 20)
    for number in 0..<200_000 {
      let now = noon + .seconds(number)
      try store.append(mark(number, at: now), at: now) { Recorder().preamble(at: now, wallAhead: .zero) }
      if number % 1000 == 0 { #expect(disk.size <= 1 << 20) }
    }
    let kept = numbers(disk)
    #expect(kept.last == 199_999 && kept == Array(kept[0]...199_999))
    #expect(disk.size > 900 << 10)
  }

  @Test func `a new process goes on in a new segment, and knows the old ones`() throws {
    let disk = MemoryDisk()
    for process in 0..<40 {
      let store = SegmentStore(disk, keepFor: .hours(1), maximumSize: 1 << 20)
      let now = noon + .minutes(process * 10)
      try store.append(mark(process, at: now), at: now) { Recorder().preamble(at: now, wallAhead: .zero) }
    }
    #expect(numbers(disk) == Array(33...39) || numbers(disk) == Array(32...39))
    #expect(disk.files.keys.max() == 40)
  }

  @Test func `a torn end is left behind and costs itself alone`() throws {
    let disk = MemoryDisk()
    let store = SegmentStore(disk, keepFor: .hours(24), maximumSize: 1 << 20)
    let preamble = { Recorder().preamble(at: noon, wallAhead: .zero) }
    try store.append(mark(1, at: noon), at: noon, preamble: preamble)
    disk.torn = 7
    #expect(throws: DiskTrouble.self) { try store.append(mark(2, at: noon), at: noon, preamble: preamble) }
    store.abandon()
    try store.append(mark(3, at: noon), at: noon, preamble: preamble)
    #expect(numbers(disk) == [1, 3] && everything(disk.all).damage.bytes == 7)
    // A disk that takes nothing at all is not filled with beginnings.
    disk.trouble = DiskTrouble("read-only")
    store.abandon()
    for _ in 0..<10 {
      #expect(throws: DiskTrouble.self) { try store.append(mark(4, at: noon), at: noon, preamble: preamble) }
      store.abandon()
    }
    #expect(disk.files.count == 2)
  }

  // MARK: The log

  private final class Told: Sendable {
    let news = Mutex<[ObservationLog.News]>([])
    let now = Mutex(noon)
  }

  private func log(_ disk: MemoryDisk, _ told: Told, mostWaiting: Int = 50_000) -> ObservationLog {
    ObservationLog(
      SegmentStore(disk, keepFor: .hours(24), maximumSize: 1 << 20),
      now: { (told.now.withLock { $0 }, .zero) }, mostWaiting: mostWaiting, every: .milliseconds(10)
    ) { news in told.news.withLock { $0.append(news) } }
  }

  @Test func `a disk that hangs holds nobody up`() {
    let (disk, told) = (MemoryDisk(), Told())
    let hanging = DispatchSemaphore(value: 0)
    disk.hanging = hanging
    let log = log(disk, told, mostWaiting: 1000)
    var samples = Samples(seed: 1)
    let seen = samples.seen()
    for _ in 0..<20_000 { log.note(.sighted(workload: "app", seen)) }
    log.close(within: .milliseconds(50))
    // Who gets here waited for nothing: the disk still hangs.
    let written = disk.files.values.reduce(0) { $0 + $1.count }
    #expect(written == 0)
    for _ in 0..<1000 { hanging.signal() }
  }

  @Test func `a disk that refuses is told once, and its return with what is missing`() throws {
    let (disk, told) = (MemoryDisk(), Told())
    disk.trouble = DiskTrouble("/state: No space left on device")
    let log = log(disk, told)
    var samples = Samples(seed: 1)
    for _ in 0..<5 {
      log.note(.sighted(workload: "app", samples.seen()))
      log.note(.mark(.gap(at: noon, lasted: .seconds(9))))
      Thread.sleep(forTimeInterval: 0.05)
    }
    #expect(told.news.withLock { $0 } == [.stopped(why: "/state: No space left on device")])
    disk.trouble = nil
    told.now.withLock { $0 = noon + .minutes(1) }
    log.note(.mark(.gap(at: noon, lasted: .seconds(9))))
    log.close()
    #expect(told.news.withLock { $0 }.last == .resumed(missed: 5))
    let read = everything(disk.all).recorded
    #expect(read.contains { if case .mark(.missed(5, _)) = $0 { true } else { false } })
  }

  @Test func `the real directory holds what was written, for its owner alone`() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "pilotlight-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "ledger.db.observations").path
    for number in 1...3 {
      let store = SegmentStore(DirectoryDisk(path: path), keepFor: .hours(24), maximumSize: 1 << 20)
      try store.append(mark(number, at: noon), at: noon) { Recorder().preamble(at: noon, wallAhead: .zero) }
    }
    let files = try RecordingFiles.paths(path)
    #expect(files.map { $0.split(separator: "/").last } == ["00000001.obs", "00000002.obs", "00000003.obs"])
    let bytes = try files.flatMap { try RecordingFiles.read($0) ?? [] }
    #expect(everything(bytes).damage.isNone && everything(bytes).recorded.count == 6)
    for (name, mode) in [(path, 0o700), (files[0], 0o600)] {
      let attributes = try FileManager.default.attributesOfItem(atPath: name)
      #expect(attributes[.posixPermissions] as? Int == mode)
    }
    #expect(throws: DiskTrouble.self) { try RecordingFiles.paths(path + "/nothing") }
  }
}
