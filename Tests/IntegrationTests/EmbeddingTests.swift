import Bytes
import Foundation
import ProcessControl
import Reactor
import Testing

@Suite("Use by other packages")
struct EmbeddingTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    @Test("a package outside the tree runs the README's echo server on the Reactor product")
    func echo() throws {
        let folder = NSTemporaryDirectory() + "beamline-embedding-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(
            atPath: "\(folder)/Sources/Echo", withIntermediateDirectories: true)
        try manifest.write(toFile: "\(folder)/Package.swift", atomically: true, encoding: .utf8)
        let port = try freePorts(1)[0]
        let program = try readmeExample()
        #expect(program.split(separator: "\n").count < 40)
        try program.replacing("7007", with: "\(port)").write(
            toFile: "\(folder)/Sources/Echo/main.swift", atomically: true, encoding: .utf8)
        // SwiftPM leaves its lock files in TMPDIR.
        let built = try Program.run(
            "/usr/bin/env", ["swift", "build", "--package-path", folder],
            environment: ["TMPDIR": folder], limit: .seconds(900))
        try #require(built.code == 0, "\(built.output)")
        var command = Command("\(folder)/.build/debug/Echo")
        command.output = .null
        let server = try ChildProcess(command)
        defer {
            server.signal(SIGKILL)
            _ = server.wait()
        }
        try onLoop { loop in
            let listener = Listening()
            let channel = try await Self.connect(to: port, listener, on: loop)
            channel.write(Array("anybody there?".utf8), on: loop)
            while listener.heard.count < 14 { await loop.sleep(for: .milliseconds(5)) }
            #expect(listener.heard == Array("anybody there?".utf8))
        }
    }

    /// Until the server listens; the loop's end bounds the wait.
    private static func connect(
        to port: UInt16, _ listener: Listening, on loop: isolated EventLoop
    ) async throws -> Channel {
        for _ in 0..<2000 {
            do {
                return try await loop.connect(
                    to: .loopback(port: port), timeout: .seconds(10)
                ) { _ in listener }
            } catch { await loop.sleep(for: .milliseconds(20)) }
        }
        throw Program.Unfinished(description: "the echo server never listened")
    }

    private var manifest: String {
        """
        // swift-tools-version: 6.2
        import PackageDescription

        let package = Package(
            name: "echo",
            dependencies: [.package(name: "beamline", path: "\(Self.root.path)")],
            targets: [
                .executableTarget(
                    name: "Echo", dependencies: [.product(name: "Reactor", package: "beamline")])
            ])
        """
    }

    /// The README's example that listens, as it stands there.
    private func readmeExample() throws -> String {
        let readme = try String(
            contentsOf: Self.root.appending(path: "README.md"), encoding: .utf8)
        let parts = readme.components(separatedBy: "```swift\n").dropFirst()
        let examples = parts.compactMap { $0.components(separatedBy: "```").first }
        return try #require(examples.first { $0.contains("loop.listen") })
    }
}

private final class Listening: ChannelHandler {
    var heard: [UInt8] = []

    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        heard += bytes.array
    }
}
