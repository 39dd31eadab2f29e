import Foundation
import ProcessControl
import Reactor
import TestSupport
import Testing

/// Runs the example executables.
enum Example {
    static let names = ["ExampleEcho", "ExampleHello", "ExampleChat"]

    struct NeverListened: Error { var output: String }

    /// Starts an example, talks to it, ends it by SIGTERM, and expects it to end well.
    static func run(
        _ name: String, _ arguments: [String],
        _ body: @escaping @Sendable (SocketAddress, isolated EventLoop) async throws -> Void
    ) throws {
        let file = NSTemporaryDirectory() + "beamline-example-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: file) }
        let child = try start(name, arguments, output: file)
        defer {
            child.signal(SIGKILL)
            _ = child.wait()
        }
        try onLoop { loop in
            let port = try await listeningPort(file, child, on: loop)
            try await body(.loopback(port: port), loop)
        }
        child.signal(SIGTERM)
        #expect(child.wait(within: .seconds(60)) == .exited(0))
    }

    /// Runs an example that ends by itself.
    static func output(
        _ name: String, _ arguments: [String]
    ) throws -> (status: ChildStatus?, text: String) {
        let file = NSTemporaryDirectory() + "beamline-example-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: file) }
        let child = try start(name, arguments, output: file)
        let status = child.wait(within: .seconds(60))
        if status == nil { child.signal(SIGKILL) }
        return (status, try String(contentsOfFile: file, encoding: .utf8))
    }

    private static func start(
        _ name: String, _ arguments: [String], output: String
    ) throws -> ChildProcess {
        let runner = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let program = URL(filePath: runner).deletingLastPathComponent().appending(path: name).path
        var command = Command(program, arguments)
        command.output = .file(output)
        return try ChildProcess(command)
    }

    /// The port that the example has printed; it may take its time.
    private static func listeningPort(
        _ file: String, _ child: ChildProcess, on loop: isolated EventLoop
    ) async throws -> UInt16 {
        while true {
            let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
            if text.contains("\n"),
                let word = text.split(separator: " ").first(where: { $0.hasPrefix("127.0.0.1:") }),
                let port = UInt16(word.dropFirst(10).prefix { $0.isNumber })
            {
                return port
            }
            guard child.wait(within: .zero) == nil else { throw NeverListened(output: text) }
            await loop.sleep(for: .milliseconds(5))
        }
    }
}
