import Bytes
import Glibc
import Reactor
import Replication
import ReplicationWire
import Synchronization
import Testing

/// Runs `body` as a task on a loop that the calling thread drives, and stops the loop after it.
func onLoop<Result: Sendable>(
    _ loop: @autoclosure () throws -> EventLoop = try EventLoop(),
    _ body: @escaping @Sendable (isolated EventLoop) async throws -> Result
) throws -> Result {
    let loop = try loop()
    let outcome = Mutex<Swift.Result<Result, any Error>?>(nil)
    let box = Shared(outcome)
    loop.submit { loop in
        // A test that waits for what never comes must end all the same; a simulated hour is nothing.
        loop.schedule(after: loop.backend == .auto ? .seconds(3600) : .seconds(120)) {
            Issue.record("gave up after two minutes, or a simulated hour")
            loop.stop()
        }
        do {
            let value = try await body(loop)
            box.value.withLock { $0 = .success(value) }
        } catch {
            box.value.withLock { $0 = .failure(error) }
        }
        loop.stop()
    }
    loop.run()
    return try #require(box.value.withLock { $0 }).get()
}

private final class Shared<Value: Sendable>: Sendable {
    let value: Mutex<Value>
    init(_ value: consuming sending Mutex<Value>) { self.value = value }
}

/// A generator with a seed (SplitMix64), so that a failure can be had again.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }
}

/// Lets one task wait until something that changes on the loop has come about.
final class Conditions {
    private var waiting: [(condition: () -> Bool, continuation: UnsafeContinuation<Void, Never>)] =
        []

    func wait(on loop: isolated EventLoop, until condition: @escaping () -> Bool) async {
        if condition() { return }
        await withUnsafeContinuation(isolation: loop) { waiting.append((condition, $0)) }
    }

    func changed() {
        let met = waiting.filter { $0.condition() }
        waiting.removeAll { entry in entry.condition() }
        for entry in met { entry.continuation.resume() }
    }
}

/// A stream kept in memory, whose reads take as many turns of the loop as the seed says.
final class LogSource: ReplicationSource {
    let stream: StreamName
    private(set) var log: [ReplicationUpdate] = []
    private(set) var currentToken: Int64
    private(set) var reads = 0
    private var random: Seeded
    var failures = 0

    init(_ stream: StreamName, startingAt token: Int64 = 0, seed: UInt64 = 0) {
        self.stream = stream
        currentToken = token
        random = Seeded(seed)
    }

    func append(_ updates: [ReplicationUpdate]) {
        log += updates
        currentToken = max(currentToken, updates.last?.token ?? 0)
    }

    func rows(
        from: Int64, upTo: Int64, limit: Int, on loop: isolated EventLoop
    ) async throws -> [ReplicationUpdate] {
        reads += 1
        if failures > 0 {
            failures -= 1
            throw SystemError("read", code: 5)
        }
        for _ in 0..<random.below(4) { await loop.yield() }
        let page = log.lazy.filter { $0.token > from && $0.token <= upTo }.prefix(limit)
        let rows = Array(page)
        for _ in 0..<random.below(4) { await loop.yield() }
        return rows
    }
}

/// What a worker was told.
final class Follower: ReplicationClientDelegate {
    var rows: [StreamName: [ReplicationUpdate]] = [:]
    var positions: [StreamName: Int64] = [:]
    var resets: [StreamName] = []
    var skipped: [StreamName: Int64] = [:]
    var commands: [ReplicationCommand] = []
    var errors: [String] = []
    var disconnections: [String] = []
    var connections = 0
    var failures = 0
    let conditions = Conditions()

    func rows(
        _ stream: StreamName, _ rows: [ReplicationRow], position: Int64,
        on loop: isolated EventLoop
    ) {
        self.rows[stream, default: []] += rows.map {
            ReplicationUpdate(token: position, row: $0)
        }
        if let before = positions[stream], position < before {
            Issue.record("\(stream) went back from \(before) to \(position)")
        }
        positions[stream] = position
        conditions.changed()
    }

    func positionChanged(_ stream: StreamName, to position: Int64, on loop: isolated EventLoop) {
        positions[stream] = position
        conditions.changed()
    }

    func streamReset(_ stream: StreamName, on loop: isolated EventLoop) {
        resets.append(stream)
        rows[stream] = []
        positions[stream] = nil
        conditions.changed()
    }

    func streamSkipped(_ stream: StreamName, to position: Int64, on loop: isolated EventLoop) {
        skipped[stream] = position
        positions[stream] = position
        conditions.changed()
    }

    func connected(on loop: isolated EventLoop) {
        connections += 1
        conditions.changed()
    }

    func disconnected(reason: String, on loop: isolated EventLoop) {
        disconnections.append(reason)
        conditions.changed()
    }

    func connectionFailed(_ error: any Error, on loop: isolated EventLoop) {
        failures += 1
        conditions.changed()
    }

    func received(_ command: ReplicationCommand, on loop: isolated EventLoop) {
        commands.append(command)
        conditions.changed()
    }

    func errorReported(_ text: String, on loop: isolated EventLoop) { errors.append(text) }
}

/// What a main was told.
final class Host: ReplicationServerDelegate {
    var syncs: [UserSync] = []
    var gone: [[String]] = []
    var commands: [ReplicationCommand] = []
    var reasons: [String] = []
    var names: [String?] = []
    var sourceFailures = 0
    let conditions = Conditions()

    func userSync(_ sync: UserSync, at peer: ReplicationPeer, on loop: isolated EventLoop) {
        syncs.append(sync)
        conditions.changed()
    }

    func usersGone(
        _ users: [String], at peer: ReplicationPeer, on loop: isolated EventLoop
    ) {
        gone.append(users)
        conditions.changed()
    }

    func received(
        _ command: ReplicationCommand, from peer: ReplicationPeer, on loop: isolated EventLoop
    ) {
        commands.append(command)
        conditions.changed()
    }

    func sourceFailed(
        _ stream: StreamName, _ error: any Error, on loop: isolated EventLoop
    ) {
        sourceFailures += 1
    }

    func disconnected(_ peer: ReplicationPeer, reason: String, on loop: isolated EventLoop) {
        reasons.append(reason)
        names.append(peer.name)
        conditions.changed()
    }
}

/// A connection that speaks as the test pleases.
final class RawPeer: ChannelHandler {
    var lines: [String] = []
    private(set) var isClosed = false
    var answer: ((String, Channel) -> Void)?
    private var unfinished: [UInt8] = []
    let conditions = Conditions()

    static func connect(
        to address: SocketAddress, on loop: isolated EventLoop
    ) async throws -> (RawPeer, Channel) {
        let peer = RawPeer()
        let channel = try await loop.connect(to: address, timeout: .seconds(10)) { _ in peer }
        return (peer, channel)
    }

    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        unfinished += bytes.array
        while let end = unfinished.firstIndex(of: 0x0A) {
            let line = String(decoding: unfinished[..<end], as: UTF8.self)
            unfinished.removeSubrange(...end)
            lines.append(line)
            answer?(line, channel)
        }
        conditions.changed()
    }

    func closed(_ channel: Channel, reason: CloseReason, on loop: isolated EventLoop) {
        isClosed = true
        conditions.changed()
    }
}

extension Channel {
    func write(_ text: String, on loop: isolated EventLoop) {
        write(Array(text.utf8), on: loop)
    }
}

func eventRow(_ number: Int) -> ReplicationRow {
    .event(EventStreamRow(eventID: "$\(number)", roomID: "!r/ü", type: "m.room.message"))
}

/// A number from the environment.
func variable(_ name: String) -> Int? {
    guard let text = getenv(name) else { return nil }
    return Int(String(cString: text))
}
