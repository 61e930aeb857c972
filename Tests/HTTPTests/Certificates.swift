// Certificates and a TLS server, from the openssl and python3 commands: made when a test needs them, gone with it.

import Foundation

/// A directory with a key and a certificate for 127.0.0.1.
final class Certificate: Sendable {
  let directory: URL
  var certificate: String { directory.appendingPathComponent("cert.pem").path }
  var key: String { directory.appendingPathComponent("key.pem").path }

  /// - Parameter isExpired: it ended in 2021.
  init(isExpired: Bool = false, host: String = "IP:127.0.0.1") throws {
    directory = FileManager.default.temporaryDirectory.appendingPathComponent("pilotlight-tls-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    let arguments = ["-subj", "/CN=pilotlight-test", "-addext", "subjectAltName=\(host)"]
    let makeKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key]
    guard isExpired else {
      try run(["openssl", "req", "-x509", "-days", "1", "-out", certificate] + makeKey + arguments)
      return
    }
    // `openssl req` knows no end in the past; `openssl ca` does.
    let request = directory.appendingPathComponent("request.pem").path
    try run(["openssl", "req", "-new", "-out", request] + makeKey + arguments)
    let configuration = """
      [ca]
      default_ca = own
      [own]
      database = \(directory.path)/index.txt
      new_certs_dir = \(directory.path)
      rand_serial = yes
      default_md = sha256
      policy = any
      copy_extensions = copy
      [any]
      commonName = supplied
      """
    try configuration.write(to: directory.appendingPathComponent("ca.conf"), atomically: true, encoding: .utf8)
    try "".write(to: directory.appendingPathComponent("index.txt"), atomically: true, encoding: .utf8)
    try run([
      "openssl", "ca", "-batch", "-notext", "-selfsign", "-config", "\(directory.path)/ca.conf", "-keyfile", key,
      "-startdate", "20200101000000Z", "-enddate", "20210101000000Z", "-in", request, "-out", certificate,
    ])
  }

  deinit { try? FileManager.default.removeItem(at: directory) }

  /// Not Foundation's Process: it learns of the end from a socket that other children started meanwhile hold open too.
  private func run(_ command: [String]) throws {
    let line = command.map { "'\($0)'" }.joined(separator: " ") + " >/dev/null 2>&1"
    guard let pipe = popen(line, "re"), pclose(pipe) == 0 else { throw ServerFault("\(command.prefix(2)) failed") }
  }
}

/// An HTTPS server as a process of its own: GET is answered, POST never is.
final class TLSServer {
  let port: Int
  private let pid: pid_t
  private let output: UnsafeMutablePointer<FILE>

  init(_ certificate: Certificate) throws {
    let script = """
      import http.server, os, ssl, sys, time
      class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        def do_GET(self):
          self.send_response(200)
          self.send_header("Content-Length", "4")
          self.send_header("X-Session", "resumed" if self.connection.session_reused else "new")
          self.end_headers()
          self.wfile.write(b"safe")
        def do_POST(self):
          time.sleep(3600)
        def log_message(self, *arguments):
          pass
      class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True
        def handle_error(self, *arguments):
          pass
      server = Server(("127.0.0.1", 0), Handler)
      context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
      context.load_cert_chain(sys.argv[1], sys.argv[2])
      server.socket = context.wrap_socket(server.socket, server_side=True)
      print(server.server_address[1], os.getpid(), flush=True)
      server.serve_forever()
      """
    let file = certificate.directory.appendingPathComponent("server.py").path
    try script.write(toFile: file, atomically: true, encoding: .utf8)
    let command = "exec python3 '\(file)' '\(certificate.certificate)' '\(certificate.key)'"
    guard let output = popen(command, "re") else { throw ServerFault("python3") }
    var line = [CChar](repeating: 0, count: 64)
    fgets(&line, Int32(line.count), output)
    let numbers = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      .split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
    guard numbers.count == 2 else {
      pclose(output)
      throw ServerFault("the TLS server did not start")
    }
    self.output = output
    port = numbers[0]
    pid = pid_t(numbers[1])
  }

  func stop() {
    // Dispatch's threads block signals and children inherit that: SIGTERM would never arrive.
    kill(pid, SIGKILL)
    pclose(output)
  }
}
