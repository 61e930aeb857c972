// What is wrong, by the name an on-call engineer would give it. A name decides nothing: it is read first, at 3 a.m.

/// The name of what is wrong with a workload.
package enum Diagnosis: String, Hashable, Sendable, Codable, CaseIterable {
  /// The load balancer answers, the application behind it does not do its work.
  case applicationDown = "application-down"
  /// The load balancer answers 5xx and has no healthy target.
  case noHealthyTargets = "no-healthy-targets"
  /// Neither the load balancer nor the region's AWS API answers.
  case regionUnreachable = "region-unreachable"
  /// The load balancer does not answer; the region's AWS API does, or nobody knows yet.
  case loadBalancerSilent = "load-balancer-silent"
  /// Our probes fail, and somebody independent sees the primary serve.
  case onlyWeSeeIt = "only-we-see-it"
  /// Certificate or handshake.
  case tls = "tls"
  /// The primary's name does not resolve.
  case dns = "dns"
  /// One of the load balancer's addresses does not serve; the others do.
  case addressDead = "address-dead"
  /// Right answers, late.
  case greySlow = "grey-slow"
  /// Some requests fail and others do not.
  case greyPartial = "grey-partial"
  /// The primary serves and its replica does not follow, or nobody can tell.
  case replicaBroken = "replica-broken"
  /// Nothing answers us: our own network is broken.
  case cutOff = "cut-off"
  /// Our own host keeps the probe from being made.
  case probeBroken = "probe-broken"

  /// Something answers at the primary's load balancer, be it wrongly.
  var isAnAnswer: Bool {
    switch self {
    case .applicationDown, .noHealthyTargets, .onlyWeSeeIt, .addressDead, .greySlow, .greyPartial: true
    case .regionUnreachable, .loadBalancerSilent, .tls, .dns, .replicaBroken, .cutOff, .probeBroken: false
    }
  }

  /// In a sentence, without the final dot.
  package var sentence: String {
    switch self {
    case .applicationDown: "application down: the load balancer answers, the application does not do its work"
    case .noHealthyTargets: "load balancer without healthy targets"
    case .regionUnreachable: "region unreachable: neither its load balancer nor its AWS API answers"
    case .loadBalancerSilent: "load balancer silent: it does not answer"
    case .onlyWeSeeIt: "only we see it: our probes fail, an independent vantage sees the primary serve"
    case .tls: "TLS broken: the primary's certificate or handshake fails"
    case .dns: "DNS broken: the primary's name does not resolve"
    case .addressDead: "an address of the load balancer is dead; the others serve"
    case .greySlow: "grey failure: right answers, late"
    case .greyPartial: "grey failure: some requests fail and others do not"
    case .replicaBroken: "replica broken: it does not follow the primary, or nobody can tell"
    case .cutOff: "we are cut off: no reference answers us either"
    case .probeBroken: "our own probe is broken: this host cannot make it"
    }
  }
}

/// What a diagnosis is made from.
struct Symptoms {
  var verdict: Verdict
  /// The newest failure, of any class; nil when the newest probe succeeded or none was seen.
  var failure: FailureClass?
  var concern: FailureClass?
  var grey: GreyWindow.Kind?
  var targets: TargetHealth?
  var primaryAPI: Opinion
  var agreement: Agreement
}

extension Diagnosis {
  /// nil when nothing is wrong, or too little was seen.
  init?(_ seen: Symptoms) {
    switch seen.verdict {
    case .blind: self = .cutOff
    case .unknown: return nil
    case .up: self.init(serving: seen)
    case .down: self.init(failing: seen)
    }
  }

  private init?(serving seen: Symptoms) {
    switch (seen.concern, seen.grey) {
    case (.tls?, _): self = .tls
    case (.dns?, _): self = .dns
    case (.local?, _): self = .probeBroken
    case (.address?, _): self = .addressDead
    case (.slow?, _), (_, .slow?): self = .greySlow
    case (_, .partial?): self = .greyPartial
    default: return nil
    }
  }

  private init?(failing seen: Symptoms) {
    if case .contradicted = seen.agreement {
      self = .onlyWeSeeIt
      return
    }
    switch seen.failure {
    case .serverError?: self = seen.targets.map { $0.healthy == 0 } ?? false ? .noHealthyTargets : .applicationDown
    case .wrongStatus?, .wrongContent?: self = .applicationDown
    case .refused?, .timeout?, .reset?: self = seen.primaryAPI == .down ? .regionUnreachable : .loadBalancerSilent
    case .slow?: self = .greySlow
    case .tls?: self = .tls
    case .dns?: self = .dns
    case .local?: self = .probeBroken
    case .address?: self = .addressDead
    case nil: self = seen.grey == .slow ? .greySlow : .greyPartial
    }
  }
}
