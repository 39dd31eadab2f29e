import Foundation

/// A server process that was started for one measurement.
final class RunningServer {
    let port: Int
    private let process = Process()
    private let command: [String]

    var pid: Int32 { process.processIdentifier }

    init(_ command: [String], port: Int) throws {
        self.command = command
        self.port = port
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = command
        try process.run()
    }

    /// Every server listens when a connection is accepted; none says so by itself in the same way.
    func awaitListening(seconds: Double = 15) throws {
        let limit = Date(timeIntervalSinceNow: seconds)
        while Date() < limit {
            guard process.isRunning else { break }
            if RunningServer.connects(to: port) { return }
            usleep(5_000)
        }
        throw Problem("\(command.joined(separator: " ")) does not listen on port \(port)")
    }

    func end() {
        guard process.isRunning else { return }
        kill(pid, SIGKILL)
        process.waitUntilExit()
    }

    private static func connects(to port: Int) -> Bool {
        withSocket { descriptor in
            withLoopback(port) { connect(descriptor, $0, $1) == 0 }
        }
    }

    /// A port of 127.0.0.1 that nobody listens on.
    static func freePort() -> Int {
        withSocket { descriptor in
            guard withLoopback(0, { bind(descriptor, $0, $1) }) == 0 else { return 0 }
            var address = sockaddr_in()
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            _ = withUnsafeMutablePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    getsockname(descriptor, $0, &length)
                }
            }
            return Int(UInt16(bigEndian: address.sin_port))
        }
    }

    private static func withSocket<Result>(_ body: (Int32) -> Result) -> Result {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        defer { close(descriptor) }
        return body(descriptor)
    }

    private static func withLoopback<Result>(
        _ port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
