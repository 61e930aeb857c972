// What is due, soonest first; ties in the order of asking.

internal import PilotlightCore

/// A binary heap of (time, order, what).
struct DueList<Element> {
  private struct Due {
    let at: Instant
    let order: Int
    let element: Element
    func isBefore(_ other: Due) -> Bool { at == other.at ? order < other.order : at < other.at }
  }
  private var heap: [Due] = []
  private var count = 0

  var next: Instant? { heap.first?.at }

  mutating func add(_ element: Element, at: Instant) {
    count += 1
    heap.append(Due(at: at, order: count, element: element))
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
    let last = heap.removeLast()
    guard !heap.isEmpty else { return first.element }
    heap[0] = last
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child].isBefore(heap[least]) {
        least = child
      }
      if least == parent { return first.element }
      heap.swapAt(parent, least)
      parent = least
    }
  }
}
