import PilotlightControlAPI
import Testing

@Suite struct RoutingTests {
  @Test(arguments: [
    ControlRequest.status, .health, .sandbox, .reload, .explain(workload: nil, incident: nil),
    .explain(workload: "django-app", incident: "20261123T173515-django-app"),
    .report(workload: nil, incident: nil), .report(workload: "a", incident: "20261123T173515-a"),
    .plan(workload: "a_b-C9", kind: .failback), .plan(workload: nil, kind: .failover),
    .history(workload: nil, incident: nil, limit: 50),
    .history(workload: "a", incident: "inc:1/2?3&4=5%6#~", limit: 1000),
    .order(OrderRequest(workload: "a", order: .pause, reason: "why \"not\"? ü", expiresSeconds: 7200)),
    .order(OrderRequest(workload: "a", order: .failover, reason: "x", confirm: "a", acceptDataLoss: true)),
    .order(OrderRequest(workload: "a", order: .skip, reason: "x", step: "shift-traffic")),
    .changeSandbox(SandboxRequest(action: .break, target: .primary)),
  ])
  func `what the client renders, the server reads`(_ request: ControlRequest) throws {
    let read = try ControlRequest(
      method: request.method, target: request.target, body: try request.body(), sandbox: true)
    #expect(read == request)
  }

  @Test(arguments: [
    ("GET", "/v1/explain?workload=", "workload"), ("GET", "/v1/explain?workload=a%0Ab", "workload"),
    ("GET", "/v1/explain?workload=a&workload=b", "twice"), ("GET", "/v1/explain?worklaod=a", "worklaod"),
    ("GET", "/v1/explain?workload", "=VALUE"), ("GET", "/v1/explain?workload=%", "percent"),
    ("GET", "/v1/explain?workload=%ff", "percent"), ("GET", "/v1/status?x=1", "not a parameter"),
    ("GET", "/v1/plan", "failover, failback or preparation"),
    ("GET", "/v1/plan?kind=sideways", "failover, failback or preparation"),
    ("GET", "/v1/history?limit=0", "1 to 1000"), ("GET", "/v1/history?limit=9999999999999999999", "1 to 1000"),
    ("GET", "/v1/history?incident=a%20b", "incident"),
  ])
  func `a malformed question is told what was expected`(_ method: String, _ target: String, _ word: String) {
    let fault = #expect(throws: RequestFault.self) {
      try ControlRequest(method: method, target: target, body: [], sandbox: false)
    }
    #expect(fault?.httpStatus == 400)
    #expect(fault?.message.contains(word) == true, "\(fault?.message ?? "")")
  }

  @Test(arguments: [
    ("", "not JSON"), ("[]", "expected {"), ("{\"workload\":\"a\"", "not JSON"),
    (#"{"workload":"a","order":"pause"}"#, "'reason' is missing"),
    (#"{"workload":"a","order":"explode","reason":"x"}"#, "'order'"),
    (#"{"workload":"a","order":"pause","reason":"x","expireSeconds":5}"#, "'expireSeconds' is not a key"),
    (#"{"workload":"a","order":"pause","reason":"x","expiresSeconds":"5"}"#, "'expiresSeconds'"),
    (#"{"workload":"a","order":"pause","reason":"x","expiresSeconds":0}"#, "1 to 2592000"),
    (#"{"workload":"a","order":"resume","reason":"x","expiresSeconds":60}"#, "belongs to pause"),
    (#"{"workload":"a","order":"pause","reason":"  "}"#, "say why"),
    (#"{"workload":"a","order":"pause","reason":"a\nb"}"#, "one line"),
    (#"{"workload":"a","order":"pause","reason":"\u001b[2J"}"#, "one line"),
    (#"{"workload":"a b","order":"pause","reason":"x"}"#, "workload"),
    (#"{"workload":"a","order":"failover","reason":"x"}"#, "confirm"),
    (#"{"workload":"a","order":"failback","reason":"x","confirm":"b"}"#, "confirm"),
    (#"{"workload":"a","order":"ack","reason":"x","acceptDataLoss":true}"#, "belongs to failover, approve and skip"),
    (#"{"workload":"a","order":"ack","reason":"x","step":"y"}"#, "belongs to retry and skip"),
    (#"{"workload":"a","order":"retry","reason":"x","step":"a b"}"#, "step"),
  ])
  func `a malformed order is told what was expected`(_ body: String, _ word: String) {
    let fault = #expect(throws: RequestFault.self) {
      try ControlRequest(method: "POST", target: "/v1/orders", body: Array(body.utf8), sandbox: false)
    }
    #expect(fault?.httpStatus == 400)
    #expect(fault?.message.contains(word) == true, "\(fault?.message ?? "")")
  }

  @Test func `a reason has at most 500 scalars, however few characters they make`() {
    #expect(OrderRequest.fault(inReason: String(repeating: "x", count: 500)) == nil)
    #expect(OrderRequest.fault(inReason: String(repeating: "x", count: 501)) != nil)
    #expect(OrderRequest.fault(inReason: "e" + String(repeating: "\u{301}", count: 500)) != nil)
  }

  @Test func `the sandbox's route exists only on the sandbox`() {
    #expect(throws: RequestFault.unknownRoute(path: "/v1/sandbox")) {
      try ControlRequest(method: "GET", target: "/v1/sandbox", body: [], sandbox: false)
    }
  }

  @Test func `a wrong method is told the right ones`() {
    #expect(throws: RequestFault.wrongMethod(path: "/v1/orders", allowed: ["POST"])) {
      try ControlRequest(method: "GET", target: "/v1/orders", body: [], sandbox: false)
    }
  }
}
