internal import Bytes
internal import Glibc
internal import Reactor
internal import ReplicationWire

/// Plays a capture's connection to the workers of a replay. Lives on the command's loop.
final class Player {
    private let capture: Capture
    private let options: Replay.Options
    private let interruption: Interruption
    private let number: Int
    private let connection: Capture.Connection
    private let dialect: Dialect
    /// When the first line was recorded and when it was played.
    private var origin: (recorded: Int64, played: Instant)?
    private var lap: Int64 = 0
    private var rows = 0

    init(
        _ capture: Capture, _ options: Replay.Options, _ interruption: Interruption
    ) throws(Capture.Mistake) {
        self.capture = capture
        self.options = options
        self.interruption = interruption
        dialect = capture.dialect ?? .classic
        guard let number = options.connection ?? capture.richest else {
            throw Capture.Mistake(description: "\(capture.path) has no row of a main")
        }
        guard let connection = capture.connections[number], connection.rows > 0 else {
            throw Capture.Mistake(
                description: "\(capture.path): connection \(number) has no row of a main")
        }
        self.number = number
        self.connection = connection
    }

    /// How a replay went.
    struct Outcome {
        let rows: Int
        /// Rows times the workers that wanted them.
        let deliveredRows: Int
        /// The workers that were there when it began.
        let workers: Int
        let seconds: Double
        let cpuSeconds: Double
    }

    /// Listens, waits for the workers, plays, and lets the workers read all of it.
    func play(
        on loop: isolated EventLoop, listening: (SocketAddress) -> Void = { _ in }
    ) async throws -> Outcome {
        let server = ReplayServer(
            serverName: options.serverName, dialect: dialect,
            positions: connection.streams.mapValues(\.base), secret: try options.access.secret(),
            on: loop)
        let address = try await server.listen(
            at: options.address, security: try options.access.listenerSecurity(), on: loop)
        interruption.onInterrupt = { server.changed() }
        listening(address)
        await server.wait(on: loop) {
            self.isInterrupted || server.subscriberCount >= self.options.workers
        }
        let begin = (time: Instant.now, cpu: ProcessClock.cpu)
        let workers = server.subscriberCount
        repeat {
            try await playOnce(to: server, on: loop)
            lap += 1
        } while options.loops && !isInterrupted
        while !server.areAllDrained, !isInterrupted { await loop.sleep(for: .milliseconds(1)) }
        let outcome = Outcome(
            rows: rows, deliveredRows: server.deliveredRows, workers: workers,
            seconds: (Instant.now - begin.time).inSeconds,
            cpuSeconds: (ProcessClock.cpu - begin.cpu).inSeconds)
        await server.shutDown(on: loop)
        return outcome
    }

    private var isInterrupted: Bool { interruption.hasHappened }

    /// What is played, for people.
    var summary: String {
        let others = capture.connections.count { $0.value.rows > 0 } - 1
        let choice = others > 0 ? " of connection \(number) (there are \(others) more)" : ""
        let name = dialect == .named ? "named" : "classic"
        return "\(connection.rows) rows\(choice), \(name) dialect, once \(options.workers) "
            + "worker(s) have subscribed."
    }

    // MARK: Playing

    /// A line of the connection, in a chunk of whole lines.
    private struct Entry {
        let milliseconds: Int64
        let main: MainLine
        let range: Range<Int>
    }

    private func playOnce(to server: ReplayServer, on loop: isolated EventLoop) async throws {
        origin = nil
        var text = CaptureText()
        try await loop.readChunks(of: capture.file, chunkBytes: Capture.chunkBytes) { chunk in
            var lines = Lines()
            try text.append(chunk) { line, _ in try lines.append(line, number, dialect) }
            await play(lines, to: server, on: loop)
        }
        var lines = Lines()
        try text.finish { line, _ in try lines.append(line, number, dialect) }
        await play(lines, to: server, on: loop)
    }

    private struct Lines {
        var bytes: [UInt8] = []
        var entries: [Entry] = []

        mutating func append(_ line: RawSpan, _ number: Int, _ dialect: Dialect) throws {
            guard let entry = try CaptureLine(parsing: line), entry.direction == .fromMain,
                entry.connection == number
            else { return }
            let sent = line.extracting(droppingFirst: entry.start)
            let main = try MainLine(reading: sent, dialect: dialect)
            guard main.kind != .own else { return }
            let start = bytes.count
            sent.withUnsafeBytes { bytes.append(contentsOf: $0) }
            entries.append(
                Entry(
                    milliseconds: entry.milliseconds, main: main, range: start..<bytes.count))
        }
    }

    private func play(
        _ lines: Lines, to server: ReplayServer, on loop: isolated EventLoop
    ) async {
        var block = ReplayBlock()
        for entry in lines.entries {
            if block.isFull || (!block.isEmpty && wait(for: entry) > .zero) {
                await send(exchange(&block, with: ReplayBlock()), to: server, on: loop)
            }
            if wait(for: entry) > .zero {
                await pause(until: entry, server, on: loop)
            }
            guard !isInterrupted else { return }
            if case .position(let stream, let token) = entry.main.kind {
                // What the first answer said, every worker is told when it asks.
                let known = max(
                    server.positions[stream] ?? .min, block.positions[stream] ?? .min)
                guard token + offset(of: stream) > known else { continue }
            }
            let line = lines.bytes.span.bytes.extracting(entry.range)
            block.append(line, entry.main, movedBy: offset(of: entry.main.place.stream))
        }
        if !block.isEmpty { await send(block, to: server, on: loop) }
    }

    /// What a token of this lap is higher by than the file's.
    private func offset(of stream: StreamName?) -> Int64 {
        guard lap > 0, let stream, let span = connection.streams[stream] else { return 0 }
        return lap * (span.last - span.base)
    }

    private func send(
        _ block: ReplayBlock, to server: ReplayServer, on loop: isolated EventLoop
    ) async {
        await server.wait(on: loop) {
            self.isInterrupted || (server.subscriberCount > 0 && server.areAllWritable)
        }
        guard !isInterrupted else { return }
        server.send(block, on: loop)
        rows += block.rows
    }

    // MARK: Timing

    private func wait(for entry: Entry) -> Duration {
        guard let speed = options.speed else { return .zero }
        let origin = origin ?? (entry.milliseconds, Instant.now)
        self.origin = origin
        let offset = Double(entry.milliseconds - origin.recorded) / 1000 / speed
        return .seconds(offset) - (Instant.now - origin.played)
    }

    /// Sleeps until an entry is due; Ctrl-C ends it early.
    private func pause(
        until entry: Entry, _ server: ReplayServer, on loop: isolated EventLoop
    ) async {
        var isDue = false
        let timer = loop.schedule(after: wait(for: entry)) {
            isDue = true
            server.changed()
        }
        await server.wait(on: loop) { isDue || self.isInterrupted }
        loop.cancel(timer)
    }
}

/// The CPU time of this process.
enum ProcessClock {
    static var cpu: Duration {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
}

extension Double {
    /// The number with so many digits behind its point.
    func rounded(to places: Int) -> Double {
        var scale = 1.0
        for _ in 0..<places { scale *= 10 }
        return (self * scale).rounded() / scale
    }
}
