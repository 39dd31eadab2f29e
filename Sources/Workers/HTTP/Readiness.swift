internal import Configuration
internal import HTTPServer
internal import HTTPWire
internal import JSON
internal import Postgres
internal import Reactor
internal import Replication
internal import ReplicationWire
internal import Services
internal import Storage

/// Whether a process can do its work now, which `/ready` tells: a load balancer or a supervisor looks there before
/// it sends clients. Lives on the loop.
final class Readiness {
    /// How long the database may take for an answer to nothing.
    private static let patience = Duration.seconds(2)

    private let pool: PostgresPool
    private let limits: ReadinessConfiguration
    /// What a worker follows.
    var replication: (client: ReplicationClient, streams: [StreamName])?
    /// What computes answers to /sync, where there is one.
    weak var engine: SyncEngine?

    init(_ pool: PostgresPool, _ limits: ReadinessConfiguration) {
        self.pool = pool
        self.limits = limits
    }

    /// One thing that must be in order.
    struct Check {
        let name: String
        /// What is wrong; nil if it is in order.
        let reason: String?
        var figures: [String: JSON] = [:]

        fileprivate var json: JSON {
            var members = figures
            members["ready"] = .bool(reason == nil)
            members["reason"] = reason.map { JSON.string($0) }
            return JSON(members)
        }
    }

    /// `GET /ready`: 200, or 503 if something is not in order, with a JSON object that says what.
    func answer(on loop: isolated EventLoop) async -> HTTPResponse {
        let checks = await checks(on: loop)
        let isReady = checks.allSatisfy { $0.reason == nil }
        let json = JSON([
            "ready": .bool(isReady),
            "checks": JSON(
                Dictionary(uniqueKeysWithValues: checks.map { ($0.name, $0.json) })),
        ])
        return .json(json.bytes, status: isReady ? .ok : .serviceUnavailable)
    }

    func checks(on loop: isolated EventLoop) async -> [Check] {
        var checks = [queue]
        if let (client, streams) = replication {
            checks.append(
                Check(
                    name: "replication",
                    reason: client.isConnected ? nil : "the main process is not reached"))
            checks.append(lag(client, streams, on: loop))
        }
        checks.append(await database(on: loop))
        return checks
    }

    private func lag(
        _ client: ReplicationClient, _ streams: [StreamName], on loop: isolated EventLoop
    ) -> Check {
        let lags = streams.map { ($0, client.lag(of: $0, on: loop)) }
        let behind = lags.max { $0.1.behind < $1.1.behind }
        let rows = lags.compactMap { $0.1.tokensBehind }.max()
        let seconds = behind?.1.behind ?? .zero
        var reason: String?
        if let stream = behind?.0, seconds > limits.lagMax {
            reason = "\(stream) is more than \(limits.lagMax.inSeconds) s behind"
        }
        var figures: [String: JSON] = ["seconds": .double(seconds.inSeconds)]
        figures["rows"] = rows.map { JSON.integer($0) }
        return Check(name: "lag", reason: reason, figures: figures)
    }

    private var queue: Check {
        let statements = pool.statistics.waiting
        let syncs = engine?.queuedRequests ?? 0
        var reason: String?
        if statements + syncs > limits.queueMax {
            reason = "more than \(limits.queueMax) requests wait for the database"
        }
        return Check(
            name: "queue", reason: reason,
            figures: [
                "statements": .integer(Int64(statements)), "syncs": .integer(Int64(syncs)),
            ])
    }

    private func database(on loop: isolated EventLoop) async -> Check {
        let begun = Instant.now
        let race = Race()
        let timer = loop.schedule(after: Self.patience) {
            race.end("it has not answered within \(Self.patience.inSeconds) s")
        }
        let pool = pool
        loop.spawn {
            do throws(PostgresError) {
                try await DatabaseProbe.ask(pool, on: loop)
                race.end(nil)
            } catch {
                race.end("\(error)")
            }
        }
        let reason = await race.outcome(on: loop)
        loop.cancel(timer)
        return Check(
            name: "database", reason: reason,
            figures: ["seconds": .double((Instant.now - begun).inSeconds)])
    }
}

/// The first of two things to come about.
private final class Race {
    private var hasEnded = false
    private var reason: String?
    private var waiter: UnsafeContinuation<Void, Never>?

    func end(_ outcome: String?) {
        guard !hasEnded else { return }
        hasEnded = true
        reason = outcome
        waiter.take()?.resume()
    }

    func outcome(on loop: isolated EventLoop) async -> String? {
        if !hasEnded { await withUnsafeContinuation(isolation: loop) { waiter = $0 } }
        return reason
    }
}

/// Carries what lives on a loop into the handlers of routes, which run there but must not capture it.
final class LoopBox<Value>: @unchecked Sendable {
    // Safe to share: `value` is only handed out to code that is isolated to `loop`, where it lives.
    private let held: Value
    private let loop: EventLoop

    init(_ value: Value, on loop: isolated EventLoop) {
        held = value
        self.loop = loop
    }

    /// The value, on its own loop.
    func value(on loop: isolated EventLoop) -> Value {
        precondition(loop === self.loop, "what lives on one loop was asked for on another")
        return held
    }
}
