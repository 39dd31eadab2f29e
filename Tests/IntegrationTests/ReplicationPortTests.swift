import Bytes
import Reactor
import Testing

@testable import Workers

@Suite("The replication port of a real main process", .serialized)
struct ReplicationPortTests {
    @Test("garbage, half lines and a hundred silent connections disturb nobody")
    func hostile() throws {
        let fleet = try TestFleet.synchrotrons(1)
        try fleet.start()
        defer { _ = try? fleet.synctl(["stop", fleet.homeserver, "-a", fleet.workersFolder]) }
        let port = fleet.replicationPort
        let (main, synchrotron) = (fleet.mainPort, fleet.workers[0].port)
        try onLoop { loop in
            var silent: [Channel] = []
            for _ in 0..<100 {
                silent.append(
                    try await loop.connect(to: .loopback(port: port), timeout: .seconds(10)) { _ in
                        Silence()
                    })
            }
            for garbage in Self.garbage {
                let channel = try await loop.connect(
                    to: .loopback(port: port), timeout: .seconds(10)
                ) { _ in Silence() }
                channel.write(garbage, on: loop)
                channel.flush(on: loop)
                silent.append(channel)
            }
            try await Self.deliverOne(main: main, synchrotron: synchrotron, on: loop)
            for channel in silent { channel.abort(on: loop) }
            try await Self.deliverOne(main: main, synchrotron: synchrotron, on: loop)
        }
        #expect(fleet.pid(of: "homeserver") != nil)
    }

    private static let garbage: [[UInt8]] = [
        Array("NAME half a li".utf8), [0, 255, 254, 13, 10, 128, 10],
        [UInt8](repeating: 65, count: 3 << 20), Array("FOO bar\nREPLICATE\nRDATA x y z\n".utf8),
        Array("REPLICATE events not_a_number\n".utf8), Array("GET / HTTP/1.1\r\n\r\n".utf8),
        Array("REPLICATE nonsense 5\n".utf8), Array("\n\n\n\nUSER_SYNC\n".utf8),
        Array("PING \nNAME \nREPLICATE events 99999999999999999999\n".utf8),
    ]

    /// A message travels from one user to another through the fleet.
    static func deliverOne(
        main: UInt16, synchrotron: UInt16, on loop: isolated EventLoop
    ) async throws {
        let statistics = DemoStatistics()
        let users = ["one", "two"].map { name in
            DemoUser(
                name: "\(name)\(loop.now.nanoseconds)", main: .loopback(port: main),
                synchrotron: .loopback(port: synchrotron), statistics: statistics)
        }
        for user in users { try await user.enter(on: loop) }
        let room = try await users[0].createRoom(named: "Port", on: loop)
        try await users[1].join(room, on: loop)
        try await users[1].listen(on: loop)
        try await users[0].say(in: room, on: loop)
        while statistics.deliveries == 0 { try await users[1].listen(on: loop) }
        for user in users { user.stop(on: loop) }
    }
}

/// Says nothing and listens to nothing.
final class Silence: ChannelHandler {
    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {}
}
