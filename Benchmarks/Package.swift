// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that building the product never builds the benchmarks.
let package = Package(
    name: "benchmarks",
    dependencies: [.package(name: "beamline", path: "../")],
    targets: [
        .executableTarget(
            name: "FanOut",
            dependencies: [
                .product(name: "Reactor", package: "beamline"),
                .product(name: "HTTPServer", package: "beamline"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)])
    ]
)
