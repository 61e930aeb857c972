import Foundation
import PilotlightCore
import PilotlightProbes
import Testing

/// Real children of a real shell.
@Suite struct VetoCommandTests {
  private func ask(_ script: String, timeout: Duration = .seconds(20)) async -> VetoWord {
    await ask(["/bin/sh", "-c", script], timeout: timeout)
  }

  private func ask(_ command: [String], timeout: Duration = .seconds(20)) async -> VetoWord {
    let question = CommandCall(
      command: command, environment: ["PILOTLIGHT_WORKLOAD": "django-app"], timeout: timeout)
    return await withCheckedContinuation { continuation in
      Program(question, timeout: timeout).run { continuation.resume(returning: $0.veto) }
    }
  }

  @Test func `exit status 0 allows, every other one vetoes, with what was printed`() async {
    #expect(await ask("echo fine; exit 0") == .allowed("fine"))
    #expect(await ask("exit 0") == .allowed(""))
    #expect(await ask("echo no; echo really >&2; exit 3") == .vetoed("exit status 3, no; really"))
    #expect(await ask("exit 255") == .vetoed("exit status 255"))
  }

  @Test func `a child that cannot be started, is killed or hangs gives no answer`() async {
    guard case .failed(let text) = await ask(["/nonexistent/veto"]) else {
      Issue.record("it was started")
      return
    }
    #expect(text.contains("/nonexistent/veto cannot be started: No such file"))
    #expect(await ask("kill -9 $$") == .failed("it was killed by signal 9"))
    #expect(await ask("sleep 60 & sleep 60", timeout: .milliseconds(300)) == .failed("no answer in 300 ms"))
  }

  @Test func `what it leaves running does not hold the answer up`() async {
    #expect(await ask("sleep 3 & echo done") == .allowed("done"))
  }

  @Test func `endless output is cut and does not block the child`() async {
    guard case .allowed(let text) = await ask("head -c 5000000 /dev/zero | tr '\\0' x; exit 0") else {
      Issue.record("no consent")
      return
    }
    #expect(text.count <= 1001 && text.hasPrefix("xxxx"))
    guard case .vetoed(let bytes) = await ask("printf 'a\\033[31m\\377b'; exit 1") else {
      Issue.record("no veto")
      return
    }
    #expect(!bytes.unicodeScalars.contains { $0.value < 32 })
  }

  @Test func `the child has our variables, no others, no descriptors of ours, and no ignored signals`() async {
    setenv("PILOTLIGHT_TEST_SECRET", "hunter2", 1)
    #expect(
      await ask("env | sed 's/=.*//' | grep -v -e '^_$' -e '^PWD$' -e SHLVL -e OLDPWD | sort | tr '\\n' ' '")
        == .allowed("LANG PATH PILOTLIGHT_WORKLOAD "))
    let open = Foundation.open("/dev/null", O_RDONLY)
    defer { close(open) }
    // The fourth is the directory that ls reads; a pipe of the shell's own would come and go.
    #expect(await ask("exec ls /proc/self/fd") == .allowed("0; 1; 2; 3"))
    // 32 and 33 are glibc's own; it leaves them ignored.
    guard case .allowed(let mask) = await ask("sed -n 's/SigIgn:\t//p' /proc/self/status") else {
      Issue.record("no consent")
      return
    }
    #expect(UInt64(mask, radix: 16).map { $0 & 0x7fff_ffff } == 0, "\(mask)")
  }
}
