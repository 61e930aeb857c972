// Which record sets lead users where, and what is written so that they lead elsewhere. A write replaces the whole set (Route 53
// API reference, ChangeResourceRecordSets): whatever it does not repeat is gone. So each set goes back as it was read, but for
// what moves the users.

/// The sets of a name, and where they are to lead.
package struct RecordMove: Equatable, Sendable {
  private let to: RecordTarget
  private let from: RecordTarget
  /// Sets of the type that is moved.
  package let own: [RecordState]
  private let others: [RecordState]

  package init(_ states: [RecordState], to: RecordTarget, from: RecordTarget) {
    self.to = to
    self.from = from
    own = states.filter { $0.type == nil }
    others = states.filter { $0.type != nil }
  }

  private var isPair: Bool { to.setIdentifier != nil }

  /// Users are led to `to`, and nowhere else.
  package var isDone: Bool {
    guard isPair else { return own.count == 1 && to.isLed(by: own[0]) }
    guard let first = set(of: to), to.isLed(by: first) else { return false }
    return first.weight ?? 0 > 0 && set(of: from)?.weight ?? 0 == 0
  }

  /// A third set of the name that users are led by; its owner has to move it.
  package var unnamed: RecordState? {
    isPair
      ? own.first { set in
        set.weight ?? 0 > 0 && ![to.setIdentifier, from.setIdentifier].contains(set.setIdentifier)
      } : nil
  }

  /// Why the sets cannot be moved as the configuration says; nil: they can. Route 53 turns no set of one routing policy into
  /// one of another.
  package func obstacle(_ record: RecordRef) -> String? {
    if isPair, let odd = own.first(where: { $0.weight == nil }) {
      let name = odd.setIdentifier.map { "record set \($0) of \(record.name)" } ?? record.name
      return "\(name) is not weighted but \(odd.policy ?? "simple")"
    }
    return isPair || own.count < 2
      ? nil : "\(record.name) has \(own.count) record sets, and the configuration names no set identifiers"
  }

  /// `app.example.com leads to p.example.com (weight 100), d.example.com (weight 0)`.
  package func text(_ record: RecordRef) -> String {
    let hosts = own.map { "\($0.host)\($0.weight.map { " (weight \($0))" } ?? "")" }
    return "\(record.name) leads to \(hosts.isEmpty ? "nothing" : hosts.joined(separator: ", "))"
  }

  /// What stays where it is, behind a sentence; empty when nothing does.
  package var remainder: String {
    let types = others.compactMap(\.type).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
    return types.isEmpty ? "" : "; its \(types.joined(separator: " and ")) records are not moved"
  }

  /// The sets as they are to be written: the weights change places.
  package var sets: [RecordState] {
    guard isPair else { return [turned(own.first, to, weight: own.first?.weight)] }
    let (first, last) = (set(of: to), set(of: from))
    let weight = [first?.weight, last?.weight].compactMap(\.self).first { $0 > 0 }
    return [turned(first, to, weight: weight ?? 100), turned(last, from, weight: 0)]
  }

  /// What brings back what is there now. A set that is not there yet stays, and leads nobody.
  package var undo: [RecordState] {
    let back = RecordMove(sets, to: from, from: to).sets
    guard isPair else { return own.isEmpty ? back : own }
    return back.map { set in own.first { $0.setIdentifier == set.setIdentifier } ?? set }
  }

  package func set(of target: RecordTarget) -> RecordState? {
    own.first { $0.setIdentifier == target.setIdentifier }
  }

  /// Where a set leads is changed only when it is elsewhere than the configuration says.
  private func turned(_ set: RecordState?, _ target: RecordTarget, weight: Int?) -> RecordState {
    let made = RecordState(
      host: target.host.lowercased(), aliasZone: target.aliasZone, setIdentifier: target.setIdentifier)
    var turned = set ?? made
    if !target.isLed(by: turned) { (turned.host, turned.aliasZone) = (made.host, made.aliasZone) }
    turned.weight = weight
    return turned
  }
}

extension RecordTarget {
  /// The set leads here.
  package func isLed(by set: RecordState) -> Bool {
    set.host.ofLoadBalancer == host.lowercased().ofLoadBalancer
  }
}
