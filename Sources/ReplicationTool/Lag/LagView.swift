internal import Bytes
internal import HTTPClient
internal import HTTPWire
internal import Reactor
internal import Replication
internal import ReplicationWire

/// Watches a main's streams through one connection, and workers through their metrics.
///
/// The port tells a stream's position when a worker asks, and with each row. So what can be known
/// is: where the main is, how fast it goes on, and how long it takes from a question to its answer
/// behind everything that waits for the same connection. How far others are behind the port does
/// not tell; their metrics do.
final class LagView: FollowerOutput {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private struct Traffic {
        var rows = 0
        var lastRow: Instant?
    }

    private let following: Following
    private let output: LineOutput
    private let metrics: [String]
    private let http: HTTPClient?
    private var traffic: [StreamName: Traffic] = [:]
    private var lastTable: Instant
    private var askedAt: Instant?
    private var answer: Duration?
    private var isStopped = false

    init(
        _ following: Following, _ output: LineOutput, metrics: [String],
        on loop: isolated EventLoop
    ) throws {
        self.following = following
        self.output = output
        self.metrics = metrics
        http = metrics.isEmpty ? nil : try HTTPClient(on: loop)
        lastTable = loop.now
    }

    func stop(on loop: isolated EventLoop) {
        isStopped = true
        http?.close(on: loop)
    }

    // MARK: The connection

    func rows(
        _ stream: StreamName, _ rows: [ReplicationRow], position: Int64,
        on loop: isolated EventLoop
    ) {
        traffic[stream, default: Traffic()].rows += rows.count
        traffic[stream]?.lastRow = loop.now
    }

    func line(_ line: RawSpan, isFromMain: Bool, on loop: isolated EventLoop) {
        guard isFromMain, let asked = askedAt, line.starts(with: "POSITION ") else { return }
        // Not `loop.now`, which is when the turn began.
        guard isAnswer(line) else { return }
        answer = Instant.now - asked
        askedAt = nil
    }

    func connectionEvent(_ text: String, on loop: isolated EventLoop) {
        askedAt = nil
        answer = nil
    }

    /// Asks for a stream that is followed already. The main answers with a position, behind all
    /// that it has for this connection.
    private func ask(_ client: ReplicationClient, on loop: isolated EventLoop) {
        guard askedAt == nil, client.isConnected else { return }
        let question: Subscription =
            following.dialect == .named ? .all : .stream(Self.asked, from: .now)
        if client.send(.replicate(question), on: loop) { askedAt = Instant.now }
    }

    /// A stream of every main, on which little happens: its rows are of no use here.
    private static let asked = StreamName.pushers

    private func isAnswer(_ line: RawSpan) -> Bool {
        following.dialect == .named || line.starts(with: "POSITION pushers ")
    }

    // MARK: Tables

    /// Prints a table after each interval.
    func watch(
        _ follower: Follower, every interval: Duration, count: Int?, on loop: isolated EventLoop
    ) async {
        var left = count
        while !isStopped {
            ask(follower.client, on: loop)
            await loop.sleep(for: interval)
            let workers = await readMetrics(within: interval, on: loop)
            guard !isStopped else { return }
            output.append(table(follower.client, workers, on: loop).text, on: loop)
            left = left.map { $0 - 1 }
            if left == 0 { return follower.end(0) }
        }
    }

    private func table(
        _ client: ReplicationClient, _ workers: [LagTable.Worker], on loop: isolated EventLoop
    ) -> LagTable {
        let seconds = max((loop.now - lastTable).inSeconds, 0.001)
        lastTable = loop.now
        let rows = following.streams.streams.compactMap { stream -> LagTable.Row? in
            guard let position = client.position(of: stream) else { return nil }
            let seen = traffic[stream] ?? Traffic()
            traffic[stream]?.rows = 0
            return LagTable.Row(
                stream: stream.name, position: position,
                rowsPerSecond: Double(seen.rows) / seconds,
                lastRow: seen.lastRow.map { (loop.now - $0).inSeconds },
                here: client.lag(of: stream, on: loop))
        }
        return LagTable(
            time: WallTime.now.clock, main: "\(following.main)", state: state(client), rows: rows,
            workers: workers)
    }

    private func state(_ client: ReplicationClient) -> String {
        guard client.isConnected else { return "not connected" }
        if let askedAt {
            let waited = (Instant.now - askedAt).inSeconds.rounded(to: 1)
            return "connected, no answer for \(waited) s"
        }
        guard let answer else { return "connected" }
        return "connected, answers in \((answer.inSeconds * 1000).rounded(to: 2)) ms"
    }

    private func readMetrics(
        within limit: Duration, on loop: isolated EventLoop
    ) async -> [LagTable.Worker] {
        guard let http else { return [] }
        var workers: [LagTable.Worker] = []
        for url in metrics {
            var request = HTTPClientRequest(.get, url)
            request.timeout = max(limit, .seconds(1))
            request.bodyBytesMax = 4 << 20
            workers.append(
                LagTable.Worker(name: Self.name(of: url), metrics: await read(request, http, loop)))
        }
        return workers
    }

    private func read(
        _ request: HTTPClientRequest, _ http: HTTPClient, _ loop: isolated EventLoop
    ) async -> Result<WorkerMetrics, Failure> {
        do {
            let response = try await http.send(request, on: loop)
            guard response.status == 200 else {
                return .failure(Failure(description: "answers \(response.status.code)"))
            }
            return .success(WorkerMetrics(parsing: response.text))
        } catch {
            return .failure(Failure(description: "no metrics: \(error)"))
        }
    }

    /// The host and port of a URL, which tell workers apart.
    static func name(of url: String) -> String {
        let start = url.firstRange(of: "://")?.upperBound ?? url.startIndex
        return String(url[start...].prefix { $0 != "/" })
    }
}
