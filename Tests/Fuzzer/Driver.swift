// libFuzzer's door. Built only with PILOTLIGHT_FUZZ set, for libFuzzer brings its own `main`; which target is fuzzed is in FUZZ_TARGET.

import Dispatch
import Fuzzing
import Glibc
import Synchronization

private let target: Target = {
  let name = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""
  guard let found = Target(rawValue: name) else {
    fatalError("FUZZ_TARGET is \"\(name)\", expected one of \(Target.allCases.map(\.rawValue).joined(separator: " "))")
  }
  return found
}()

/// The door is synchronous, some readers are not. The calling thread is libFuzzer's own, none of the pool's.
private func read(_ bytes: [UInt8]) -> String? {
  let done = DispatchSemaphore(value: 0)
  let answer = Mutex<String?>(nil)
  Task.detached {
    let broken = await target.read(bytes)
    answer.withLock { $0 = broken }
    done.signal()
  }
  done.wait()
  return answer.withLock { $0 }
}

/// What libFuzzer calls with each input; a broken promise is a trap.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  if let broken = read(Array(UnsafeBufferPointer(start: data, count: count))) {
    fatalError("\(target.rawValue): \(broken)")
  }
  return 0
}
