// Segments as files of one directory, for their owner alone.

import Glibc

/// The directory with the daemon's segments: `00000001.obs` and up.
package final class DirectoryDisk: RecordingDisk {
  private let path: String
  private var descriptor: Int32 = -1

  /// Of the disk, so much is left to the ledger: it stands on the same one, and must never find it full by our doing.
  private static let reserve: UInt64 = 64 << 20

  /// - Parameter path: made when it is first written to, with mode 0700.
  package init(path: String) { self.path = path }

  deinit { if descriptor >= 0 { close(descriptor) } }

  package static let suffix = ".obs"

  /// Numbers of a directory's segments, ascending.
  package static func numbers(in path: String) throws(DiskTrouble) -> [Int] {
    guard let directory = opendir(path) else {
      if errno == ENOENT { return [] }
      throw DirectoryDisk.trouble(path)
    }
    defer { closedir(directory) }
    var numbers: [Int] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard name.hasSuffix(suffix), let number = Int(name.dropLast(suffix.count)), number > 0,
        DirectoryDisk.name(number) == name
      else { continue }
      numbers.append(number)
    }
    return numbers.sorted()
  }

  package static func name(_ number: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, 8 - digits.count)) + digits + suffix
  }

  private func file(_ number: Int) -> String { "\(path)/\(DirectoryDisk.name(number))" }

  private static func trouble(_ path: String) -> DiskTrouble {
    DiskTrouble("\(path): \(String(cString: strerror(errno)))")
  }

  // MARK: RecordingDisk

  package func segments() throws(DiskTrouble) -> [(number: Int, size: Int)] {
    var found: [(number: Int, size: Int)] = []
    for number in try DirectoryDisk.numbers(in: path) {
      var status = stat()
      guard stat(file(number), &status) == 0 else { throw DirectoryDisk.trouble(file(number)) }
      found.append((number, Int(status.st_size)))
    }
    return found
  }

  package func head(of number: Int, count: Int) throws(DiskTrouble) -> [UInt8] {
    let opened = open(file(number), O_RDONLY | O_CLOEXEC)
    guard opened >= 0 else { throw DirectoryDisk.trouble(file(number)) }
    defer { close(opened) }
    var buffer = [UInt8](repeating: 0, count: count)
    let length = pread(opened, &buffer, count, 0)
    guard length >= 0 else { throw DirectoryDisk.trouble(file(number)) }
    return Array(buffer.prefix(length))
  }

  package func begin(_ number: Int) throws(DiskTrouble) {
    if descriptor >= 0 { close(descriptor) }
    descriptor = -1
    guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw DirectoryDisk.trouble(path) }
    descriptor = open(file(number), O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw DirectoryDisk.trouble(file(number)) }
  }

  package func append(_ bytes: [UInt8]) throws(DiskTrouble) {
    try leaveRoom(for: bytes.count)
    var rest = bytes[...]
    while !rest.isEmpty {
      let written = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if written < 0, errno == EINTR { continue }
      guard written > 0 else { throw DirectoryDisk.trouble(path) }
      rest = rest.dropFirst(written)
    }
  }

  private func leaveRoom(for count: Int) throws(DiskTrouble) {
    var status = statvfs()
    guard fstatvfs(descriptor, &status) == 0 else { throw DirectoryDisk.trouble(path) }
    let free = UInt64(status.f_bavail) * UInt64(status.f_frsize)
    guard free >= DirectoryDisk.reserve + UInt64(count) else {
      throw DiskTrouble("\(path): \(free >> 20) MiB are free, \(DirectoryDisk.reserve >> 20) are left to the ledger")
    }
  }

  package func remove(_ number: Int) throws(DiskTrouble) {
    guard unlink(file(number)) == 0 || errno == ENOENT else { throw DirectoryDisk.trouble(file(number)) }
  }
}

/// Reads what a path holds: a file, or a directory of segments.
package enum RecordingFiles {
  /// Paths to be read one after the other.
  package static func paths(_ path: String) throws(DiskTrouble) -> [String] {
    var status = stat()
    guard stat(path, &status) == 0 else { throw DiskTrouble("\(path): \(String(cString: strerror(errno)))") }
    guard status.st_mode & S_IFMT == S_IFDIR else { return [path] }
    return try DirectoryDisk.numbers(in: path).map { "\(path)/\(DirectoryDisk.name($0))" }
  }

  /// The whole file; nil when it is gone, as the oldest segment of a running daemon may be.
  package static func read(_ path: String) throws(DiskTrouble) -> [UInt8]? {
    let opened = open(path, O_RDONLY | O_CLOEXEC)
    guard opened >= 0 else {
      if errno == ENOENT { return nil }
      throw DiskTrouble("\(path): \(String(cString: strerror(errno)))")
    }
    defer { close(opened) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let length = Glibc.read(opened, &buffer, buffer.count)
      if length < 0, errno == EINTR { continue }
      guard length >= 0 else { throw DiskTrouble("\(path): \(String(cString: strerror(errno)))") }
      if length == 0 { return bytes }
      bytes += buffer[..<length]
    }
  }
}
