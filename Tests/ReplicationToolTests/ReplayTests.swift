import Bytes
import Reactor
import Replication
import ReplicationWire
import Testing

@testable import ReplicationTool

/// Rows as a worker is given them.
private struct Delivery: Equatable, Sendable {
    let stream: StreamName
    let rows: [ReplicationRow]
    let position: Int64
}

/// A worker that notes what it is given.
private final class Worker: ReplicationClientDelegate {
    var deliveries: [Delivery] = []
    var server: String?
    var isOver = false
    private let client: ReplicationClient
    private var waiter: UnsafeContinuation<Void, Never>?

    init(_ address: SocketAddress, _ streams: [StreamName], _ dialect: Dialect) {
        var options = ReplicationClient.Options(
            host: address.host, port: address.port ?? 0, name: "worker", serverName: "localhost")
        options.dialect = dialect
        client = ReplicationClient(options: options, streams: streams, firstPositions: { [:] })
    }

    /// Follows until the main says that it ends.
    func follow(on loop: isolated EventLoop) async -> [Delivery] {
        client.delegate = self
        client.start(on: loop)
        if !isOver { await withUnsafeContinuation(isolation: loop) { waiter = $0 } }
        client.stop(on: loop)
        return deliveries
    }

    func rows(
        _ stream: StreamName, _ rows: [ReplicationRow], position: Int64,
        on loop: isolated EventLoop
    ) {
        deliveries.append(Delivery(stream: stream, rows: rows, position: position))
    }

    func streamSkipped(
        _ stream: StreamName, to position: Int64, on loop: isolated EventLoop
    ) {}

    func errorReported(_ text: String, on loop: isolated EventLoop) {
        isOver = true
        waiter.take()?.resume()
    }
}

/// What a worker makes of a capture's connection, without any socket.
private func model(
    _ name: String, connection: Int, _ streams: [StreamName], _ dialect: Dialect
) throws -> [Delivery] {
    var link = WorkerLink(name: "worker", serverName: nil, dialect: dialect)
    // As the client does: all of typing is small, and nothing of it is in the database.
    for stream in streams { link.follow(stream, from: stream == .typing ? 0 : nil) }
    let time = LinkTime(monotonic: .zero, unixMilliseconds: 0)
    var actions: [WorkerLink.Action] = []
    link.opened(at: time, into: &actions)
    var deliveries: [Delivery] = []
    func feed(_ text: String) {
        let bytes = Array(text.utf8)
        actions = []
        link.received(bytes.span.bytes, at: time, into: &actions)
        for case .rows(let stream, let rows, let position) in actions {
            deliveries.append(Delivery(stream: stream, rows: rows, position: position))
        }
    }
    feed("SERVER localhost")
    var known: [StreamName: Int64] = [:]
    for line in try Files.lines(of: Files.capture(name)) {
        let parts = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4, parts[1] == "\(connection)", parts[2] == ">" else { continue }
        switch try ReplicationCommand(parsing: String(parts[3]), dialect: dialect) {
        case .rowData(let data):
            if known[data.stream] == nil, case .number(let token) = data.token {
                known[data.stream] = token - 1
                feed("POSITION \(data.stream) \(dialect == .named ? "x " : "")\(token - 1)")
            }
            feed(String(parts[3]))
            if case .number(let token) = data.token {
                known[data.stream] = max(token, known[data.stream] ?? token)
            }
        case .position(let position):
            guard position.token > known[position.stream] ?? .min else { continue }
            known[position.stream] = position.token
            feed(String(parts[3]))
        default: break
        }
    }
    return deliveries
}

@Suite("Replays")
struct ReplayTests {
    @Test(
        "of real sessions give a worker of ours every row",
        arguments: [("synapse-2017-04", 1), ("synapse-2017-04", 4), ("synapse-1.66", 1)])
    func realSessionsGive(name: String, number: Int) throws {
        let dialect = name.hasSuffix("1.66") ? Dialect.named : .classic
        let streams = dialect == .named ? StreamChoice.named : StreamChoice.classic
        let (deliveries, rows) = try onLoop { loop in
            var options = Replay.Options(
                path: Files.capture(name), address: Endpoint(host: "127.0.0.1", port: 0))
            options.speed = nil
            options.connection = number
            let (outcome, workers) = try await play(options, [streams], dialect, on: loop)
            return (workers[0], outcome.rows)
        }
        let expected = try model(name, connection: number, streams, dialect)
        #expect(deliveries.count == expected.count)
        #expect(deliveries == expected)
        #expect(rows > 50)
    }

    @Test("send each worker the streams that it wants") func sendEachWorker() throws {
        let file = try Files.temporary(Self.mixed)
        defer { Files.remove(file) }
        let (outcome, workers) = try onLoop { loop in
            var options = Replay.Options(
                path: file, address: Endpoint(host: "localhost", port: 0))
            options.workers = 2
            options.speed = 1000
            let streams: [[StreamName]] = [[.events, .caches], [.caches]]
            let (outcome, workers) = try await play(options, streams, .classic, on: loop)
            return ((outcome.rows, outcome.deliveredRows, outcome.workers), workers)
        }
        #expect(outcome == (4, 5, 2))
        #expect(workers[0].map(\.position) == [5, 11, 6])
        #expect(workers[0][2].rows.count == 2)
        #expect(workers[1].map(\.stream) == [.caches])
    }

    @Test("begin again with tokens that go on") func beginAgainWith() throws {
        let file = try Files.temporary(Self.mixed)
        defer { Files.remove(file) }
        let positions = try onLoop { loop in
            let capture = try await Capture(scanning: file, dialect: nil, on: loop)
            var options = Replay.Options(
                path: file, address: Endpoint(host: "127.0.0.1", port: 0))
            options.loops = true
            options.speed = nil
            let interruption = Interruption()
            let player = try Player(capture, options, interruption)
            var address = SocketAddress.loopback()
            let task = loop.spawn {
                _ = try? await player.play(on: loop) { address = $0 }
            }
            while address.port == 0 { await loop.yield() }
            let worker = Worker(address, [.events], .classic)
            loop.spawn {
                while worker.deliveries.count < 40 { await loop.sleep(for: .milliseconds(1)) }
                interruption.happen()
            }
            let deliveries = await worker.follow(on: loop)
            await task.value
            return deliveries.map(\.position)
        }
        #expect(positions.count >= 40)
        #expect(zip(positions, positions.dropFirst()).allSatisfy { $0 < $1 })
        #expect(positions.prefix(4) == [5, 6, 7, 8])
    }

    @Test("wait for a worker that does not read") func waitForWorker() throws {
        // More than the socket's buffers and the water mark hold.
        let line =
            "1 1 > RDATA events %d [\"\(String(repeating: "x", count: 8000))\",\"!r\",\"t\",null,null]\n"
        let count = 4000
        let text = (1...count).map { line.replacing("%d", with: "\($0)") }.joined()
        let file = try Files.temporary(text)
        defer { Files.remove(file) }
        let (held, all) = try onLoop { loop in
            let capture = try await Capture(scanning: file, dialect: nil, on: loop)
            var options = Replay.Options(
                path: file, address: Endpoint(host: "127.0.0.1", port: 0))
            options.speed = nil
            let player = try Player(capture, options, Interruption())
            var address = SocketAddress.loopback()
            var rows: Int?
            loop.spawn {
                rows = (try? await player.play(on: loop) { address = $0 })?.deliveredRows ?? -1
            }
            while address.port == 0 { await loop.yield() }
            let reader = SlowReader()
            let channel = try await loop.connect(to: address, timeout: .seconds(5)) { _ in reader }
            channel.write(Array("NAME slow\nREPLICATE events NOW\n".utf8), on: loop)
            while reader.bytes == 0 { await loop.sleep(for: .milliseconds(1)) }
            channel.pauseReading(on: loop)
            // Nothing more can be told than that it has not gone on for a while.
            await loop.sleep(for: .milliseconds(500))
            let held = rows == nil
            channel.resumeReading(on: loop)
            while rows == nil { await loop.sleep(for: .milliseconds(1)) }
            return (held, rows)
        }
        #expect(held)
        #expect(all == count)
    }

    @Test("without a row are refused") func withoutRowRefused() throws {
        let file = try Files.temporary("1 1 > SERVER a\n")
        defer { Files.remove(file) }
        #expect {
            try onLoop { loop in
                let capture = try await Capture(scanning: file, dialect: nil, on: loop)
                let options = Replay.Options(
                    path: file, address: Endpoint(host: "127.0.0.1", port: 0))
                _ = try Player(capture, options, Interruption())
            }
        } throws: { "\($0)" == "\(file) has no row of a main" }
    }

    private static let mixed = """
        1.000 1 > SERVER a
        1.001 1 > POSITION events 4
        1.001 1 > POSITION caches 10
        1.002 1 > RDATA events 5 ["$5","!r","t",null,null]
        1.003 1 > RDATA caches 11 ["c",null,1]
        1.004 1 < PING 1
        1.004 1 > RDATA events batch ["$6","!r","t",null,null]
        1.004 1 > RDATA events 6 ["$7","!r","t",null,null]
        """
}

/// Counts what it reads.
private final class SlowReader: ChannelHandler {
    var bytes = 0
    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        self.bytes += bytes.byteCount
    }
}

/// Plays a capture to a worker for each set of streams.
private func play(
    _ options: Replay.Options, _ streams: [[StreamName]], _ dialect: Dialect,
    on loop: isolated EventLoop
) async throws -> (Player.Outcome, [[Delivery]]) {
    let capture = try await Capture(scanning: options.path, dialect: nil, on: loop)
    let player = try Player(capture, options, Interruption())
    var followers: [Task<[Delivery], Never>] = []
    let outcome = try await player.play(on: loop) { address in
        for wanted in streams {
            let worker = Worker(address, wanted, dialect)
            followers.append(loop.spawn { await worker.follow(on: loop) })
        }
    }
    var deliveries: [[Delivery]] = []
    for follower in followers { deliveries.append(await follower.value) }
    return (outcome, deliveries)
}
