// swift-tools-version: 6.2
import PackageDescription

/// Every target of ours: Swift 6 mode, warnings are errors, imports say what they expose.
let strict: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("ExistentialAny"),
]

func module(_ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
  .target(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
  .testTarget(name: name, dependencies: dependencies, resources: resources, swiftSettings: strict)
}

let nio: [Target.Dependency] = [
  .product(name: "NIOCore", package: "swift-nio"),
  .product(name: "NIOPosix", package: "swift-nio"),
  .product(name: "NIOHTTP1", package: "swift-nio"),
]
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let sqlite: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let yaml: Target.Dependency = .product(name: "Yams", package: "Yams")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

/// Only for `make fuzz`: libFuzzer brings the `main` that this program lacks.
let fuzzer: [Target] =
  Context.environment["PILOTLIGHT_FUZZ"] == nil
  ? []
  : [.executableTarget(name: "fuzzer", dependencies: ["Fuzzing"], path: "Tests/Fuzzer", swiftSettings: strict)]

let package = Package(
  name: "pilotlight",
  products: [
    .executable(name: "pilotlightd", targets: ["pilotlightd"]),
    .executable(name: "pilotlightctl", targets: ["pilotlightctl"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
  ],
  targets: [
    // C libraries, each imported by exactly one module below.
    .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    // libresolv is glibc's own; its headers came with the compiler's.
    .systemLibrary(name: "CResolv"),
    .systemLibrary(name: "CXML", pkgConfig: "libxml-2.0", providers: [.apt(["libxml2-dev"])]),
    .systemLibrary(name: "CGlibc"),
    .target(name: "CLastWords", cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])]),
    .systemLibrary(name: "CSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),

    // The heart: decides and acts, pure, imports nothing.
    module("PilotlightCore", exclude: ["Decisions"]),
    // Record before effect: drives the core, knows no clock, thread or socket.
    module("PilotlightEngine", ["PilotlightCore"]),

    // Actors on Dispatch queues.
    module("PilotlightQueues"),

    // Adapters at the rim.
    module("PilotlightHTTP", ["CCurl"]),
    module("PilotlightCrypto", ["COpenSSL"]),
    module("PilotlightProbes", ["PilotlightCore", "PilotlightHTTP", "CGlibc"]),
    module("PilotlightAWS", ["PilotlightCore", "PilotlightHTTP", "PilotlightCrypto", "CXML"]),
    module("PilotlightDNS", ["PilotlightCore", "CResolv", "CGlibc", "PilotlightQueues"]),
    module("PilotlightSandbox", ["PilotlightCore"]),
    module("PilotlightSandboxServer", ["PilotlightCore", "PilotlightSandbox"] + nio),
    module("PilotlightLedger", ["PilotlightCore", "PilotlightEngine", "PilotlightCrypto", "CSQLite", sqlite]),
    // What was seen, kept and played again: format, files, replay.
    module("PilotlightRecording", ["PilotlightCore", "PilotlightEngine"]),
    module("PilotlightSystemd", ["PilotlightCore", "CSystemd", "CGlibc", "CLastWords", logging]),
    module("PilotlightConfiguration", ["PilotlightCore", yaml]),
    module("PilotlightControlAPI"),
    module("PilotlightControlServer", ["PilotlightControlAPI"] + nio),

    // The real core and engine in a simulated world: cloud, network, disk, process, clock and operator on a virtual clock.
    module("PilotlightSimulation", ["PilotlightCore", "PilotlightEngine", "PilotlightSandbox"]),

    // The same world, played on a user's own configuration from a file.
    module(
      "PilotlightScenarios",
      ["PilotlightCore", "PilotlightConfiguration", "PilotlightSandbox", "PilotlightSimulation"]),

    // The two programs, and the one that proves them.
    .executableTarget(
      name: "pilotlightd",
      dependencies: [
        "PilotlightCore", "PilotlightEngine", "PilotlightHTTP", "PilotlightDNS", "PilotlightProbes", "PilotlightAWS",
        "PilotlightSandbox", "PilotlightSandboxServer", "PilotlightLedger", "PilotlightRecording",
        "PilotlightSystemd", "PilotlightConfiguration", "PilotlightCrypto", "PilotlightQueues",
        "PilotlightControlAPI", "PilotlightControlServer", arguments, logging,
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "pilotlightctl",
      dependencies: [
        "PilotlightCore", "PilotlightEngine", "PilotlightControlAPI", "PilotlightHTTP", "PilotlightConfiguration",
        "PilotlightSandbox", "PilotlightSimulation", "PilotlightScenarios", "PilotlightRecording", "PilotlightLedger",
        arguments,
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "simulator", dependencies: ["PilotlightCore", "PilotlightSimulation", arguments], swiftSettings: strict),

    // Everything that reads bytes from outside, for the fuzzer and for the tests that read its corpus.
    .target(
      name: "Fuzzing",
      dependencies: [
        "PilotlightCore", "PilotlightConfiguration", "PilotlightAWS", "PilotlightHTTP", "PilotlightControlAPI",
        "PilotlightLedger", "PilotlightRecording", "PilotlightScenarios", "PilotlightSimulation", "PilotlightDNS",
      ],
      path: "Tests/Fuzzing", swiftSettings: strict),

    tests("CoreTests", ["PilotlightCore"], resources: [.copy("Fixtures")]),
    tests("EngineTests", ["PilotlightCore", "PilotlightEngine"]),
    tests("HTTPTests", ["PilotlightCore", "PilotlightHTTP", "PilotlightProbes", "PilotlightCrypto"]),
    tests(
      "AWSTests", ["PilotlightCore", "PilotlightAWS", "PilotlightHTTP", "PilotlightCrypto"],
      resources: [.copy("Fixtures")]),
    tests("DNSTests", ["PilotlightCore", "PilotlightDNS"]),
    tests("SandboxTests", ["PilotlightCore", "PilotlightSandbox", "PilotlightSandboxServer"]),
    tests(
      "SimulationTests", ["PilotlightCore", "PilotlightEngine", "PilotlightSandbox", "PilotlightSimulation"],
      resources: [.copy("Trials")]),
    tests("LedgerTests", ["PilotlightCore", "PilotlightEngine", "PilotlightLedger", "CSQLite"]),
    tests(
      "RecordingTests",
      ["PilotlightCore", "PilotlightEngine", "PilotlightRecording", "PilotlightSandbox", "PilotlightSimulation"]),
    tests("SystemdTests", ["PilotlightCore", "PilotlightSystemd", logging]),
    tests("ConfigurationTests", ["PilotlightCore", "PilotlightConfiguration"], resources: [.copy("Fixtures")]),
    tests(
      "ScenarioTests",
      [
        "PilotlightCore", "PilotlightEngine", "PilotlightConfiguration", "PilotlightSandbox", "PilotlightScenarios",
        "PilotlightSimulation",
      ],
      resources: [.copy("Fixtures")]),
    tests("ControlTests", ["PilotlightCore", "PilotlightControlAPI", "PilotlightControlServer", "PilotlightHTTP"]),
    tests("FuzzTests", ["Fuzzing"], resources: [.copy("Corpus")]),
    tests("TidyTests", ["PilotlightAWS", "PilotlightCore", "PilotlightConfiguration", "PilotlightScenarios"]),
  ] + fuzzer,
  swiftLanguageModes: [.v6]
)
