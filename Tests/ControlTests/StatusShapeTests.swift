import Foundation
import PilotlightControlAPI
import Testing

/// The promise of `status --json`: exactly these keys, null where there is nothing.
@Suite struct StatusShapeTests {
  @Test func `a workload of which nothing is known has every key and null in it`() throws {
    let text = String(decoding: try ControlJSON.encode(Samples.coldStart, pretty: true), as: UTF8.self)
    #expect(text == coldStartJSON)
  }

  @Test func `a report in the middle of a failover is this text`() throws {
    let report = StatusReport(daemon: Samples.daemon, workloads: [Samples.failingOver])
    let text = String(decoding: try ControlJSON.encode(report, pretty: true), as: UTF8.self)
    #expect(text == failingOverJSON)
  }

  @Test func `what was written is read back equal`() throws {
    let bytes = try ControlJSON.encode(Samples.report)
    #expect(try ControlJSON.decode(StatusReport.self, from: bytes) == Samples.report)
  }

  @Test func `a report without the newer keys is still read`() throws {
    let old = """
      {"name":"a","phase":"healthy","mode":"observe","paused":false,"armed":{"ok":true,"reasons":[]},"debts":[],
       "assessment":{"verdict":"up","since":null,"evidence":[]},"newerStill":[1,2]}
      """
    let workload = try ControlJSON.decode(WorkloadStatus.self, from: Array(old.utf8))
    #expect(workload.lag == nil && workload.incident == nil && workload.diagnosis == nil)
  }

  @Test func `a step state that this version does not know survives`() throws {
    let step =
      #"{"name":"x","state":"defragmenting","kind":"one-way","startedAt":null,"finishedAt":null,"detail":null}"#
    let read = try ControlJSON.decode(StepStatus.self, from: Array(step.utf8))
    #expect(read.state.rawValue == "defragmenting")
    #expect(String(decoding: try ControlJSON.encode(read), as: UTF8.self).contains(#""state":"defragmenting""#))
  }

  @Test func `the words of phases and verdicts are the promised ones`() {
    #expect(PhaseWord.allCases.map(\.rawValue) == ["healthy", "degraded", "failing-over", "dr-active", "failing-back"])
    #expect(VerdictWord.allCases.map(\.rawValue) == ["up", "down", "blind", "unknown"])
    #expect(StepKindWord.allCases.map(\.rawValue) == ["reversible", "one-way", "read-only"])
  }
}

private let coldStartJSON = """
  {
    "armed" : {
      "obstacles" : [

      ],
      "ok" : false,
      "reasons" : [
        "the primary has not answered yet"
      ],
      "unproven" : [

      ]
    },
    "assessment" : {
      "evidence" : [

      ],
      "since" : null,
      "verdict" : "unknown"
    },
    "commitDeadline" : null,
    "debts" : [

    ],
    "diagnosis" : null,
    "forecast" : null,
    "holdDownUntil" : null,
    "incident" : null,
    "lag" : null,
    "lease" : null,
    "loss" : null,
    "lost" : null,
    "mode" : "observe",
    "name" : "shop",
    "objectives" : null,
    "pause" : null,
    "paused" : false,
    "phase" : "healthy",
    "regions" : null,
    "stuck" : null,
    "surplus" : null
  }
  """

private let failingOverJSON = """
  {
    "daemon" : {
      "account" : "123456789012",
      "at" : "2026-03-01T03:16:16.000Z",
      "ledger" : {
        "entries" : 1234,
        "state" : "ok"
      },
      "pid" : 4242,
      "sandbox" : false,
      "startedAt" : "2026-02-26T23:16:16.000Z",
      "state" : "running",
      "version" : "0.1.0",
      "why" : null
    },
    "workloads" : [
      {
        "armed" : {
          "obstacles" : [

          ],
          "ok" : true,
          "reasons" : [

          ],
          "unproven" : [

          ]
        },
        "assessment" : {
          "evidence" : [
            "GET https://app.example/health: refused 5 times in a row"
          ],
          "since" : "2026-03-01T03:12:04.250Z",
          "verdict" : "down"
        },
        "commitDeadline" : "2026-03-01T03:30:19.000Z",
        "debts" : [
          {
            "since" : "2026-03-01T03:14:16.000Z",
            "what" : "the group of eu-west-1 is not at zero"
          }
        ],
        "diagnosis" : null,
        "forecast" : 615,
        "holdDownUntil" : null,
        "incident" : {
          "asks" : null,
          "held" : null,
          "id" : "inc-20260301-031204",
          "kind" : "failover",
          "standing" : "running",
          "startedAt" : "2026-03-01T03:13:04.000Z",
          "steps" : [
            {
              "detail" : null,
              "finishedAt" : "2026-03-01T03:15:03.000Z",
              "kind" : "reversible",
              "name" : "scale-up",
              "startedAt" : "2026-03-01T03:13:05.000Z",
              "state" : "done"
            },
            {
              "detail" : "instance is modifying",
              "finishedAt" : null,
              "kind" : "one-way",
              "name" : "promote",
              "startedAt" : "2026-03-01T03:15:04.000Z",
              "state" : "running"
            },
            {
              "detail" : null,
              "finishedAt" : null,
              "kind" : "read-only",
              "name" : "verify",
              "startedAt" : null,
              "state" : "waiting"
            }
          ]
        },
        "lag" : {
          "at" : "2026-03-01T03:15:56.000Z",
          "seconds" : 1.25,
          "state" : "replicating"
        },
        "lease" : null,
        "loss" : {
          "confidence" : "measured",
          "seconds" : 2.5
        },
        "lost" : null,
        "mode" : "automatic",
        "name" : "django-app",
        "objectives" : {
          "rpo" : 300,
          "rto" : 1800
        },
        "pause" : null,
        "paused" : false,
        "phase" : "failing-over",
        "regions" : {
          "dr" : "us-west-2",
          "primary" : "eu-west-1"
        },
        "stuck" : null,
        "surplus" : null
      }
    ]
  }
  """
