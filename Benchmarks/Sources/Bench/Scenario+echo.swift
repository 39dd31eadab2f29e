import Foundation

extension Scenario {
    private static var echoSubjects: [Subject] {
        Subject.ours("echo") + [
            .peer("C, epoll", "EchoEpoll"), .peer("C, io_uring", "EchoUring"),
            .peer("libuv", "EchoUV"), .peer("SwiftNIO", "NIOPeer", "echo"),
        ]
    }

    static var echoes: [Scenario] {
        [(64, "64B"), (1024, "1KiB")].flatMap { bytes, size in
            [1, 64, 1000].map { echo(bytes: bytes, size, connections: $0) }
        }
    }

    private static func echo(bytes: Int, _ size: String, connections: Int) -> Scenario {
        Scenario(
            name: "echo-\(size)-\(connections)",
            title: "TCP echo, \(bytes) bytes, \(connections) connection(s)",
            subjects: echoSubjects, columns: ["cpu", "user", "rate", "server busy", "load busy"]
        ) { lab, subject in
            try lab.serving(subject) { server in
                let output = try lab.load([
                    lab.peer("EchoLoad"), "\(server.port)", "\(connections)", "\(bytes)",
                    "\(lab.warmUp)", "\(lab.options.seconds)", "\(server.pid)",
                ])
                return try JSONDecoder().decode(Work.self, from: output).measurements
            }
        }
    }
}

/// What a load generator tells of its measured time. CPU times are in nanoseconds, those of user and system
/// in the kernel's ticks.
struct Work: Decodable {
    let operations: Double
    let nanoseconds: Double
    let cpu: Double
    let user: Double
    let system: Double
    let load: Double

    var measurements: [Measurement] {
        let each = cpu / operations / 1000
        let userShare = user / max(1, user + system)
        return [
            Measurement("cpu", each, "µs/op"),
            Measurement("user", each * userShare, "µs/op"),
            Measurement("system", each * (1 - userShare), "µs/op"),
            Measurement("rate", operations / nanoseconds * 1e9, "op/s"),
            Measurement("server busy", cpu / nanoseconds * 100, "%"),
            Measurement("load busy", load / nanoseconds * 100, "%"),
        ]
    }
}
