import PilotlightCore
import PilotlightSimulation
let args = CommandLine.arguments
let first = UInt64(args[1])!, count = UInt64(args[2])!
let clock = ContinuousClock()
let t0 = clock.now
var lived = Duration.zero
var bad = 0
var f = 0, b = 0, d = 0, cr = 0
var rules: [String: Int] = [:]
for seed in first..<(first + count) {
  let outcome = Simulation(.random(seed: seed), recording: count == 1).run()
  lived += outcome.lived
  f += outcome.failovers; b += outcome.failbacks; d += outcome.deceived; cr += outcome.crashes
  if let v = outcome.violations.first {
    bad += 1
    rules[v.rule, default: 0] += 1
    if rules[v.rule]! <= 3 { print(seed, v.rule, (v.at - Simulation.start0).text, v.detail) }
  }
  for line in outcome.story { print(line) }
}
let took = clock.now - t0
print("worlds", count, "bad", bad, rules.sorted { $0.key < $1.key }, "failovers", f, "failbacks", b, "deceived", d, "crashes", cr)
print("lived", lived.text, "took", took.text, "ms/world", took.seconds * 1000 / Double(count))
