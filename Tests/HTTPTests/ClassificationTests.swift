// Faults by their numbers, and what each says about the target.

import PilotlightCore
import PilotlightHTTP
import PilotlightProbes
import Testing

@Suite struct ClassificationTests {
  private func classified(
    _ status: Int, _ headers: [(name: String, value: String)] = [], body: String = "", truncated: Bool = false,
    took: Duration = .milliseconds(20), _ change: (inout ProbeSettings) -> Void = { _ in }
  ) -> ProbeOutcome {
    var settings = ProbeSettings(url: "http://alb/", timeout: .seconds(5))
    change(&settings)
    let response = HTTPResponse(status: status, headers: headers, body: Array(body.utf8), bodyTruncated: truncated)
    return classify(.success(response), settings, took: took)
  }

  @Test func `the right answer in time is a success`() {
    #expect(classified(204) == .success(status: 204))
    #expect(classified(200, body: "status: up") { $0.bodyContains = "up" } == .success(status: 200))
    #expect(classified(200) { $0.bodyContains = "" } == .success(status: 200))
  }

  @Test func `F3 a 503 is the server's error and counts as down`() {
    #expect(classified(503) == .failure(.serverError, status: 503, detail: ""))
    #expect(FailureClass.serverError.countsAsDown)
  }

  @Test func `F4 the wrong body under the right status is wrong content`() {
    let outcome = classified(200, body: "sorry") { $0.bodyContains = "up" }
    #expect(outcome == .failure(.wrongContent, status: 200, detail: "the body lacks the expected text"))
  }

  @Test func `F5 a redirect is the wrong status unless it is expected`() {
    let location = [(name: "Location", value: "https://sorry.example/\u{1B}[2J")]
    let expected = ProbeOutcome.failure(
      .wrongStatus, status: 302, detail: "redirects to https://sorry.example/\\u{1B}[2J")
    #expect(classified(302, location) == expected)
    #expect(classified(302, location) { $0.expectedStatus = [StatusRange(300, 399)] } == .success(status: 302))
    #expect(classified(404) == .failure(.wrongStatus, status: 404, detail: ""))
  }

  @Test func `F6 a right answer after 4_9 seconds is slow, which alone justifies nothing`() {
    let outcome = classified(200, took: .milliseconds(4900)) { $0.slowAfter = .seconds(2) }
    #expect(outcome == .failure(.slow, status: 200, detail: "took 5 s, slow after 2 s"))
    #expect(!FailureClass.slow.countsAsDown)
    #expect(classified(200, took: .milliseconds(4900)) { $0.slowAfter = nil } == .success(status: 200))
    #expect(classified(200, took: .seconds(2)) { $0.slowAfter = .seconds(2) } == .success(status: 200))
    #expect(classified(503, took: .seconds(4)) == .failure(.serverError, status: 503, detail: ""))
  }

  @Test func `F8 a body that was cut counts by what was read of it`() {
    #expect(classified(200, body: "xx up xx", truncated: true) { $0.bodyContains = "up" } == .success(status: 200))
    let outcome = classified(200, body: "xxx", truncated: true) { $0.bodyContains = "up" }
    #expect(
      outcome == .failure(.wrongContent, status: 200, detail: "the first 3 bytes of the body lack the expected text"))
  }

  @Test(arguments: [
    (HTTPFailure.Kind.dns, HTTPStage.dns, FailureClass.dns), (.timeout, .dns, .dns), (.refused, .connect, .refused),
    (.timeout, .connect, .timeout), (.timeout, .firstByte, .timeout), (.reset, .firstByte, .reset),
    (.reset, .tls, .reset), (.tls, .tls, .tls), (.malformed, .body, .wrongContent), (.local, .dns, .local),
    (.cancelled, .body, .local),
  ])
  func `a request without an answer has a class`(kind: HTTPFailure.Kind, stage: HTTPStage, expected: FailureClass) {
    let failure = HTTPFailure(kind: kind, stage: stage, requestMayHaveBeenSent: false, detail: "words")
    let settings = ProbeSettings(url: "http://alb/")
    guard case .failure(let found, nil, let detail) = classify(.failure(failure), settings, took: .zero) else {
      Issue.record("not a failure")
      return
    }
    #expect(found == expected)
    #expect(detail.hasPrefix(stage.rawValue + ": "))
    #expect(detail.hasSuffix("words"))
  }

  @Test func `a fault of our own never counts as the primary's`() {
    for kind in [HTTPFailure.Kind.local, .cancelled] {
      let failure = HTTPFailure(kind: kind, stage: .connect, requestMayHaveBeenSent: false, detail: "")
      #expect(!failureClass(failure).countsAsDown)
    }
  }

  @Test(arguments: [
    ("", "a", false), ("a", "a", true), ("aab", "ab", true), ("aaa", "aab", false), ("xab", "ab", true),
    ("ab", "abc", false),
    ("größe", "öß", true),
  ])
  func `text is found wherever it stands in the body`(body: String, wanted: String, isFound: Bool) {
    #expect((classified(200, body: body) { $0.bodyContains = wanted } == .success(status: 200)) == isFound)
  }

  @Test func `any status of a reference shows that our network works`() {
    for status in [200, 301, 404, 503] {
      let answer = HTTPResponse(status: status, headers: [], body: [])
      #expect(classifyReference(.success(answer)) == .success(status: status))
    }
    let failure = HTTPFailure(kind: .refused, stage: .connect, requestMayHaveBeenSent: false, detail: "words")
    #expect(classifyReference(.failure(failure)) == .failure(.refused, status: nil, detail: "connect: words"))
  }
}
