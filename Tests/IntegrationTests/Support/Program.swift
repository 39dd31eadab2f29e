import Foundation
import ProcessControl
import TestSupport
import Testing

/// Runs the project's executables, and others, to their end.
enum Program {
    struct Outcome: Sendable {
        var code: Int32
        var output: String
    }

    struct Unfinished: Error { var description: String }

    /// The path of an executable of this build: they lie beside the test runner.
    static func built(_ name: String) -> String {
        let runner =
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(filePath: runner).deletingLastPathComponent().appending(path: name).path
    }

    /// Runs a program with its output in a file, for at most `limit`.
    static func run(
        _ executable: String, _ arguments: [String], environment extra: [String: String] = [:],
        in folder: String? = nil, limit: Duration = .seconds(240)
    ) throws -> Outcome {
        let file = NSTemporaryDirectory() + "beamline-output-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: file) }
        var command = Command(executable, arguments)
        command.output = .file(file)
        command.error = .file(file)
        command.workingDirectory = folder
        command.environment = ProcessInfo.processInfo.environment.merging(extra) { $1 }
        let child = try ChildProcess(command)
        let status = child.wait(within: limit)
        let output = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
        switch status {
        case .exited(let code): return Outcome(code: code, output: output)
        case .signalled(let signal): return Outcome(code: 128 + signal, output: output)
        case nil:
            child.signal(SIGKILL)
            _ = child.wait()
            throw Unfinished(description: "\(executable) did not end within \(limit):\n\(output)")
        }
    }
}

/// Ports of 127.0.0.1 that nobody listens on, all different.
func freePorts(_ count: Int) throws -> [UInt16] {
    var held: [Int32] = []
    defer { for descriptor in held { close(descriptor) } }
    return try (0..<count).map { _ in
        let descriptor = streamSocket(AF_INET)
        held.append(descriptor)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            let raw = UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr.self)
            return bind(descriptor, raw, length) == 0 && getsockname(descriptor, raw, &length) == 0
        }
        try #require(isBound)
        return UInt16(bigEndian: address.sin_port)
    }
}
