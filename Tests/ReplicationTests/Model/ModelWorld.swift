import Reactor
import ReactorTesting
import ReplicationWire

@testable import Replication

/// A database, a main process that comes and goes, and workers that come and go, on a simulated
/// network. One schedule is what a seed makes of them.
final class ModelWorld {
    /// How a schedule differs from others before it begins.
    struct Setting {
        let dialect: Dialect
        let secret: ReplicationSecret?
        let pageRows: Int
        let queuedCommandsMax: Int
        let waitingRowsMax: Int
        let highWaterMark: Int

        init(_ random: inout Seeded) {
            dialect = random.below(3) == 0 ? .named : .classic
            secret = random.below(4) == 0 ? ReplicationSecret("sesame") : nil
            pageRows = 1 + random.below(8)
            // Enough for the answers to all questions of a new connection, or nobody ever gets in.
            queuedCommandsMax = random.below(2) == 0 ? 40 + random.below(40) : 10_000
            waitingRowsMax = random.below(2) == 0 ? 1 + random.below(6) : 10_000
            highWaterMark = random.below(2) == 0 ? 400 : 1 << 16
        }

        static func faults(_ random: inout Seeded) -> NetworkFaults {
            var faults = random.below(3) == 0 ? NetworkFaults() : NetworkFaults.rough
            faults.latencyMax = .milliseconds(random.below(30))
            faults.resets = random.below(3) == 0 ? 0.02 : 0
            faults.failedConnections = random.below(3) == 0 ? 0.2 : 0
            faults.window = random.below(2) == 0 ? 300 + random.below(1000) : 1 << 16
            return faults
        }
    }

    let database = ModelDatabase()
    let setting: Setting
    private let address = SocketAddress.loopback(port: 9092)
    private var main: ModelMain?
    private var workers: [ModelWorker] = []
    private var random: Seeded
    private var runs = 0
    private var numbers = 0
    /// Whether to print what happens, for the study of one schedule.
    var tells = false
    /// Server and delegates of dead mains: their tasks may still read from them.
    private var graveyard: [ModelMain] = []

    init(_ random: Seeded) {
        self.random = random
        setting = Setting(&self.random)
    }

    // MARK: The schedule

    /// Lets things happen, then mends everything. Returns what is wrong at the end; empty is right.
    func play(steps: Int, on loop: isolated EventLoop) async -> [String] {
        startMain(on: loop)
        for _ in 0..<random.below(6) { write(on: loop) }
        addWorkers(on: loop)
        for _ in 0..<steps {
            step(on: loop)
            switch random.below(12) {
            case 0: await loop.sleep(for: .milliseconds(random.below(400)))
            case 1: await loop.sleep(for: .seconds(random.below(7)))
            case 2, 3: break
            default: await loop.sleep(for: .milliseconds(random.below(20)))
            }
        }
        await mend(on: loop)
        let begun = loop.now
        var wrongs: [String] = []
        // What comes twice may come late, so it must be right twice, with a while in between.
        for _ in 0..<2 {
            repeat {
                await loop.sleep(for: .milliseconds(100 + random.below(300)))
                wrongs = self.wrongs(on: loop)
            } while !wrongs.isEmpty && loop.now - begun < .seconds(200)
        }
        for worker in workers { worker.kill(on: loop) }
        main?.server.abort(on: loop)
        return wrongs
    }

    private func addWorkers(on loop: isolated EventLoop) {
        for index in 0...random.below(3) {
            var streams = ModelDatabase.streams + [.typing]
            if index == 0 { streams.append(.federation) }
            streams.shuffle(using: &random)
            var starts: [StreamName: Int64] = [:]
            if index < 2 {
                for stream in ModelDatabase.streams {
                    starts[stream] = Int64(random.below(Int(main?.position(of: stream) ?? 0) + 1))
                }
            }
            let worker = ModelWorker("w\(index)", streams, startingAt: starts)
            workers.append(worker)
            start(worker, on: loop)
        }
    }

    private func step(on loop: isolated EventLoop) {
        let kind = random.below(30)
        if tells {
            let place = { (stream: StreamName) in
                self.workers.map {
                    "\($0.client?.connection == nil ? "-" : "+")\($0.stored[stream] ?? -1)"
                }
            }
            print(loop.now, kind, main?.run ?? 0, main?.position(of: .events) ?? -1, place(.events))
        }
        switch kind {
        case 0..<8: write(on: loop)
        case 8..<15: endOne(on: loop)
        case 15..<17: type(on: loop)
        case 17..<19: sendOut(on: loop)
        case 19..<21: cut(on: loop)
        case 21..<23: stall(on: loop)
        case 23: killWorker(on: loop)
        case 24, 25: reviveWorkers(on: loop)
        case 26: stopMain(on: loop)
        case 27: if main == nil { startMain(on: loop) }
        case 28: burst(on: loop)
        default: sync(on: loop)
        }
    }

    // MARK: What may happen

    private func startMain(on loop: isolated EventLoop) {
        runs += 1
        var options = ReplicationServer.Options(serverName: "example.org")
        options.dialect = setting.dialect
        options.secret = setting.secret
        options.pageRows = setting.pageRows
        options.queuedCommandsMax = setting.queuedCommandsMax
        options.waitingRowsMax = setting.waitingRowsMax
        options.highWaterMark = setting.highWaterMark
        options.run = UInt64(runs)
        let main = ModelMain(database, run: runs, options, seed: random.next())
        guard (try? main.server.listen(on: address, on: loop)) != nil else { return }
        self.main = main
    }

    private func stopMain(on loop: isolated EventLoop) {
        guard let main else { return }
        self.main = nil
        graveyard.append(main)
        if random.below(3) == 0 {
            loop.spawn { await main.server.shutDown(on: loop) }
        } else {
            main.die(&random, on: loop)
            // At times so fast that no worker notices before its next attempt.
            if random.below(2) == 0 { startMain(on: loop) }
        }
    }

    private func write(on loop: isolated EventLoop) {
        guard let main else { return }
        let stream = ModelDatabase.streams[random.below(ModelDatabase.streams.count)]
        let count = random.below(4) == 0 ? 1 + random.below(5) : 1
        let rows = (0..<count).map { _ in number() }
        main.begin(stream, rows: rows, gap: Int64(random.below(5) / 4))
        if random.below(2) == 0 { endOne(on: loop) }
    }

    private func burst(on loop: isolated EventLoop) {
        for _ in 0..<10 + random.below(30) { write(on: loop) }
        while let main, main.openTransactions > 0 { endOne(on: loop) }
    }

    private func endOne(on loop: isolated EventLoop) {
        guard let main, main.openTransactions > 0 else { return }
        main.end(
            random.below(main.openTransactions), commits: random.below(8) > 0, on: loop)
    }

    private func number() -> Int {
        numbers += 1
        return numbers
    }

    private func type(on loop: isolated EventLoop) {
        let users = (0..<random.below(3)).map { "@u\($0)" }
        main?.type(users, in: "!r\(random.below(3))", on: loop)
    }

    private func sendOut(on loop: isolated EventLoop) {
        main?.sendOut(number(), on: loop)
        guard random.below(3) == 0, let worker = workers.first else { return }
        let ack = FederationAck(token: worker.federationPosition)
        worker.client?.send(.federationAck(ack), on: loop)
    }

    private func cut(on loop: isolated EventLoop) {
        if random.below(2) == 0 {
            workers[random.below(workers.count)].client?.connection?.channel.abort(on: loop)
        } else if let connections = main?.server.connections, !connections.isEmpty {
            let keys = connections.keys.sorted()
            connections[keys[random.below(keys.count)]]?.abort(on: loop)
        }
    }

    private func stall(on loop: isolated EventLoop) {
        let channel = workers[random.below(workers.count)].client?.connection?.channel
        if random.below(2) == 0 {
            channel?.pauseReading(on: loop)
        } else {
            channel?.resumeReading(on: loop)
        }
    }

    private func killWorker(on loop: isolated EventLoop) {
        let index = random.below(workers.count)
        // What the one with federation had acknowledged is gone for good, so it is left alone.
        guard index > 0 else { return }
        workers[index].kill(on: loop)
        if random.below(2) == 0 { start(workers[index], on: loop) }
    }

    private func reviveWorkers(on loop: isolated EventLoop) {
        for worker in workers where worker.client == nil { start(worker, on: loop) }
    }

    private func start(_ worker: ModelWorker, on loop: isolated EventLoop) {
        var options = ReplicationClient.Options(
            host: "127.0.0.1", port: 9092, name: worker.name, serverName: "example.org")
        options.dialect = setting.dialect
        options.secret = setting.secret
        options.connectTimeout = .seconds(2)
        worker.start(options, on: loop)
    }

    private func sync(on loop: isolated EventLoop) {
        let worker = workers[random.below(workers.count)]
        worker.client?.userSync(
            "@u\(random.below(3))", isSyncing: random.below(2) == 0, lastSyncMilliseconds: 1,
            on: loop)
    }

    // MARK: The end

    private func mend(on loop: isolated EventLoop) async {
        // The port of one that is shutting down is free a turn later.
        await loop.sleep(for: .milliseconds(1))
        if main == nil { startMain(on: loop) }
        while let main, main.openTransactions > 0 { endOne(on: loop) }
        reviveWorkers(on: loop)
        for worker in workers { worker.client?.connection?.channel.resumeReading(on: loop) }
        // The last rows go to whoever is connected, wherever it is.
        for _ in 0..<3 { write(on: loop) }
        while let main, main.openTransactions > 0 { endOne(on: loop) }
    }

    private func wrongs(on loop: isolated EventLoop) -> [String] {
        guard let main else { return ["the main could not listen"] }
        var wrongs: [String] = []
        for worker in workers {
            wrongs += worker.faults.map { "\(worker.name): \($0)" }
            for stream in ModelDatabase.streams { check(worker, stream, &wrongs, on: loop) }
            if worker.typing != main.typing {
                wrongs.append("\(worker.name): typing is \(worker.typing), not \(main.typing)")
            }
        }
        if let worker = workers.first, worker.federation != main.federationRows {
            wrongs.append(
                "federation: \(worker.federation.count) rows, not \(main.federationRows.count)")
        }
        let syncing = workers.flatMap { $0.client?.link.syncingUsers.keys.map(\.self) ?? [] }
        let known = main.syncing.values.flatMap { $0 }
        if syncing.sorted() != known.sorted() { wrongs.append("syncing: \(known), not \(syncing)") }
        return wrongs
    }

    private func check(
        _ worker: ModelWorker, _ stream: StreamName, _ wrongs: inout [String],
        on loop: isolated EventLoop
    ) {
        guard let start = worker.starts[stream] else {
            return wrongs.append("\(worker.name): no position of \(stream)")
        }
        // Also where the last tokens came to nothing, or a client's token would be waited for in vain.
        if let place = worker.client?.position(of: stream), let head = main?.position(of: stream),
            place < head
        {
            wrongs.append("\(worker.name): \(stream) is at \(place), not at \(head)")
        }
        let expected = (database.rows[stream] ?? []).filter { $0.token > start }
        let got = worker.rows[stream] ?? []
        if got != expected {
            wrongs.append(
                "\(worker.name): \(stream) from \(start): \(got.map(\.token)), "
                    + "not \(expected.map(\.token))")
        }
        guard let lag = worker.client?.lag(of: stream, on: loop), lag.state == .live else {
            let client = worker.client
            let channel = client?.connection?.channel
            return wrongs.append(
                "\(worker.name): \(stream) is not live, connected \(channel != nil) and "
                    + "\(client?.isConnected ?? false), closed \(channel?.isClosed ?? true), "
                    + "peers \(main?.server.peers.count ?? 0), "
                    + "connecting \(client?.isConnecting ?? false), running \(client?.isRunning ?? false), "
                    + "after \(worker.lastTrouble), at \(loop.now.nanoseconds)")
        }
        if lag.behind != .zero { wrongs.append("\(worker.name): \(stream) lags") }
    }
}
