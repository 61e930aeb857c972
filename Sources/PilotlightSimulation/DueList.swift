// What is due, soonest first; ties in the order of asking.

internal import PilotlightCore

/// A binary heap of times. What is due lies still in a table beside it: moving a time moves three words, whatever waits for it.
struct DueList<Element> {
  private struct Due {
    let at: Instant
    let order: Int
    let slot: Int
    func isBefore(_ other: Due) -> Bool { at == other.at ? order < other.order : at < other.at }
  }
  private var heap: [Due] = []
  private var slots: [Element?] = []
  private var free: [Int] = []
  private var count = 0

  var next: Instant? { heap.first?.at }

  mutating func add(_ element: Element, at: Instant) {
    count += 1
    let slot = free.popLast() ?? slots.count
    if slot == slots.count { slots.append(element) } else { slots[slot] = element }
    heap.append(Due(at: at, order: count, slot: slot))
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard heap[child].isBefore(heap[parent]) else { return }
      heap.swapAt(child, parent)
      child = parent
    }
  }

  mutating func take() -> Element? {
    guard let first = heap.first else { return nil }
    removeFirst()
    free.append(first.slot)
    return slots[first.slot].take()
  }

  private mutating func removeFirst() {
    let last = heap.removeLast()
    guard !heap.isEmpty else { return }
    heap[0] = last
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child].isBefore(heap[least]) {
        least = child
      }
      if least == parent { return }
      heap.swapAt(parent, least)
      parent = least
    }
  }
}
