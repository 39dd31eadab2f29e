import Foundation

extension Scenario {
    static var idle: [Scenario] {
        [10_000, 100_000].flatMap { count in
            [idle(count, "echo", echoServers), idle(count, "http", httpServers)]
        }
    }

    static var echoServers: [Subject] {
        Subject.ours("echo") + [
            .peer("C, epoll", "EchoEpoll"), .peer("C, io_uring", "EchoUring"),
            .peer("libuv", "EchoUV"), .peer("SwiftNIO", "NIOPeer", "echo"),
        ]
    }

    static var httpServers: [Subject] {
        Subject.ours("http") + [
            .peer("C, epoll", "HTTPEpoll"), .peer("C, io_uring", "HTTPUring"),
            .peer("SwiftNIO", "NIOPeer", "http"), .peer("Hummingbird", "HummingbirdPeer"),
        ]
    }

    private struct Memory: Decodable {
        let connections: Double
        let user: Double
        let kernel: Double
    }

    private static func idle(_ count: Int, _ role: String, _ subjects: [Subject]) -> Scenario {
        Scenario(
            name: "idle-\(role)-\(count)",
            title: "Memory of an idle connection, \(role), \(Double(count).brief) connections",
            subjects: subjects, columns: ["user memory", "kernel memory, both ends"],
            descriptors: count + 100
        ) { lab, subject in
            try lab.serving(subject) { server in
                let output = try lab.load([
                    lab.peer("IdleLoad"), "\(server.port)", "\(count)", role, "\(server.pid)",
                ])
                let memory = try JSONDecoder().decode(Memory.self, from: output)
                return [
                    Measurement("user memory", memory.user / memory.connections, "bytes"),
                    Measurement(
                        "kernel memory, both ends", memory.kernel / memory.connections, "bytes"),
                ]
            }
        }
    }
}
