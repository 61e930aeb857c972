import PilotlightCore
import PilotlightRecording
import Testing

@Suite struct FormatTests {
  @Test(arguments: 1...20) func `whatever is recorded is read back as it was`(seed: UInt64) {
    var samples = Samples(seed: seed)
    let all = (0..<200).map { index -> Recorded in
      index % 7 == 3 ? .mark(samples.mark()) : .sighted(workload: "app-\(index % 3)", samples.seen())
    }
    let (bytes, _) = frames(all)
    let (read, damage) = everything(bytes)
    #expect(Array(read.dropFirst()) == all)
    #expect(damage.isNone)
  }

  @Test func `every watch and every kind of reply comes back`() {
    var samples = Samples(seed: 77)
    let all = Samples.watches.flatMap { watch in
      (0..<60).map { _ -> Recorded in
        var seen = samples.seen()
        seen.watch = watch
        return .sighted(workload: "app", seen)
      }
    }
    #expect(Array(everything(frames(all).bytes).recorded.dropFirst()) == all)
  }

  @Test func `sightings of one frame come back in the order of their arrival`() {
    var samples = Samples(seed: 5)
    let all = (0..<900).map { _ in Recorded.sighted(workload: "app", samples.seen()) }
    var recorder = Recorder()
    for recorded in all { recorder.take(recorded) }
    let bytes = recorder.frames(at: noon, everything: true).flatMap(\.bytes)
    #expect(everything(bytes).recorded == all)
  }

  @Test func `a secret, and whatever else no poll brings, is not kept`() {
    let address = DatabaseAddress(host: "db.example.com", port: 5432)
    let others: [CloudReply] = [
      .secret(SecretState(address: address, version: "AWSCURRENT")), .records([]), .change(.insync),
      .object(present: true), .writeHold(present: false), .snapshot(status: "available"), .accepted(receipt: "r"),
    ]
    let all = others.map {
      Recorded.sighted(workload: "app", Seen(.drAPI, .reply($0), startedAt: noon, arrivedAt: noon))
    }
    #expect(everything(frames(all).bytes).recorded.count == 1)
  }

  @Test func `request ids are left out and long texts are cut`() throws {
    let long = String(repeating: "é", count: 3000)
    let failure = CloudFailure(.denied, code: "AccessDenied", message: long, requestID: "4711")
    let (bytes, _) = frames([
      .sighted(workload: "app", Seen(.drGroup, .reply(.failed(failure)), startedAt: noon, arrivedAt: noon))
    ])
    guard case .sighted(_, let seen)? = everything(bytes).recorded.last, case .reply(.failed(let kept)) = seen.sighting
    else {
      Issue.record("it is gone")
      return
    }
    #expect(kept.requestID == nil && kept.message.utf8.count == 1000 && long.hasPrefix(kept.message))
  }

  // MARK: Damage

  private var story: (all: [Recorded], bytes: [UInt8], ends: [Int]) {
    var samples = Samples(seed: 9)
    let all = (0..<40).map { index -> Recorded in
      index % 5 == 0 ? .mark(samples.mark()) : .sighted(workload: "app", samples.seen())
    }
    let (bytes, ends) = frames(all)
    return (all, bytes, ends)
  }

  @Test func `a recording that ends anywhere gives all that was whole, and tells of the rest`() {
    let (all, bytes, ends) = story
    for length in 0..<bytes.count {
      let (read, damage) = everything(Array(bytes[..<length]))
      let whole = ends.count { $0 <= length }
      if let first = ends.first, length >= first { #expect(Array(read.dropFirst()) == Array(all[..<whole])) }
      let end = ends.last { $0 <= length } ?? 0
      if end > 0 { #expect(damage.bytes == length - end) }
    }
  }

  @Test func `a flipped bit costs the frame it is in and nothing else`() throws {
    let (all, bytes, ends) = story
    let begin = try #require(ends.first)
    for place in begin..<bytes.count {
      var damaged = bytes
      damaged[place] ^= 1 << UInt8(place % 8)
      let (read, damage) = everything(damaged)
      let hit = ends.firstIndex { place < $0 } ?? 0
      var left = all
      left.remove(at: hit)
      #expect(Array(read.dropFirst()) == left, "byte \(place)")
      #expect(damage.bytes == ends[hit] - ends[hit - 1])
    }
  }

  @Test func `bytes of no sense give nothing and are counted`() {
    var dice = Dice(seed: 4)
    let noise = (0..<20_000).map { _ in UInt8(truncatingIfNeeded: dice.next()) }
    var reader = RecordingReader(noise)
    #expect(reader.next() == nil && reader.damage.bytes == noise.count && !reader.isRecording)
  }

  @Test func `segments laid end to end are a recording, and a newer one in between is told`() {
    let (all, bytes, _) = story
    var newer = bytes
    newer[15] = 2
    let (read, damage) = everything(bytes + newer + bytes)
    #expect(read.count == 2 * (all.count + 1))
    #expect(damage.newer == 2 && damage.bytes == bytes.count - 16)
  }
}
