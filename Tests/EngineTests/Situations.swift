// The table of situations: each with the decision an expert would defend. Read it as a document: the name is what happens, the
// word after it the decision, the rows below what is seen at which second. Defaults: probes every 5 s, every second after a first
// failure, three failures in a row count, an outage is confirmed after 60 s and one vantage's word; RTO 30 min, RPO 5 min.

import PilotlightCore
import Testing

@Suite struct Situations {
  @Test(arguments: blips + flapping + outages) func `blips, flapping, outages`(_ episode: Episode) throws {
    episode.judge(try episode.live())
  }

  @Test(arguments: partitions + vantages) func `partitions and vantages`(_ episode: Episode) throws {
    episode.judge(try episode.live())
  }

  @Test(arguments: grey + shared) func `grey failure, TLS, DNS`(_ episode: Episode) throws {
    episode.judge(try episode.live())
  }

  @Test(arguments: losses + doubts + modes) func `loss and modes`(_ episode: Episode) throws {
    episode.judge(try episode.live())
  }

  @Test(arguments: times + people) func `time and people`(_ episode: Episode) throws {
    episode.judge(try episode.live())
  }

  @Test func `there are at least sixty, each with a name of its own`() {
    let all = Situations.all
    #expect(all.count >= 60)
    #expect(Set(all.map(\.name)).count == all.count)
  }

  static var all: [Episode] {
    blips + flapping + outages + partitions + vantages + grey + shared + losses + doubts + modes + times + people
  }

  // MARK: Short

  /// F1, F2, F19: shorter than the confirmation changes nothing; shorter than three probes is not even told.
  static let blips: [Episode] =
    [1, 2].map { Episode("F1 blip of \($0) s", .nothing, [(60, .fails(.timeout)), (60 + $0, .serves)]) }
    + [10, 20, 30, 43, 50, 55, 59].map {
      Episode("F2 F19 outage of \($0) s", .toldAndOver(nil), Episode.regionGone(60, until: 60 + $0))
    }
    + [5, 30, 59].map {
      Episode("application down for \($0) s", .toldAndOver(nil), Episode.applicationDown(60, until: 60 + $0))
    }

  /// F14: never enough in a row; what repeats is told as grey.
  static let flapping: [Episode] = [
    Episode(
      "F14 every other second for ten minutes", .toldAndOver(.greyPartial),
      [
        (60, .flaps(every: 2, for: 1, .timeout)), (660, .serves),
      ]),
    Episode(
      "F14 three seconds of seven fail", .toldAndOver(.greyPartial),
      [
        (60, .flaps(every: 7, for: 3, .refused)), (660, .serves),
      ]),
    Episode(
      "F14 ten seconds of twenty fail", .toldAndOver(nil),
      [
        (60, .flaps(every: 20, for: 10, .serverError)), (660, .serves),
      ]),
    Episode(
      "F14 thirty seconds of every minute fail", .toldAndOver(nil),
      [
        (60, .flaps(every: 60, for: 30, .timeout)), (960, .serves),
      ]),
    Episode(
      "F14 fifty seconds of every two minutes fail", .toldAndOver(nil),
      [
        (60, .flaps(every: 120, for: 50, .timeout)), (960, .serves),
      ]),
    Episode("one probe a minute fails", .nothing, [(60, .flaps(every: 60, for: 1, .timeout)), (1500, .serves)]),
  ]

  // MARK: Real

  static let outages: [Episode] = [
    Episode("F20 the region and its API are gone", .failsOver(after: 60...66), Episode.regionGone(60)),
    Episode("F3 every answer is a 503, no healthy targets", .failsOver(after: 60...66), Episode.applicationDown(60)),
    Episode(
      "F4 somebody else's page, targets unhealthy", .failsOver(after: 60...66),
      [
        (60, .fails(.wrongContent, status: 200)), (60, .targets(healthy: 0, unhealthy: 2)),
      ]),
    Episode(
      "F5 redirects to a sorry page, targets unhealthy", .failsOver(after: 60...66),
      [
        (60, .fails(.wrongStatus, status: 302)), (60, .targets(healthy: 0, unhealthy: 2)),
      ]),
    Episode(
      "connections refused, no targets left", .failsOver(after: 60...66),
      [
        (60, .fails(.refused)), (60, .targets(healthy: 0, unhealthy: 0)),
      ]),
    Episode(
      "connections reset, Route 53 sees it too", .failsOver(after: 60...80),
      [
        (60, .fails(.reset)), (60, .targets(healthy: 0, unhealthy: 0)), (60, .checkers(healthy: 0)),
      ], with: { $0.detection.healthCheck = HealthCheckRef(id: "check") }),
    Episode("three minutes of confirmation", .failsOver(after: 180...186), Episode.regionGone(60)) {
      $0.detection.confirmFor = .minutes(3)
    },
    Episode(
      "the failure changes its class on the way", .failsOver(after: 60...66),
      [
        (60, .fails(.serverError, status: 503)), (60, .targets(healthy: 0, unhealthy: 2)), (80, .fails(.timeout)),
        (100, .fails(.refused)),
      ]),
    Episode("F28 throttled at every call", .failsOver(after: 60...66), [(50, .throttled(3))] + Episode.regionGone(60)),
    Episode(
      "the DR region's load balancer has nobody behind it until its instances have booted", .failsOver(after: 60...66),
      [(0, .drFails)] + Episode.regionGone(60) + [(400, .drServes)]),
  ]

  // MARK: Whose fault is it?

  static let partitions: [Episode] = [
    Episode("F17 our own network is gone", .blind, [(60, .networkGone)]),
    Episode("F17 our own network is gone for 43 s", .nothing, [(60, .networkGone), (103, .networkBack)]),
    Episode(
      "F17 our own network is gone for ten minutes and comes back", .blind,
      [
        (60, .networkGone), (660, .networkBack),
      ]),
    Episode(
      "F19 a partition of 43 s from the primary alone", .toldAndOver(.onlyWeSeeIt),
      [
        (60, .fails(.timeout)), (103, .serves),
      ]),
    Episode("F18 we alone see nothing, its targets are healthy", .heldBack("target health"), [(60, .fails(.timeout))]),
    Episode(
      "F18 we alone see nothing, the region's API answers", .heldBack("the primary region's API"),
      [
        (60, .fails(.timeout))
      ],
      with: { settings in
        settings.primary.targetGroup = nil
        settings.detection.corroborate = .all
      }),
    Episode(
      "the region dies while we are blind", .failsOver(after: 60...66),
      [(60, .networkGone)]
        + Episode.regionGone(120) + [(300, .networkBack)]),
  ]

  static let vantages: [Episode] = [
    Episode(
      "F23 a security group shuts us out, Route 53 sees it serve", .heldBack("Route 53"),
      [
        (60, .fails(.timeout))
      ],
      with: { settings in
        settings.primary.targetGroup = nil
        settings.detection.healthCheck = HealthCheckRef(id: "check")
      }),
    Episode(
      "one vantage lies: Route 53 down, targets healthy, `all`", .heldBack("target health"),
      [
        (60, .fails(.timeout)), (60, .checkers(healthy: 0)),
      ],
      with: { settings in
        settings.detection.healthCheck = HealthCheckRef(id: "check")
        settings.detection.corroborate = .all
      }),
    Episode(
      "one vantage lies: targets healthy, Route 53 down, `any`", .failsOver(after: 60...80),
      [
        (60, .fails(.timeout)), (60, .checkers(healthy: 0)),
      ], with: { $0.detection.healthCheck = HealthCheckRef(id: "check") }),
    Episode(
      "Route 53: three of sixteen checkers are enough to be healthy", .heldBack("Route 53"),
      [
        (60, .fails(.timeout)), (60, .checkers(healthy: 3)),
      ],
      with: { settings in
        settings.primary.targetGroup = nil
        settings.detection.healthCheck = HealthCheckRef(id: "check")
      }),
    Episode(
      "all vantages lie while the primary serves us", .nothing,
      [
        (60, .targets(healthy: 0, unhealthy: 2)), (60, .checkers(healthy: 0)), (60, .apiDark),
      ], with: { $0.detection.healthCheck = HealthCheckRef(id: "check") }),
    Episode("our probes alone are trusted: `none`", .failsOver(after: 60...66), [(60, .fails(.timeout))]) {
      $0.detection.corroborate = .none
    },
    Episode("the API is gone, the application serves", .nothing, [(60, .apiDark)]),
  ]

  // MARK: Neither up nor down

  static let grey: [Episode] = [
    Episode(
      "F12 one of three addresses is dead", .told(.addressDead), [(60, .fails(.timeout)), (61, .fails(.address))]),
    Episode(
      "F12 one of three addresses is dead for ten minutes", .toldAndOver(.addressDead),
      [(60, .fails(.timeout)), (61, .fails(.address)), (660, .serves)]),
    Episode(
      "F12 one address is dead for ten minutes, then the region", .failsOver(after: 60...66),
      [(60, .fails(.address))] + Episode.regionGone(660)),
    Episode("F6 every answer is late", .told(.greySlow), [(60, .fails(.slow, status: 200))]),
    Episode("F6 late for half a minute", .toldAndOver(.greySlow), [(60, .fails(.slow, status: 200)), (90, .serves)]),
    Episode(
      "F6 an outage that becomes late answers while the vantages change their minds", .heldBack("target health"),
      [
        (60, .fails(.timeout)), (165, .fails(.slow, status: 200)), (170, .checkers(healthy: 0)),
        (170, .targets(healthy: 0, unhealthy: 2)),
      ], with: { $0.detection.healthCheck = HealthCheckRef(id: "check") }),
    Episode(
      "F6 a region comes back with late answers after the failover began", .takenBack,
      Episode.regionGone(60) + [(125, .fails(.slow, status: 200)), (400, .serves), (400, .apiAnswers), (400, .lag(1))]
    ) { $0.mode = .approve },
    Episode(
      "late, and late is an outage by policy, no vantage agrees", .heldBack("target health"),
      [
        (60, .fails(.slow, status: 200))
      ], with: { $0.detection.grey.policy = .countAsDown }),
    Episode(
      "late, and late is an outage by policy and our word is enough", .failsOver(after: 60...66),
      [
        (60, .fails(.slow, status: 200))
      ],
      with: { settings in
        settings.detection.grey.policy = .countAsDown
        settings.detection.corroborate = .none
      }),
    Episode("half of the answers are 503", .told(.greyPartial), [(60, .flaps(every: 2, for: 1, .serverError))]),
    Episode(
      "half of the answers are 503, an outage by policy", .failsOver(after: 60...130),
      [
        (60, .flaps(every: 2, for: 1, .serverError)), (60, .targets(healthy: 0, unhealthy: 2)),
      ], with: { $0.detection.grey.policy = .countAsDown }),
    Episode(
      "F24 three probes in ten are lost for ten minutes", .toldAndOver(nil), [(60, .loses(0.3)), (660, .serves)]),
    Episode("one second in seventeen is lost", .nothing, [(60, .flaps(every: 17, for: 1, .timeout))]),
  ]

  /// Both regions may share the cause.
  static let shared: [Episode] = [
    Episode("F9 the certificate has expired", .told(.tls), [(60, .fails(.tls))]),
    Episode("F10 the name does not resolve", .told(.dns), [(60, .fails(.dns))]),
    Episode(
      "F9 the certificate is renewed after ten minutes", .toldAndOver(.tls), [(60, .fails(.tls)), (660, .serves)]),
    Episode(
      "F10 DNS is poisoned: another server answers", .heldBack("target health"),
      [
        (60, .fails(.wrongContent, status: 200))
      ]),
    Episode(
      "F10 an outage nobody confirms, then our own names are gone too", .heldBack("target health"),
      [(60, .fails(.timeout)), (165, .fails(.dns)), (170, .targets(healthy: 0, unhealthy: 2))]),
    Episode(
      "F10 our own names are gone in the middle of an outage: a person is asked",
      .asks("does not show the outage any more"),
      Episode.regionGone(60) + [(200, .fails(.dns))]
    ) { $0.mode = .approve },
    Episode("this host has no descriptors left", .told(.probeBroken), [(60, .fails(.local))]),
    Episode(
      "F9 the certificate expires in the middle of an outage", .failsOver(after: 60...66),
      Episode.regionGone(60) + [(200, .fails(.tls))]),
  ]

  // MARK: What would be lost

  static let losses: [Episode] = [
    Episode(
      "F37 lag above the RPO for long, then an outage", .asks("RPO is 5 min"),
      [(0, .lag(900))]
        + Episode.regionGone(1200), lasts: 3000),
    Episode(
      "F34 no lag was ever read", .asks("loss is unknown"),
      [(0, .lag(nil)), (1000, .crash)] + Episode.regionGone(1200), lasts: 3000),
    Episode(
      "F34 lag is missing for twenty minutes before the outage", .asks("RPO is 5 min"),
      [(0, .lag(nil))]
        + Episode.regionGone(1200), lasts: 3000),
    Episode(
      "F35 replication stopped for twenty minutes before the outage", .asks("RPO is 5 min"),
      [(0, .lag(-1))]
        + Episode.regionGone(1200), lasts: 3000),
    Episode(
      "replication stops with the outage, as it must", .failsOver(after: 60...66),
      Episode.regionGone(60) + [(61, .lag(-1))]),
    Episode("lag above the RPO alone, the primary serves", .told(nil), [(60, .lag(900))]),
    Episode("replication stopped, the primary serves", .told(.replicaBroken), [(60, .lag(-1))]),
    Episode("an idle PostgreSQL: four minutes of phantom lag", .nothing, [(60, .lag(240)), (120, .lag(10))]),
    Episode(
      "loss above the RPO, promoted by policy", .failsOver(after: 60...66),
      [(0, .lag(900))]
        + Episode.regionGone(1200), lasts: 3000
    ) { $0.decision.onRpoBreach = .promote },
    Episode(
      "loss above the RPO, promoted at the deadline", .failsOver(after: 60...66),
      [(0, .lag(900))]
        + Episode.regionGone(1200), lasts: 4800
    ) { $0.decision.onRpoBreach = .promoteAtDeadline },
    Episode(
      "loss above the RPO, accepted by a person", .failsOver(after: 60...66),
      [(0, .lag(900))]
        + Episode.regionGone(1200) + [(1500, .order(.approve(acceptDataLoss: true)))], lasts: 3000),
    Episode(
      "F33 the replica is storage-full", .heldBack("storage-full"),
      [(0, .replicaIs("storage-full"))]
        + Episode.regionGone(300)),
  ]

  /// A vantage that changes its mind after the failover began.
  static let doubts: [Episode] = [
    Episode(
      "the API comes back while the gate asks about the loss: a person decides", .asks("by the word of"),
      [(0, .lag(900))] + Episode.regionGone(1200) + [(1400, .apiAnswers), (1401, .targets(healthy: 2, unhealthy: 0))],
      lasts: 3000),
    Episode(
      "and says yes", .failsOver(after: 60...66),
      [(0, .lag(900))] + Episode.regionGone(1200)
        + [(1400, .apiAnswers), (1500, .order(.approve(acceptDataLoss: true)))], lasts: 3000),
  ]

  static let modes: [Episode] = [
    Episode("observe: it would, and the outage is real", .wouldFailOver(wrong: false), Episode.regionGone(60)) {
      $0.mode = .observe
    },
    Episode(
      "observe: it would, and the primary recovers", .wouldFailOver(wrong: true),
      Episode.regionGone(60, until: 300)
    ) { $0.mode = .observe },
    Episode("approve: it prepares and asks", .asks("mode is approve"), Episode.regionGone(60)) { $0.mode = .approve },
    Episode("F27 approve: the primary returns while it asks", .takenBack, Episode.regionGone(60, until: 400)) {
      $0.mode = .approve
    },
    Episode(
      "approve: a person says yes", .failsOver(after: 60...66),
      Episode.regionGone(60) + [(300, .order(.approve(acceptDataLoss: false)))]
    ) { $0.mode = .approve },
  ]

  // MARK: Time

  static let times: [Episode] = [
    Episode("F57 the process stands still for a minute, the primary serves", .nothing, [(60, .freeze(60))]),
    Episode("F57 frozen through a blip", .nothing, [(60, .fails(.timeout)), (61, .freeze(60)), (121, .serves)]),
    Episode(
      "F56 suspended for ten minutes in the middle of an outage", .asks("RPO is 5 min"),
      Episode.regionGone(60) + [(90, .freeze(600))]),
    Episode(
      "F57 frozen for a minute in the middle of an outage", .failsOver(after: 120...160),
      Episode.regionGone(60) + [(90, .freeze(60))]),
    Episode(
      "F57 frozen each half minute of an outage, never a whole confirmation", .told(nil),
      Episode.regionGone(60) + (1...20).map { (60 + 30 * Double($0), .freeze(6)) }, lasts: 660),
    Episode(
      "F72 the daemon starts in the middle of an outage", .failsOver(after: 60...150),
      Episode.regionGone(60) + [(100, .crash)]),
    Episode(
      "F72 the daemon starts again and again in an outage", .failsOver(after: 100...250),
      Episode.regionGone(60) + (1...6).map { (60 + 20 * Double($0), .crash) }),
    Episode(
      "F73 the daemon dies in the middle of its failover", .failsOver(after: 60...66),
      Episode.regionGone(60) + [(140, .crash)]),
  ]

  // MARK: People

  static let people: [Episode] = [
    Episode(
      "paused: an outage begins and nothing is done", .heldBack("paused"),
      [(30, .order(.pause(expires: nil)))] + Episode.regionGone(60)),
    Episode(
      "a pause released in an outage starts a fresh confirmation", .failsOver(after: 298...306),
      [(30, .order(.pause(expires: nil)))] + Episode.regionGone(60) + [(300, .order(.resume))]),
    Episode(
      "a pause released just before the primary recovers", .heldBack("paused"),
      [(30, .order(.pause(expires: nil)))] + Episode.regionGone(60, until: 340)
        + [(300, .order(.resume))]
        .sorted { $0.0 < $1.0 }),
    Episode(
      "aborted: nobody starts another one by itself", .stopped("aborted"),
      Episode.regionGone(60) + [(200, .order(.abort))], lasts: 1800
    ) { $0.mode = .approve },
    Episode(
      "ordered before the confirmation is over", .failsOver(after: 15...35),
      Episode.regionGone(60) + [(85, .order(.failover(acceptDataLoss: false)))]),
  ]
}
