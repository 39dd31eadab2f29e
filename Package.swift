// swift-tools-version: 6.2
import PackageDescription

/// Settings that every Swift target of this package shares.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .enableExperimentalFeature("Lifetimes"),
    .treatAllWarnings(as: .error),
]

let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

/// A library target with its tests beside it in `Tests/<name>Tests`.
func module(
    _ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = [],
    testing: [Target.Dependency] = [], testResources: [Resource]? = nil,
    linking: [LinkerSetting]? = nil
) -> [Target] {
    [
        .target(
            name: name, dependencies: dependencies, exclude: exclude, swiftSettings: strict,
            linkerSettings: linking),
        .testTarget(
            name: "\(name)Tests", dependencies: [.target(name: name)] + dependencies + testing,
            resources: testResources, swiftSettings: strict),
    ]
}

// The layers of the architecture, lowest first. `TidyTests` holds every import against them.
let shims: [Target] = [
    .systemLibrary(
        name: "CUring", path: "CShims/CUring", pkgConfig: "liburing",
        providers: [.apt(["liburing-dev"])]),
    .target(name: "CReactor", dependencies: ["CUring"], path: "CShims/CReactor"),
    .systemLibrary(
        name: "CPostgres", path: "CShims/CPostgres", pkgConfig: "libpq",
        providers: [.apt(["libpq-dev"])]),
    .systemLibrary(
        name: "CYAML", path: "CShims/CYAML", pkgConfig: "yaml-0.1",
        providers: [.apt(["libyaml-dev"])]),
    .systemLibrary(
        name: "COpenSSL", path: "CShims/COpenSSL", pkgConfig: "openssl",
        providers: [.apt(["libssl-dev"])]),
    .systemLibrary(
        name: "CCurl", path: "CShims/CCurl", pkgConfig: "libcurl",
        providers: [.apt(["libcurl4-openssl-dev"])]),
    .systemLibrary(
        name: "CZlib", path: "CShims/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .target(name: "CProcess", path: "CShims/CProcess"),
    .target(name: "CCrypt", path: "CShims/CCrypt", linkerSettings: [.linkedLibrary("crypt")]),
]
let layer1 = module("Bytes") + module("JSON")
let layer2 =
    module(
        "Reactor", ["Bytes", "CReactor"], testing: ["ReactorTesting", "CSeccomp", "TestSupport"])
    + module("ReactorTesting", ["Reactor", "Bytes"])
    + module("HTTPWire", ["Bytes"], testing: ["HTTPCases"])
    + module("ReplicationWire", ["Bytes", "JSON"], testResources: [.copy("Captures")])
    + module("YAML", ["CYAML"])
    + module("Matrix", ["Bytes", "JSON", crypto])
let layer3 =
    module(
        "TLS", ["Reactor", "Bytes", "COpenSSL"],
        testing: ["ReactorTesting", "HTTPServer", "HTTPWire", "TestSupport"])
    + module(
        "HTTPServer", ["Reactor", "HTTPWire", "Bytes", "CZlib"],
        testing: ["ReactorTesting", "HTTPCases", "TestSupport"])
    + module(
        "HTTPClient", ["Reactor", "HTTPWire", "Bytes", "CCurl", "CZlib"],
        testing: ["HTTPServer", "TestSupport"], testResources: [.copy("Peers")])
    + module(
        "Replication", ["Reactor", "ReplicationWire", "Bytes"],
        testing: ["JSON", "ReactorTesting"])
    + module(
        "Postgres", ["Reactor", "Bytes", "CPostgres"],
        testing: ["PostgresCluster", "ReactorTesting", "TestSupport"])
    + module("PostgresCluster", ["CProcess"], testing: ["TestSupport"])
let layer4 =
    module("Configuration", ["YAML", "Matrix"], testing: ["JSON", "TestSupport"])
    + module(
        "Observability", ["Reactor", "YAML", logging], exclude: ["Dashboards"],
        testing: ["TestSupport"])
    + module(
        "ReplicationTool",
        [
            "Replication", "ReplicationWire", "HTTPClient", "HTTPWire", "TLS", "Reactor", "Bytes",
            "JSON",
        ])
    + module(
        "ProcessControl", ["CProcess"],
        testing: ["Configuration", "StandIn", "synctl", "TestSupport"])
    + module("Storage", ["Postgres", "Matrix", "JSON", "Reactor"], testing: ["PostgresCluster"])
/// Small servers that show how others use the libraries; nothing of the product imports them.
let examples: [Target] =
    [
        ("ExampleEcho", "Echo", ["Reactor"]), ("ExampleChat", "Chat", ["Reactor", "Bytes"]),
        ("ExampleHello", "Hello", ["HTTPServer", "HTTPWire", "Reactor", "Bytes"]),
    ].map { name, folder, dependencies in
        .executableTarget(
            name: name, dependencies: dependencies.map { .target(name: $0) },
            path: "Sources/Examples/\(folder)", swiftSettings: strict)
    } + [
        .testTarget(
            name: "ExamplesTests",
            dependencies: [
                "ExampleEcho", "ExampleChat", "ExampleHello", "Reactor", "ReactorTesting", "Bytes",
                "ProcessControl", "TestSupport",
            ], swiftSettings: strict)
    ]
let upper: [Target.Dependency] = ["Bytes", "JSON", "Matrix", "Reactor", logging]
let layer5 = module(
    "Services",
    upper + [
        "Storage", "Postgres", "Replication", "ReplicationWire", "Configuration", "Observability",
        "CCrypt", crypto,
    ], testing: ["PostgresCluster", "Recomputation"])
let layer6 = module(
    "API",
    upper + [
        "Services", "Storage", "Postgres", "HTTPServer", "HTTPWire", "Configuration",
        "Observability",
    ], testing: ["PostgresCluster", crypto])
let layer7 = module(
    "Workers",
    upper + [
        "API", "Services", "HTTPServer", "HTTPWire", "TLS", "Replication", "ReplicationWire",
        "Storage",
        "Postgres",
        "Configuration", "Observability", "ProcessControl", "PostgresCluster", "YAML", "CProcess",
    ])
let layer8: [Target] = [
    .executableTarget(
        name: "beamline",
        dependencies: [
            "Workers", "ReplicationTool", "ReplicationWire", "Configuration", arguments,
        ],
        swiftSettings: strict),
    .executableTarget(
        name: "synctl", dependencies: ["Configuration", "ProcessControl", arguments],
        swiftSettings: strict),
    // A process without services, for the tests of what starts and stops processes.
    .executableTarget(
        name: "StandIn", dependencies: ["Configuration", "ProcessControl", "TestSupport"],
        path: "Tests/StandIn", swiftSettings: strict),
]
let whole: [Target] = [
    .testTarget(name: "TidyTests", swiftSettings: strict),
    .testTarget(
        name: "IntegrationTests",
        dependencies: upper + [
            "PostgresCluster", "Postgres", "ProcessControl", "Replication", "ReplicationWire",
            "Workers", "beamline", "synctl", "TestSupport", "Recomputation",
        ],
        exclude: ["Clients"],
        swiftSettings: strict),
]

/// What several test targets share.
let testing: [Target] = [
    // Forbids system calls, for the tests of what happens where they are forbidden.
    .target(name: "CSeccomp", path: "Tests/CSeccomp"),
    .target(name: "CTestSupport", path: "Tests/CTestSupport"),
    // Loops, handlers, sockets and folders for tests.
    .target(
        name: "TestSupport", dependencies: ["CTestSupport", "Reactor", "ReactorTesting"],
        path: "Tests/TestSupport", swiftSettings: strict),
    // Works out from the events what the tables should say, and what the server says that it counted.
    .target(
        name: "Recomputation", dependencies: ["JSON", "Matrix", "Postgres", "Reactor", "Storage"],
        path: "Tests/Recomputation", swiftSettings: strict),
    // Counts the allocations of a thread.
    .target(name: "CAllocations", path: "Tests/CAllocations"),
    // Fails where a server on its steady path allocates; `make test` has it built for release.
    .executableTarget(
        name: "allocation-check",
        dependencies: ["HTTPServer", "HTTPWire", "Reactor", "Bytes", "CAllocations"],
        path: "Tests/AllocationCheck", swiftSettings: strict),
    // Requests with the answers they must get.
    .target(name: "HTTPCases", path: "Tests/HTTPCases", swiftSettings: strict),
]

/// Link only with libFuzzer (`make fuzz`), so they are not there otherwise.
let fuzzers: [Target] = [
    .systemLibrary(name: "CFuzzer", path: "Tests/Fuzz/CFuzzer"),
    .target(
        name: "FuzzDriver", dependencies: ["CFuzzer"], path: "Tests/Fuzz/Driver",
        swiftSettings: strict),
    .executableTarget(
        name: "fuzz", dependencies: ["FuzzTargets", "FuzzDriver"], path: "Tests/Fuzz/All",
        swiftSettings: strict),
    .executableTarget(
        name: "fuzz-http", dependencies: ["FuzzHTTP", "FuzzDriver"], path: "Tests/Fuzz/Slim",
        swiftSettings: strict),
]

/// The parsers' properties, which the fuzzer and the test that replays its corpus share.
let fuzzing: [Target] =
    [
        .target(
            name: "FuzzHTTP", dependencies: ["Bytes", "HTTPWire"], path: "Tests/Fuzz/HTTP",
            swiftSettings: strict),
        .target(
            name: "FuzzTargets",
            dependencies: [
                "FuzzHTTP", "Bytes", "JSON", "HTTPWire", "HTTPServer", "ReplicationWire", "YAML",
                "Matrix", "Observability", logging,
            ], path: "Tests/Fuzz/Targets", swiftSettings: strict),
        .testTarget(
            name: "FuzzTests", dependencies: ["FuzzTargets", "FuzzHTTP"], path: "Tests/Fuzz/Replay",
            swiftSettings: strict),
    ] + (Context.environment["BEAMLINE_FUZZ"] == nil ? [] : fuzzers)

/// `BEAMLINE_LAYERS=low` leaves out what stands above layer 3, with its tests, so that work on the lower layers (and
/// `make sanitize`) need not compile what only builds on them.
let isWhole = Context.environment["BEAMLINE_LAYERS"] != "low"
let lowTargets = [shims, layer1, layer2, layer3, testing].flatMap { $0 }
let highTargets = [layer4, layer5, layer6, layer7, layer8, examples, whole, fuzzing].flatMap { $0 }
let executables: [Product] = [
    .executable(name: "beamline", targets: ["beamline"]),
    .executable(name: "synctl", targets: ["synctl"]),
]

let package = Package(
    name: "beamline",
    products: [
        .library(name: "Reactor", targets: ["Reactor", "Bytes"]),
        .library(name: "ReactorTesting", targets: ["ReactorTesting"]),
        .library(name: "TLS", targets: ["TLS"]),
        .library(name: "HTTPServer", targets: ["HTTPServer", "HTTPWire"]),
        .library(name: "HTTPClient", targets: ["HTTPClient"]),
        .library(name: "ReplicationWire", targets: ["ReplicationWire"]),
        .library(name: "Replication", targets: ["Replication"]),
        .library(name: "Postgres", targets: ["Postgres"]),
    ] + (isWhole ? executables : []),
    dependencies: [
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    ],
    targets: lowTargets + (isWhole ? highTargets : [])
)
