import Reactor
import Replication
import ReplicationWire
import Testing

@Suite("A worker's client")
struct ClientTests {
    private func client(
        _ follower: Follower, _ port: UInt16?, _ streams: [StreamName],
        _ positions: [StreamName: Int64] = [:], serverName: String? = "example.org"
    ) -> ReplicationClient {
        ReplicationClient(
            options: .init(
                host: "localhost", port: port ?? 0, name: "w1", serverName: serverName),
            streams: streams, delegate: follower
        ) { positions }
    }

    @Test("Syncing users are told, told again after a reconnect, and ended when the worker goes")
    func userSyncs() throws {
        try onLoop { loop in
            let host = Host()
            let server = ReplicationServer(
                options: .init(serverName: "example.org"), delegate: host)
            let address = try server.listen(on: .loopback(), on: loop)
            let follower = Follower()
            let client = client(follower, address.port, [.events])
            client.start(on: loop)
            client.userSync("@a:x", isSyncing: true, lastSyncMilliseconds: 1, on: loop)
            await host.conditions.wait(on: loop) { host.syncs.count == 1 }
            client.userSync("@b:x", isSyncing: true, lastSyncMilliseconds: 2, on: loop)
            client.userSync("@a:x", isSyncing: false, lastSyncMilliseconds: 3, on: loop)
            let isSent = client.send(.federationAck(FederationAck(token: 5)), on: loop)
            #expect(isSent)
            await host.conditions.wait(on: loop) { host.commands.count == 1 }
            #expect(host.syncs.map(\.userID) == ["@a:x", "@b:x", "@a:x"])
            // The main's port goes away and comes back.
            await server.shutDown(on: loop)
            #expect(host.gone == [["@b:x"]])
            #expect(host.names == ["w1"])
            await follower.conditions.wait(on: loop) { follower.failures >= 1 }
            #expect(follower.errors == ["server shutting down"])
            let isSentToNobody = client.send(.federationAck(FederationAck(token: 5)), on: loop)
            #expect(!isSentToNobody)
            let second = ReplicationServer(
                options: .init(serverName: "example.org"), delegate: host)
            try second.listen(on: address, on: loop)
            await host.conditions.wait(on: loop) { host.syncs.count == 4 }
            #expect(host.syncs.last?.userID == "@b:x")
            client.stop(on: loop)
            await host.conditions.wait(on: loop) { host.gone.count == 2 }
            await second.shutDown(on: loop)
        }
    }

    @Test("Typing is reset after the main has restarted, and what is typed now arrives")
    func typingReset() throws {
        try onLoop { loop in
            func main(_ token: Int64) -> (ReplicationServer, LogSource) {
                let server = ReplicationServer(options: .init(serverName: "example.org"))
                let typing = LogSource(.typing, startingAt: token)
                let events = LogSource(.events, startingAt: 100)
                server.register(typing)
                server.register(events)
                return (server, typing)
            }
            func row(_ room: String) -> ReplicationRow {
                .typing(TypingStreamRow(roomID: room, userIDs: ["@a:x"]))
            }
            let (first, _) = main(50)
            let address = try first.listen(on: .loopback(), on: loop)
            let follower = Follower()
            let client = client(follower, address.port, [.typing, .events])
            client.start(on: loop)
            await follower.conditions.wait(on: loop) {
                follower.positions == [.typing: 50, .events: 100]
            }
            first.publish(.typing, [.init(token: 51, row: row("!old"))], on: loop)
            #expect(await client.waitForPosition(.typing, 51, timeout: .seconds(60), on: loop))
            await first.shutDown(on: loop)
            let (second, typing) = main(0)
            typing.append([.init(token: 1, row: row("!a")), .init(token: 3, row: row("!b"))])
            try second.listen(on: address, on: loop)
            await follower.conditions.wait(on: loop) { follower.positions[.typing] == 3 }
            #expect(follower.resets == [.typing])
            second.publish(.typing, [.init(token: 4, row: row("!c"))], on: loop)
            await follower.conditions.wait(on: loop) { follower.positions[.typing] == 4 }
            #expect(follower.rows[.typing]?.map(\.row) == [row("!a"), row("!b"), row("!c")])
            #expect(follower.positions[.events] == 100)
            client.stop(on: loop)
            await second.shutDown(on: loop)
        }
    }

    @Test("A worker that an old main refuses to catch up begins NOW and is told to read the rest")
    func fallenBehind() throws {
        try onLoop { loop in
            let listener = try loop.listen(on: .loopback()) { channel in
                let peer = RawPeer()
                channel.write("SERVER example.org\nPING 1\n", on: loop)
                peer.answer = { line, channel in
                    if line == "REPLICATE events 5" {
                        channel.write(
                            "ERROR failed to handle replicate: "
                                + "Exception('stream events has fallen behined',)\n", on: loop)
                        channel.close(on: loop)
                    } else if line == "REPLICATE events NOW" {
                        channel.write(
                            "POSITION events 20000\nRDATA events 20001 "
                                + "[\"$1\", \"!r/ü\", \"m.room.message\", null, null]\n", on: loop)
                    }
                }
                return peer
            }
            let follower = Follower()
            let client = client(follower, listener.localAddress.port, [.events], [.events: 5])
            client.start(on: loop)
            await follower.conditions.wait(on: loop) { follower.positions[.events] == 20001 }
            #expect(follower.skipped == [.events: 20000])
            #expect(follower.rows[.events] == [.init(token: 20001, row: eventRow(1))])
            #expect(client.statistics.resynchronisations == 1)
            client.stop(on: loop)
            listener.close(on: loop)
        }
    }

    @Test("The wrong main is refused and told so, and garbage from a main is survived")
    func wrongMain() throws {
        try onLoop { loop in
            var greetings = ["SERVER evil.org\n", "\u{0}\u{1}\n", "RDATA events 1 []\n", "ÿ\n"]
            var told: [String] = []
            let done = Conditions()
            let listener = try loop.listen(on: .loopback()) { channel in
                let peer = RawPeer()
                channel.write(
                    greetings.isEmpty ? "SERVER example.org\n" : greetings.removeFirst(), on: loop)
                peer.answer = { line, _ in
                    guard line.hasPrefix("ERROR") else { return }
                    told.append(line)
                    done.changed()
                }
                return peer
            }
            let follower = Follower()
            let client = client(follower, listener.localAddress.port, [.events])
            client.start(on: loop)
            await follower.conditions.wait(on: loop) { client.isConnected }
            #expect(
                told == [
                    "ERROR Wrong remote", "ERROR invalid command: ??",
                    "ERROR expected SERVER first", "ERROR invalid command: ??",
                ])
            #expect(follower.connections == 1)
            client.stop(on: loop)
            listener.close(on: loop)
        }
    }

    @Test("A token that came to nothing moves the position all the same")
    func advancing() throws {
        try onLoop { loop in
            let server = ReplicationServer(options: .init(serverName: "example.org"))
            let source = LogSource(.events, startingAt: 7)
            server.register(source)
            let address = try server.listen(on: .loopback(), on: loop)
            let follower = Follower()
            let client = client(follower, address.port, [.events], [.events: 5])
            client.start(on: loop)
            await follower.conditions.wait(on: loop) { follower.positions[.events] == 7 }
            server.publish(.events, [.init(token: 8, row: eventRow(1))], on: loop)
            server.advance(.events, to: 10, on: loop)
            server.advance(.events, to: 9, on: loop)
            server.publish(.events, [.init(token: 11, row: eventRow(2))], on: loop)
            server.advance(.events, to: 12, on: loop)
            #expect(await client.waitForPosition(.events, 12, timeout: .seconds(60), on: loop))
            #expect(follower.rows[.events]?.map(\.token) == [8, 11])
            #expect(client.statistics.inbound[.position] == 3)
            #expect(server.statistics.rowsRefused == 0)
            client.stop(on: loop)
            await server.shutDown(on: loop)
        }
    }

    @Test("Waiting for a position ends when it is reached, when time is up, or with the client")
    func waiting() throws {
        try onLoop { loop in
            let server = ReplicationServer(options: .init(serverName: "example.org"))
            server.register(LogSource(.events, startingAt: 7))
            let address = try server.listen(on: .loopback(), on: loop)
            let follower = Follower()
            let client = client(follower, address.port, [.events], [.events: 7])
            let before = client.lag(of: .events, on: loop)
            #expect(before.state == .disconnected)
            client.start(on: loop)
            await follower.conditions.wait(on: loop) { follower.positions[.events] == 7 }
            let lag = client.lag(of: .events, on: loop)
            #expect(lag == ReplicationLag.inStep(at: 7))
            #expect(await client.waitForPosition(.events, 7, timeout: .zero, on: loop))
            #expect(
                !(await client.waitForPosition(
                    .events, 8, timeout: .milliseconds(5), on: loop)))
            var results: [Bool] = []
            let done = Conditions()
            for token in [8, 9, 10] as [Int64] {
                loop.spawn {
                    let result = await client.waitForPosition(
                        .events, token, timeout: .seconds(60), on: loop)
                    results.append(result)
                    done.changed()
                }
            }
            await loop.yield()
            server.publish(
                .events,
                [.init(token: 8, row: eventRow(1)), .init(token: 9, row: eventRow(2))], on: loop)
            await done.wait(on: loop) { results.count == 2 }
            #expect(results == [true, true])
            client.stop(on: loop)
            await done.wait(on: loop) { results.count == 3 }
            #expect(results.last == false)
            await server.shutDown(on: loop)
        }
    }
}

extension ReplicationLag {
    fileprivate static func inStep(at position: Int64) -> ReplicationLag {
        var lag = ReplicationLag.none
        lag.position = position
        lag.tokensBehind = 0
        return lag
    }
}
