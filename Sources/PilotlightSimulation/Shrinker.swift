// A failing world is cut down to what it takes to fail: entries are left out, one after the other, as long as the same promise is
// still broken.

import PilotlightCore

extension Trial {
  /// A trial with as few entries and workloads as still break `rule`; the trial itself when nothing can be left out.
  ///
  /// - Parameter patience: how many lives may be spent on it.
  package func shrunk(toBreak rule: String, patience: Int = 200) -> Trial {
    var smallest = self
    var left = patience
    func breaks(_ trial: Trial) -> Bool {
      left -= 1
      return Simulation(trial).run().violations.contains { $0.rule == rule }
    }
    var isShrinking = true
    while isShrinking, left > 0 {
      isShrinking = false
      for index in smallest.scenario.entries.indices.reversed() where left > 0 {
        var shorter = smallest
        shorter.scenario.entries.remove(at: index)
        if breaks(shorter) {
          smallest = shorter
          isShrinking = true
        }
      }
    }
    return smallest
  }
}
