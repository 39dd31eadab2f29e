import Foundation

extension Scenario {
    /// From another thread into a loop that sleeps.
    static var wakeUp: Scenario {
        Scenario(
            name: "wakeup", title: "A closure handed to a sleeping loop by another thread",
            subjects: programs(
                ours: { ["wakeup"] + rounds($0) },
                peers: [
                    ("C, epoll", { [$0.peer("WakeEpoll")] + rounds($0) }),
                    ("SwiftNIO", { [$0.peer("NIOPeer"), "wakeup"] + rounds($0) }),
                ]), columns: ["median", "p99"]
        ) { lab, subject in
            struct Times: Decodable {
                let median: Double
                let p99: Double
            }
            let output = try lab.run(try subject.command(lab, 0))
            let times = try JSONDecoder().decode(Times.self, from: output)
            return [
                Measurement("median", times.median / 1000, "µs"),
                Measurement("p99", times.p99 / 1000, "µs"),
            ]
        }
    }

    static var timers: Scenario {
        Scenario(
            name: "timers", title: "Timers, of CPU time, while a million others are armed",
            subjects: programs(
                ours: { _ in ["timers", "1000000"] },
                peers: [("SwiftNIO", { [$0.peer("NIOPeer"), "timers", "1000000"] })]),
            columns: ["armed and cancelled", "armed and fired"]
        ) { lab, subject in
            struct Times: Decodable {
                let cancelled: Double
                let cancelTime: Double
                let fired: Double
                let fireTime: Double
            }
            let command = lab.pinned(try subject.command(lab, 0), to: lab.options.serverCore)
            let times = try JSONDecoder().decode(Times.self, from: try lab.run(command))
            return [
                Measurement("armed and cancelled", times.cancelled / times.cancelTime * 1e9, "1/s"),
                Measurement("armed and fired", times.fired / times.fireTime * 1e9, "1/s"),
            ]
        }
    }

    private static func rounds(_ lab: Lab) -> [String] {
        let rounds = Int(lab.options.seconds * 5000)
        return ["\(rounds)", "\(lab.options.serverCore)", "\(lab.options.loadCore)"]
    }

    /// Programs that measure themselves instead of serving.
    private static func programs(
        ours: @escaping (Lab) -> [String], peers: [(name: String, command: (Lab) -> [String])]
    ) -> [Subject] {
        ["epoll", "io_uring"].map { backend in
            Subject("ours, \(backend)") { lab, _ in [lab.ours("Ours"), backend] + ours(lab) }
        } + peers.map { peer in Subject(peer.name) { lab, _ in peer.command(lab) } }
    }
}
