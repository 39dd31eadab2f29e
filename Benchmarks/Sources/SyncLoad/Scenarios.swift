import Glibc
import Reactor

/// What is measured, each by its name.
struct Scenarios {
    let options: Options
    let crowd: Crowd
    private var recorder: Recorder { crowd.recorder }

    init(_ options: Options) throws {
        self.options = options
        crowd = try Crowd(options)
    }

    func run(on loop: isolated EventLoop) async throws -> [Measurement] {
        try await crowd.gather(on: loop)
        try await crowd.makeClients(on: loop)
        let results =
            switch options.scenario {
            case "lockstep": try await lockstep(on: loop)
            case "open": try await open(on: loop)
            case "idle": try await idle(on: loop)
            case "noop": try await noop(on: loop)
            case "initial": try await initial(on: loop)
            case "herd": try await herd(on: loop)
            default: throw Failure("there is no scenario \(options.scenario)\n\(Options.usage)")
            }
        let resident = options.processes.map {
            Measurement("\($0.name) memory", $0.memoryBytes / 1e6, "MB")
        }
        crowd.leave(on: loop)
        try crowd.keepState()
        return results + resident
    }

    // MARK: Messages

    private func lockstep(on loop: isolated EventLoop) async throws -> [Measurement] {
        try await crowd.catchUp(on: loop)
        crowd.park(on: loop)
        let waves = Waves(crowd)
        try await waves.run(0..<options.warmUp, on: loop)
        recorder.reset()
        waves.reset()
        let cost = try await Cost(options, on: loop)
        try await waves.run(options.warmUp..<options.warmUp + options.messages, on: loop)
        let results = try await cost.measurements(
            per: recorder.deliveries, "delivery", on: loop)
        let times = Percentiles(waves.seconds.map { $0 * 1000 })
        return results + [
            Measurement("wave p50", times[0.5], "ms"), Measurement("wave p99", times[0.99], "ms"),
            Measurement("wave max", times.max, "ms"),
            Measurement(
                "bytes", Double(recorder.answeredBytes) / Double(max(1, recorder.answers)),
                "per answer"),
        ] + latencies
    }

    private func open(on loop: isolated EventLoop) async throws -> [Measurement] {
        try await crowd.catchUp(on: loop)
        crowd.park(on: loop)
        try await Waves(crowd).run(0..<options.warmUp, on: loop)
        recorder.reset()
        let cost = try await Cost(options, on: loop)
        let began = loop.now
        let total = Int(options.rate * options.seconds)
        var numbers = [Int](repeating: options.warmUp, count: crowd.rooms.count)
        var expected = 0
        var sends: [Task<Void, Never>] = []
        // A room's next message waits for the acknowledgement of its last, so that their order is known.
        var busy = [Task<Void, Never>?](repeating: nil, count: crowd.rooms.count)
        for index in 0..<total {
            let due = began + .nanoseconds(Int64(Double(index) / options.rate * 1e9))
            if due > Instant.now { await loop.sleep(for: due - Instant.now) }
            let room = index % crowd.rooms.count
            let number = numbers[room]
            numbers[room] += 1
            expected += crowd.rooms[room].readers
            let before = busy[room]
            let send = loop.spawn {
                await before?.value
                do { try await self.crowd.say(room, number, on: loop) } catch {
                    self.recorder.failed("\(error)")
                }
            }
            busy[room] = send
            sends.append(send)
        }
        for send in sends { await send.value }
        let limit = loop.now + .seconds(60)
        while recorder.deliveries < expected, loop.now < limit {
            await loop.sleep(for: .milliseconds(1))
        }
        if recorder.deliveries < expected {
            recorder.failed(
                "\(expected - recorder.deliveries) deliveries are missing after a minute")
        }
        return try await cost.measurements(per: recorder.deliveries, "delivery", on: loop)
            + latencies
    }

    private var latencies: [Measurement] {
        let times = Percentiles(recorder.latencies.map { Double($0) / 1e6 })
        return [
            Measurement("latency p50", times[0.5], "ms"),
            Measurement("latency p99", times[0.99], "ms"),
            Measurement("latency max", times.max, "ms"),
        ]
    }

    // MARK: Waiting and asking

    private func idle(on loop: isolated EventLoop) async throws -> [Measurement] {
        // What is there once for all clients, such as the rooms' members, comes with the first few.
        let few = min(crowd.clients.count - 1, max(1, crowd.clients.count / 50))
        try await crowd.catchUp(0..<few, on: loop)
        crowd.park(0..<few, on: loop)
        await loop.sleep(for: .seconds(1))
        let before = options.processes.map(\.memoryBytes)
        try await crowd.catchUp(few..<crowd.clients.count, on: loop)
        crowd.park(few..<crowd.clients.count, on: loop)
        await loop.sleep(for: .seconds(1))
        let cost = try await Cost(options, on: loop)
        await loop.sleep(for: .nanoseconds(Int64(options.seconds * 1e9)))
        let count = crowd.clients.count
        var results = try await cost.measurements(per: count, "client", on: loop)
        for (index, process) in options.processes.enumerated() {
            results.append(
                Measurement(
                    "\(process.name) memory per client",
                    (process.memoryBytes - before[index]) / Double(max(1, count - few)), "B"))
        }
        return results
    }

    private func noop(on loop: isolated EventLoop) async throws -> [Measurement] {
        try await crowd.catchUp(on: loop)
        let clients = Array(crowd.clients.dropFirst(options.first).prefix(options.atOnce))
        for client in clients { client.setQuery(crowd.query(timeout: 0)) }
        recorder.reset()
        let cost = try await Cost(options, on: loop)
        let times = try await ask(clients, options.requests, on: loop)
        return try await cost.measurements(per: recorder.answers, "sync", on: loop)
            + durations(times)
    }

    private func initial(on loop: isolated EventLoop) async throws -> [Measurement] {
        let clients = Array(crowd.clients.dropFirst(options.first).prefix(options.atOnce))
        for client in clients { client.setQuery(crowd.query(timeout: 0)) }
        try await restart(on: loop)
        recorder.reset()
        let cost = try await Cost(options, on: loop)
        let times = try await ask(clients, options.requests, initially: true, on: loop)
        return try await cost.measurements(per: recorder.answers, "sync", on: loop)
            + durations(times)
            + [
                Measurement(
                    "bytes", Double(recorder.answeredBytes) / Double(max(1, recorder.answers)),
                    "per answer")
            ]
    }

    private func herd(on loop: isolated EventLoop) async throws -> [Measurement] {
        try await crowd.catchUp(on: loop)
        for client in crowd.clients {
            client.close(on: loop)
            client.setQuery(crowd.query(timeout: 0))
        }
        try await restart(on: loop)
        recorder.reset()
        let cost = try await Cost(options, on: loop)
        let times = try await ask(crowd.clients, 1, on: loop)
        return try await cost.measurements(per: recorder.answers, "sync", on: loop)
            + durations(times)
    }

    private func restart(on loop: isolated EventLoop) async throws {
        guard let command = options.restart else { return }
        for client in crowd.clients { client.close(on: loop) }
        _ = try await loop.offload { () throws -> String in try shell(command) }
    }

    /// Has each client ask so many times, all clients at once; returns the milliseconds of each request.
    private func ask(
        _ clients: [SyncClient], _ requests: Int, initially: Bool = false,
        on loop: isolated EventLoop
    ) async throws -> [Double] {
        var times: [Double] = []
        let tasks = clients.map { client in
            loop.spawn {
                for _ in 0..<requests {
                    if initially { client.forget() }
                    let began = Instant.now
                    do { try await client.pollAndWait(on: loop) } catch {
                        return self.recorder.failed("\(error)")
                    }
                    times.append((Instant.now - began).inSeconds * 1000)
                }
            }
        }
        for task in tasks { await task.value }
        return times
    }

    private func durations(_ times: [Double]) -> [Measurement] {
        let times = Percentiles(times)
        return [
            Measurement("time p50", times[0.5], "ms"), Measurement("time p99", times[0.99], "ms"),
            Measurement("time max", times.max, "ms"),
        ]
    }
}

/// Messages of which each goes out when all members of its room have the one before.
final class Waves {
    private let crowd: Crowd
    private var missing: [Int]
    private var waiters: [UnsafeContinuation<Bool, Never>?]
    private(set) var seconds: [Double] = []

    init(_ crowd: Crowd) {
        self.crowd = crowd
        missing = crowd.rooms.map { _ in 0 }
        waiters = crowd.rooms.map { _ in nil }
        crowd.recorder.onDelivery = { marker, _ in
            self.missing[marker.room] -= 1
            if self.missing[marker.room] == 0 {
                self.waiters[marker.room].take()?.resume(returning: true)
            }
        }
    }

    func reset() { seconds = [] }

    /// Sends the messages of these numbers in every room, all rooms at once.
    func run(_ numbers: Range<Int>, on loop: isolated EventLoop) async throws {
        var failure: (any Error)?
        let tasks = crowd.rooms.indices.map { room in
            loop.spawn {
                for number in numbers where failure == nil {
                    do { try await self.wave(room, number, on: loop) } catch { failure = error }
                }
            }
        }
        for task in tasks { await task.value }
        if let failure { throw failure }
    }

    private func wave(_ room: Int, _ number: Int, on loop: isolated EventLoop) async throws {
        missing[room] = crowd.rooms[room].readers
        let began = Instant.now
        try await crowd.say(room, number, on: loop)
        if missing[room] > 0 {
            let timer = loop.schedule(after: .seconds(60)) {
                self.waiters[room].take()?.resume(returning: false)
            }
            let isComplete = await withUnsafeContinuation(isolation: loop) { waiters[room] = $0 }
            loop.cancel(timer)
            guard isComplete else {
                throw Failure(
                    "\(missing[room]) members of a room have not got message \(number) after a minute"
                        + " (\(crowd.recorder.failures))")
            }
        }
        seconds.append((Instant.now - began).inSeconds)
    }
}
