import Bytes
import Reactor
import Replication
import ReplicationWire
import Testing

@Suite("The main's port")
struct ServerTests {
    private func server(
        _ host: Host, _ adjust: (inout ReplicationServer.Options) -> Void = { _ in }
    ) -> ReplicationServer {
        var options = ReplicationServer.Options(serverName: "example.org")
        adjust(&options)
        return ReplicationServer(options: options, delegate: host)
    }

    @Test("A session by hand: introduction, catch-up with batches, live rows")
    func byHand() throws {
        try onLoop { loop in
            let host = Host()
            let server = server(host)
            let source = LogSource(.toDevice)
            let rows = ["@a:x", "@b:x", "@c:x"].map {
                ReplicationRow.toDevice(ToDeviceStreamRow(entity: $0))
            }
            source.append([
                .init(token: 3, row: rows[0]), .init(token: 3, row: rows[1]),
                .init(token: 4, row: rows[2]),
            ])
            server.register(source)
            let address = try server.listen(on: .loopback(), on: loop)
            let (peer, channel) = try await RawPeer.connect(to: address, on: loop)
            channel.write("NAME nc\r\n\nREPLICATE to_device 1\nREPLI", on: loop)
            await peer.conditions.wait(on: loop) { peer.lines.count >= 6 }
            channel.write("CATE typing 99\nREPLICATE to_device 77\nREPLICATE ALL NOW\n", on: loop)
            await peer.conditions.wait(on: loop) { peer.lines.count >= 8 + 14 }
            server.publish(
                .toDevice,
                [
                    .init(token: 9, row: rows[0]), .init(token: 8, row: rows[1]),
                    .init(token: 9, row: rows[2]),
                ], on: loop)
            server.publish(.toDevice, [.init(token: 9, row: rows[0])], on: loop)
            server.broadcast(.sync("done"), on: loop)
            await peer.conditions.wait(on: loop) { peer.lines.last == "SYNC done" }
            #expect(peer.lines[0] == "SERVER example.org")
            #expect(peer.lines[1].hasPrefix("PING "))
            let positions = Array(peer.lines[8..<8 + 14])
            #expect(positions.contains("POSITION to_device 4"))
            #expect(positions.filter { $0.hasPrefix("POSITION ") }.count == 14)
            #expect(positions == positions.sorted())
            peer.lines.removeSubrange(8..<8 + 14)
            #expect(
                Array(peer.lines[2...]) == [
                    "RDATA to_device batch [\"@a:x\"]", "RDATA to_device 3 [\"@b:x\"]",
                    "RDATA to_device 4 [\"@c:x\"]", "POSITION to_device 4", "POSITION typing 99",
                    "POSITION to_device 4",
                    "RDATA to_device 8 [\"@b:x\"]", "RDATA to_device batch [\"@a:x\"]",
                    "RDATA to_device 9 [\"@c:x\"]", "SYNC done",
                ])
            #expect(server.peers.map(\.name) == ["nc"])
            #expect(server.statistics.rowsRefused == 1)
            #expect(server.statistics.inbound[.replicate] == 4)
            #expect(server.statistics.outbound[.rowData] == 6)
            await server.shutDown(on: loop)
            await peer.conditions.wait(on: loop) { peer.isClosed }
            #expect(peer.lines.last == "ERROR server shutting down")
        }
    }

    @Test("Bad input is answered and ends its connection, and disturbs nobody")
    func garbage() throws {
        try onLoop { loop in
            let host = Host()
            let server = server(host)
            server.register(LogSource(.events))
            let address = try server.listen(on: .loopback(), on: loop)
            let follower = Follower()
            let client = ReplicationClient(
                options: .init(
                    host: "127.0.0.1", port: address.port ?? 0, name: "good",
                    serverName: "example.org"),
                streams: [.events], delegate: follower
            ) { [:] }
            client.start(on: loop)
            var silent: [(RawPeer, Channel)] = []
            for _ in 0..<100 { silent.append(try await RawPeer.connect(to: address, on: loop)) }
            var random = Seeded(5)
            let long = [UInt8](repeating: 0x78, count: LineSplitter.lineBytesMax + 2)
            let inputs: [([UInt8], String?)] =
                [
                    (Array("FOO\n".utf8), "ERROR invalid command: FOO"),
                    (Array("RDATA events 1 []\n".utf8), "ERROR invalid command: RDATA"),
                    (Array("REPLICATE tea NOW\n".utf8), nil),
                    (Array("REPLICATE federation NOW\n".utf8), nil),
                    (Array("REPLICATE events x\n".utf8), nil), (Array("REPLICATE\n".utf8), nil),
                    ([0xFF, 0xFE, 0x0A], "ERROR failed to parse line: not UTF-8"),
                    (long, "ERROR line too long"),
                ]
                + (0..<20).map { _ in
                    ((0..<500).map { _ in UInt8.random(in: 0...255, using: &random) } + [0x0A], nil)
                }
            for (bytes, answer) in inputs {
                let (peer, channel) = try await RawPeer.connect(to: address, on: loop)
                channel.write(bytes, on: loop)
                await peer.conditions.wait(on: loop) { peer.isClosed }
                #expect(peer.lines.last?.hasPrefix("ERROR ") == true, "\(peer.lines)")
                if let answer { #expect(peer.lines.last == answer) }
            }
            server.publish(.events, [.init(token: 1, row: eventRow(1))], on: loop)
            #expect(await client.waitForPosition(.events, 1, timeout: .seconds(60), on: loop))
            #expect(follower.connections == 1)
            #expect(silent.allSatisfy { !$0.0.isClosed && $0.0.lines.count == 2 })
            #expect(server.peers.count == 101)
            client.stop(on: loop)
            await server.shutDown(on: loop)
        }
    }

    @Test("A reader that does not read is cut off with a word; others go on")
    func slowReader() throws {
        try onLoop { loop in
            let host = Host()
            let server = server(host) {
                $0.queuedCommandsMax = 500
                $0.highWaterMark = 1 << 16
            }
            server.register(LogSource(.events))
            let address = try server.listen(on: .loopback(), on: loop)
            let (slow, channel) = try await RawPeer.connect(to: address, on: loop)
            channel.write("REPLICATE events NOW\n", on: loop)
            await slow.conditions.wait(on: loop) { slow.lines.count >= 3 }
            channel.pauseReading(on: loop)
            let follower = Follower()
            let client = ReplicationClient(
                options: .init(
                    host: "127.0.0.1", port: address.port ?? 0, name: "good", serverName: nil),
                streams: [.events], delegate: follower
            ) { [:] }
            client.start(on: loop)
            await follower.conditions.wait(on: loop) { follower.positions[.events] != nil }
            var token: Int64 = 0
            while host.reasons.isEmpty, token < 2_000_000 {
                for _ in 0..<100 {
                    token += 1
                    server.publish(.events, [.init(token: token, row: eventRow(1))], on: loop)
                }
                // The good one is given the time that it needs.
                _ = await client.waitForPosition(.events, token, timeout: .seconds(60), on: loop)
            }
            #expect(host.reasons == ["Failed to keep up"])
            #expect(server.pendingCommands.allSatisfy { $0.count == 0 })
            #expect(await client.waitForPosition(.events, token, timeout: .seconds(60), on: loop))
            #expect(follower.rows[.events]?.count == Int(token))
            channel.resumeReading(on: loop)
            await slow.conditions.wait(on: loop) { slow.isClosed }
            #expect(slow.lines.last == "ERROR Failed to keep up")
            client.stop(on: loop)
            await server.shutDown(on: loop)
        }
    }

    @Test("A peer that pinged and falls silent is timed out, one that never pinged is not")
    func pingTimeout() throws {
        try onLoop { loop in
            let host = Host()
            let server = server(host) {
                $0.timing = LinkTiming(
                    pingInterval: .milliseconds(20), silenceMax: .milliseconds(100))
            }
            let address = try server.listen(on: .loopback(), on: loop)
            let (netcat, _) = try await RawPeer.connect(to: address, on: loop)
            let (pinging, channel) = try await RawPeer.connect(to: address, on: loop)
            channel.write("PING 1\n", on: loop)
            await pinging.conditions.wait(on: loop) { pinging.isClosed }
            #expect(pinging.lines.last == "ERROR ping timeout")
            #expect(pinging.lines.filter { $0.hasPrefix("PING ") }.count > 2)
            #expect(!netcat.isClosed)
            #expect(host.reasons == ["ping timeout"])
            await server.shutDown(on: loop)
        }
    }

    @Test("Connections beyond the limit are told so")
    func connectionLimit() throws {
        try onLoop { loop in
            let server = server(Host()) { $0.connectionsMax = 2 }
            let address = try server.listen(on: .loopback(), on: loop)
            let (first, _) = try await RawPeer.connect(to: address, on: loop)
            await first.conditions.wait(on: loop) { first.lines.count == 2 }
            let (second, _) = try await RawPeer.connect(to: address, on: loop)
            await second.conditions.wait(on: loop) { second.lines.count == 2 }
            let (third, _) = try await RawPeer.connect(to: address, on: loop)
            await third.conditions.wait(on: loop) { third.isClosed }
            #expect(third.lines == ["ERROR too many connections"])
            #expect(!first.isClosed && !second.isClosed)
            await server.shutDown(on: loop)
        }
    }

    @Test("A row that old receivers cannot take goes out without its data")
    func longRow() throws {
        try onLoop { loop in
            let server = server(Host())
            let address = try server.listen(on: .loopback(), on: loop)
            let (peer, channel) = try await RawPeer.connect(to: address, on: loop)
            channel.write("REPLICATE account_data 0\nREPLICATE caches 0\n", on: loop)
            await peer.conditions.wait(on: loop) { peer.lines.count == 4 }
            let long = String(repeating: "y", count: 40_000)
            let data = AccountDataStreamRow(
                userID: "@a:x", roomID: nil, type: "big", data: "{\"x\":\"\(long)\"}")
            server.publish(.accountData, [.init(token: 14, row: .accountData(data))], on: loop)
            let cache = CachesStreamRow(cache: "get_x", keys: [long], invalidatedMilliseconds: 7)
            server.publish(.caches, [.init(token: 2, row: .cache(cache))], on: loop)
            await peer.conditions.wait(on: loop) { peer.lines.count == 6 }
            #expect(peer.lines[4] == "RDATA account_data 14 [\"@a:x\",null,\"big\",null]")
            #expect(peer.lines[5] == "RDATA caches 2 [\"get_x\",null,7]")
            await server.shutDown(on: loop)
        }
    }
}
