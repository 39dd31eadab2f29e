import Glibc
import Reactor
import Synchronization
import Testing

/// Runs `body` as a task on a loop that the calling thread drives.
func onLoop<Result: Sendable>(
    _ body: @escaping @Sendable (isolated EventLoop) async throws -> Result
) throws -> Result {
    let loop = try EventLoop()
    let outcome = Mutex<Swift.Result<Result, any Error>?>(nil)
    loop.submit { loop in
        // A test that waits for what never comes must end all the same.
        loop.schedule(after: .seconds(120)) {
            Issue.record("gave up after two minutes")
            loop.stop()
        }
        do {
            let value = try await body(loop)
            outcome.withLock { $0 = .success(value) }
        } catch {
            outcome.withLock { $0 = .failure(error) }
        }
        loop.stop()
    }
    loop.run()
    return try #require(outcome.withLock { $0 }).get()
}

enum Files {
    /// A session that real processes have had.
    static func capture(_ name: String) -> String {
        let folder = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
        return "/\(folder)/ReplicationWireTests/Captures/\(name).log"
    }

    static func temporary(_ text: String) throws -> String {
        let path = "/tmp/beamline-tool-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        let file = try #require(fopen(path, "w"))
        fputs(text, file)
        fclose(file)
        return path
    }

    static func remove(_ path: String) { unlink(path) }

    static func lines(of path: String) throws -> [String] {
        let file = try #require(fopen(path, "r"))
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 {
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}
