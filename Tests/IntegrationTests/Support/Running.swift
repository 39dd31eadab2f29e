import Foundation
import ProcessControl
import Reactor

@testable import Workers

/// A `beamline replication` command that runs beside the test, with its output in files.
final class Running {
    let child: ChildProcess
    private let folder: String

    init(_ arguments: [String], environment: [String: String] = [:]) throws {
        folder = NSTemporaryDirectory() + "beamline-tool-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        var command = Command(Program.built("beamline"), ["replication"] + arguments)
        command.output = .file("\(folder)/output")
        command.error = .file("\(folder)/error")
        command.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        child = try ChildProcess(command)
    }

    /// A test that fails leaves no process behind.
    deinit {
        child.signal(SIGKILL)
        _ = child.wait()
        try? FileManager.default.removeItem(atPath: folder)
    }

    var output: String { text("output") }
    var error: String { text("error") }

    private func text(_ name: String) -> String {
        (try? String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)) ?? ""
    }

    /// Waits until a command has said something, on either stream.
    func says(_ text: String) throws {
        let limit = Date(timeIntervalSinceNow: 60)
        while !output.contains(text), !error.contains(text) {
            guard Date() < limit else {
                throw Program.Unfinished(description: "no '\(text)' in:\n\(output)\(error)")
            }
            sched_yield()
        }
    }

    /// Waits for the exit code.
    func ends() throws -> Int32 {
        guard case .exited(let code)? = child.wait(within: .seconds(60)) else {
            child.signal(SIGKILL)
            _ = child.wait()
            throw Program.Unfinished(description: "still runs:\n\(output)\(error)")
        }
        return code
    }
}

/// Two users talk through a fleet.
func talk(
    main: UInt16, synchrotron: UInt16, messages: Int, on loop: isolated EventLoop
) async throws {
    let statistics = DemoStatistics()
    let users = ["one", "two"].map { name in
        DemoUser(
            name: "\(name)\(loop.now.nanoseconds)", main: .loopback(port: main),
            synchrotron: .loopback(port: synchrotron), statistics: statistics)
    }
    for user in users { try await user.enter(on: loop) }
    let room = try await users[0].createRoom(named: "Tool", on: loop)
    try await users[1].join(room, on: loop)
    for _ in 0..<messages { try await users[0].say(in: room, on: loop) }
    for user in users { user.stop(on: loop) }
}
