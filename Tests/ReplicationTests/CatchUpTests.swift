import Reactor
import Replication
import ReplicationWire
import Testing

/// A main with a writer that commits and publishes in random steps.
private final class Writer {
    let server: ReplicationServer
    let source: LogSource
    private var random: Seeded
    private var unpublished: [ReplicationUpdate] = []
    private var lastToken: Int64
    private var count = 0

    init(_ server: ReplicationServer, _ source: LogSource, seed: UInt64) {
        self.server = server
        self.source = source
        random = Seeded(seed)
        lastToken = source.currentToken
    }

    /// Commits some rows, of which some share a token and tokens have gaps; publishes them now or
    /// later, always in order.
    func step(on loop: isolated EventLoop) {
        for _ in 0..<random.below(3) {
            lastToken += Int64(1 + random.below(3))
            let updates = (0..<(1 + random.below(4) / 3 * random.below(6))).map { _ in
                count += 1
                return ReplicationUpdate(token: lastToken, row: eventRow(count))
            }
            source.append(updates)
            unpublished += updates
        }
        if random.below(3) > 0 { publish(on: loop) }
    }

    func publish(on loop: isolated EventLoop) {
        server.publish(source.stream, unpublished, on: loop)
        unpublished = []
        guard random.below(4) == 0 else { return }
        // A transaction that failed has used up a token.
        lastToken += 1
        server.advance(source.stream, to: lastToken, on: loop)
    }
}

/// Cuts every connection through it after a number of bytes, wherever that is in a line.
private final class CuttingProxy: ChannelHandler {
    final class Pipe: ChannelHandler {
        var other: Channel?
        var bytesLeft: Int
        init(bytesLeft: Int) { self.bytesLeft = bytesLeft }

        func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
            let count = min(bytesLeft, bytes.byteCount)
            other?.write(bytes.extracting(first: count), on: loop)
            bytesLeft -= count
            guard bytesLeft == 0 else { return }
            other?.close(on: loop)
            channel.abort(on: loop)
        }

        func closed(_ channel: Channel, reason: CloseReason, on loop: isolated EventLoop) {
            other?.close(on: loop)
            other = nil
        }
    }

    private let upstream: Pipe
    private var channel: Channel?
    private var early: [UInt8] = []
    private var isClosed = false

    init(_ downstream: Channel, to server: SocketAddress, cut: Int, on loop: isolated EventLoop) {
        upstream = Pipe(bytesLeft: cut)
        upstream.other = downstream
        loop.spawn {
            guard
                let channel = try? await loop.connect(
                    to: server, timeout: .seconds(10), handler: { _ in self.upstream })
            else { return downstream.abort(on: loop) }
            guard !self.isClosed else { return channel.abort(on: loop) }
            self.channel = channel
            channel.write(self.early, on: loop)
        }
    }

    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        guard let upstream = self.channel else {
            bytes.withUnsafeBytes { early += $0 }
            return
        }
        upstream.write(bytes, on: loop)
    }

    func closed(_ channel: Channel, reason: CloseReason, on loop: isolated EventLoop) {
        isClosed = true
        self.channel?.close(on: loop)
        self.channel = nil
    }
}

/// A stream of long rows that are made as they are read.
private final class EndlessSource: ReplicationSource {
    let stream = StreamName.events
    let currentToken: Int64 = 60_000
    private(set) var rowsRead = 0
    private let room = "!" + String(repeating: "r", count: 400)

    func rows(
        from: Int64, upTo: Int64, limit: Int, on loop: isolated EventLoop
    ) async throws -> [ReplicationUpdate] {
        let end = min(upTo, from + Int64(limit))
        guard from < end else { return [] }
        rowsRead += Int(end - from)
        return (from + 1...end).map {
            ReplicationUpdate(
                token: $0, row: .event(EventStreamRow(eventID: "$\($0)", roomID: room, type: "t")))
        }
    }
}

/// Counts lines without keeping them.
private final class Counter: ChannelHandler {
    private(set) var lines = 0
    let conditions = Conditions()

    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        bytes.withUnsafeBytes { for byte in $0 where byte == 0x0A { lines += 1 } }
        conditions.changed()
    }
}

@Suite("Catching up")
struct CatchUpTests {
    private func options(_ random: inout Seeded) -> ReplicationServer.Options {
        var options = ReplicationServer.Options(serverName: "example.org")
        options.pageRows = 1 + random.below(12)
        options.queuedCommandsMax = 20 + random.below(200)
        return options
    }

    @Test(
        "Every row exactly once and in order while rows are published",
        arguments: 0..<40 as Range<UInt64>)
    func whilePublishing(seed: UInt64) throws {
        try onLoop { loop in
            var random = Seeded(seed)
            var options = self.options(&random)
            // Nobody is slow here: what waits, waits for a page.
            options.waitingRowsMax = random.below(2) == 0 ? 3 : 10_000
            let server = ReplicationServer(options: options)
            let source = LogSource(.events, seed: seed)
            let writer = Writer(server, source, seed: seed &+ 1)
            server.register(source)
            for _ in 0..<random.below(80) { writer.step(on: loop) }
            let address = try server.listen(on: .loopback(), on: loop)
            var clients: [(ReplicationClient, Follower, Int64?)] = []
            for index in 0..<3 {
                let start: Int64? =
                    index == 2 ? nil : Int64(random.below(Int(source.currentToken) + 1))
                let follower = Follower()
                let client = ReplicationClient(
                    options: .init(
                        host: "127.0.0.1", port: address.port ?? 0, name: "w\(index)",
                        serverName: "example.org"),
                    streams: [.events], delegate: follower
                ) { start.map { [.events: $0] } ?? [:] }
                clients.append((client, follower, start))
                client.start(on: loop)
            }
            for _ in 0..<300 {
                writer.step(on: loop)
                for _ in 0..<random.below(3) { await loop.yield() }
                if random.below(8) == 0 { await loop.sleep(for: .milliseconds(1)) }
            }
            for (_, follower, _) in clients {
                await follower.conditions.wait(on: loop) { follower.positions[.events] != nil }
            }
            writer.step(on: loop)
            writer.publish(on: loop)
            let end = source.currentToken
            for (client, follower, start) in clients {
                let reached = await client.waitForPosition(
                    .events, end, timeout: .seconds(60), on: loop)
                #expect(reached)
                let got = follower.rows[.events] ?? []
                if let start {
                    #expect(got == source.log.filter { $0.token > start })
                } else {
                    #expect(got == source.log.suffix(got.count))
                }
                #expect(client.statistics.repeatedRows == 0)
                client.stop(on: loop)
            }
            #expect(server.statistics.rowsRefused == 0)
            await server.shutDown(on: loop)
        }
    }

    @Test("Connections cut at any byte lose and double nothing", arguments: 0..<6 as Range<UInt64>)
    func reconnecting(seed: UInt64) throws {
        try onLoop { loop in
            var random = Seeded(seed)
            let server = ReplicationServer(options: self.options(&random))
            let source = LogSource(.events, seed: seed)
            let writer = Writer(server, source, seed: seed &+ 1)
            server.register(source)
            for _ in 0..<60 { writer.step(on: loop) }
            let address = try server.listen(on: .loopback(), on: loop)
            var cuts = 0
            let proxy = try loop.listen(on: .loopback()) { channel in
                cuts += 1
                let cut = cuts > 8 ? Int.max : 1 + random.below(4000)
                return CuttingProxy(channel, to: address, cut: cut, on: loop)
            }
            let follower = Follower()
            let client = ReplicationClient(
                options: .init(
                    host: "127.0.0.1", port: proxy.localAddress.port ?? 0, name: "w",
                    serverName: "example.org"),
                streams: [.events, .typing], delegate: follower
            ) { [.events: 0] }
            client.start(on: loop)
            while cuts <= 8 {
                writer.step(on: loop)
                await loop.sleep(for: .milliseconds(1))
            }
            writer.publish(on: loop)
            let reached = await client.waitForPosition(
                .events, source.currentToken, timeout: .seconds(60), on: loop)
            #expect(reached)
            #expect(follower.rows[.events] == source.log)
            #expect(follower.disconnections.count + follower.failures >= 8)
            #expect(client.statistics.repeatedRows == 0)
            client.stop(on: loop)
            proxy.close(on: loop)
            await server.shutDown(on: loop)
        }
    }

    @Test("A source that fails sends the worker away, and it comes again")
    func failingSource() throws {
        try onLoop { loop in
            let host = Host()
            let server = ReplicationServer(
                options: .init(serverName: "example.org"), delegate: host)
            let source = LogSource(.events)
            source.append([ReplicationUpdate(token: 1, row: eventRow(1))])
            source.failures = 2
            server.register(source)
            let address = try server.listen(on: .loopback(), on: loop)
            let follower = Follower()
            let client = ReplicationClient(
                options: .init(
                    host: "127.0.0.1", port: address.port ?? 0, name: "w", serverName: nil),
                streams: [.events], delegate: follower
            ) { [.events: 0] }
            client.start(on: loop)
            #expect(await client.waitForPosition(.events, 1, timeout: .seconds(60), on: loop))
            #expect(host.sourceFailures == 2)
            #expect(follower.errors.count == 2)
            client.stop(on: loop)
            await server.shutDown(on: loop)
        }
    }

    @Test("A worker that does not read is not read for; later it gets everything")
    func backpressure() throws {
        try onLoop { loop in
            var options = ReplicationServer.Options(serverName: "example.org")
            options.highWaterMark = 1 << 16
            options.queuedCommandsMax = 2000
            let server = ReplicationServer(options: options)
            let source = EndlessSource()
            server.register(source)
            let address = try server.listen(on: .loopback(), on: loop)
            let counter = Counter()
            let channel = try await loop.connect(to: address, timeout: .seconds(10)) { _ in counter
            }
            channel.write("REPLICATE events 0\n", on: loop)
            await counter.conditions.wait(on: loop) { counter.lines > 100 }
            channel.pauseReading(on: loop)
            // The kernel's buffers fill up; then the source must be left alone.
            var before = -1
            while before != source.rowsRead {
                before = source.rowsRead
                await loop.sleep(for: .milliseconds(20))
            }
            #expect(source.rowsRead < Int(source.currentToken))
            #expect(server.pendingCommands.map(\.count).max() ?? 0 <= 2000)
            // Live rows are not kept for it either: they will be read.
            for token in 1...5000 as ClosedRange<Int64> {
                server.publish(
                    .events, [.init(token: source.currentToken + token, row: eventRow(1))],
                    on: loop)
            }
            #expect(server.pendingCommands.map(\.count).max() ?? 0 <= 2000)
            #expect(server.peers.count == 1)
            channel.resumeReading(on: loop)
            await counter.conditions.wait(on: loop) { counter.lines >= 65_000 }
            await server.shutDown(on: loop)
        }
    }
}
