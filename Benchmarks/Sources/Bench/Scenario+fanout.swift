import Foundation

extension Scenario {
    static var fanOut: Scenario {
        Scenario(
            name: "fanout-10000",
            title: "Fan-out: 10,000 parked requests answered at once, 1 KiB each",
            subjects: Subject.ours("http") + [
                .peer("C, epoll", "HTTPEpoll"), .peer("C, io_uring", "HTTPUring"),
                .peer("SwiftNIO", "NIOPeer", "http"),
            ], columns: ["cpu", "user", "rate"],
            descriptors: 10_100
        ) { lab, subject in
            try lab.serving(subject) { server in
                let waves = max(3, Int(lab.options.seconds * 4))
                let output = try lab.load([
                    lab.peer("FanOutLoad"), "\(server.port)", "10000", "1024", "\(waves)",
                    "\(server.pid)",
                ])
                return try JSONDecoder().decode(Work.self, from: output).measurements
            }
        }
    }
}
