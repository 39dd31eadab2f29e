// swift-tools-version: 6.2
import PackageDescription

/// A program in C. `libraries` are linked; all of them see the few lines that `CPeer` shares.
func c(_ name: String, in folder: String = "", libraries: [String] = []) -> Target {
    .executableTarget(
        name: name, dependencies: ["CPeer"], path: folder + name,
        cSettings: [.define("_GNU_SOURCE")],
        linkerSettings: libraries.map { .linkedLibrary($0) })
}

func nio(_ names: String...) -> [Target.Dependency] {
    names.map { .product(name: $0, package: "swift-nio") }
}

// What the product is measured against, and the clients that measure. A package without the product, because
// Hummingbird's dependencies have targets of the same names.
let package = Package(
    name: "peers",
    platforms: [.macOS(.v15)],
    products: [.library(name: "Allocations", type: .dynamic, targets: ["Allocations"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1"),
    ],
    targets: [
        .target(name: "CPeer", path: "CPeer", cSettings: [.define("_GNU_SOURCE")]),
        c("EchoEpoll"),
        c("EchoUring", libraries: ["uring"]),
        c("EchoUV", libraries: ["uv"]),
        c("HTTPEpoll"),
        c("HTTPUring", libraries: ["uring"]),
        c("WakeEpoll"),
        .executableTarget(
            name: "NIOPeer", dependencies: nio("NIOCore", "NIOPosix", "NIOHTTP1") + ["CPeer"],
            path: "NIOPeer",
            swiftSettings: [.swiftLanguageMode(.v6)]),
        .executableTarget(
            name: "HummingbirdPeer",
            dependencies: [.product(name: "Hummingbird", package: "hummingbird")],
            path: "HummingbirdPeer", swiftSettings: [.swiftLanguageMode(.v6)]),
        c("EchoLoad", in: "Load/"),
        c("FanOutLoad", in: "Load/"),
        c("IdleLoad", in: "Load/"),
        c("SteadyLoad", in: "Load/"),
        c("RowSink", in: "Load/"),
        c("RequestLoad", in: "Load/"),
        .target(
            name: "Allocations", path: "Allocations", cSettings: [.define("_GNU_SOURCE")]),
    ]
)
