// swift-tools-version: 6.2
import PackageDescription

let product: [Target.Dependency] = [
    .product(name: "Reactor", package: "beamline"),
    .product(name: "HTTPServer", package: "beamline"),
]
let strict: [SwiftSetting] = [.swiftLanguageMode(.v6)]

// A package of its own, so that building the product never builds the benchmarks. What the product is measured
// against is in Peers, again a package.
let package = Package(
    name: "benchmarks",
    dependencies: [.package(name: "beamline", path: "../")],
    targets: [
        .executableTarget(name: "FanOut", dependencies: product, swiftSettings: strict),
        .target(name: "CPin"),
        .executableTarget(name: "Ours", dependencies: product + ["CPin"], swiftSettings: strict),
        .executableTarget(
            name: "Replicator",
            dependencies: [
                .product(name: "Reactor", package: "beamline"),
                .product(name: "Replication", package: "beamline"),
                .product(name: "ReplicationWire", package: "beamline"),
            ], swiftSettings: strict),
        .executableTarget(
            name: "SyncLoad", dependencies: [.product(name: "Reactor", package: "beamline")],
            swiftSettings: strict),
        .executableTarget(name: "Bench", swiftSettings: strict),
        .testTarget(name: "BenchTests", dependencies: ["Bench"], swiftSettings: strict),
        .executableTarget(
            name: "ClientLoad",
            dependencies: product + [.product(name: "HTTPClient", package: "beamline")],
            swiftSettings: strict),
    ]
)
