internal import Synchronization

/// Resolves names with getaddrinfo(3), hence by the system's rules, on threads of its own: a slow
/// name server must not hold up password hashing or files.
///
/// At most four look-ups run and 256 wait; beyond that they fail with
/// ``ResolutionError/Code/overloaded``. Equal ones under way are made once. There is no cache:
/// getaddrinfo(3) does not tell how long an answer holds, and the system's own resolver, which
/// knows, keeps what it may.
public final class SystemResolver: Resolver, Dependant {
    private struct Query: Hashable {
        var host: String
        var family: AddressFamily
    }

    private struct Waiter {
        var lookUp: LookUp
        var port: UInt16
        var answer: (Result<[SocketAddress], ResolutionError>) -> Void
    }

    /// What a thread and the loop both know of a query.
    private final class Progress: Sendable {
        enum Phase { case queued, started, abandoned }
        private let phase = Guarded(Phase.queued)

        func start() -> Bool { move(to: .started) }
        /// Fails once a thread is at it.
        func abandon() -> Bool { move(to: .abandoned) }

        private func move(to next: Phase) -> Bool {
            phase.withLock { phase in
                guard phase == .queued else { return false }
                phase = next
                return true
            }
        }
    }

    private final class Entry {
        let progress = Progress()
        var waiters: [Waiter] = []
    }

    private let pool: BlockingPool
    private let waitingMax: Int
    private let function: @Sendable (String, AddressFamily) throws -> [SocketAddress]
    private var entries: [Query: Entry] = [:]
    private var queries: [LookUp: Query] = [:]
    private var lastNumber: UInt64 = 0
    private var registration: UInt64?

    /// Look-ups that the system was asked to do so far; fewer than were asked for where some were
    /// equal.
    public private(set) var systemLookUps = 0

    /// A resolver with `threads` threads and room for `waiting` look-ups beyond those that run.
    public convenience init(threads: Int = 4, waiting: Int = 256) {
        self.init(threads: threads, waiting: waiting) { host, family in
            try SocketAddress.resolve(host: host, port: 0, family: family)
        }
    }

    init(
        threads: Int, waiting: Int,
        function: @escaping @Sendable (String, AddressFamily) throws -> [SocketAddress]
    ) {
        pool = BlockingPool(name: "resolver", threadsMax: threads)
        waitingMax = waiting
        self.function = function
    }

    /// Looks up the addresses of `host` in one family; see ``Resolver``.
    public func lookUp(
        _ host: String, port: UInt16, family: AddressFamily, on loop: isolated EventLoop,
        answer: @escaping (Result<[SocketAddress], ResolutionError>) -> Void
    ) -> LookUp {
        lastNumber += 1
        let lookUp = LookUp(number: lastNumber)
        let query = Query(host: host.lowercased(), family: family)
        let waiter = Waiter(lookUp: lookUp, port: port, answer: answer)
        if registration == nil { registration = loop.attach(self) }
        queries[lookUp] = query
        if let entry = entries[query] {
            entry.waiters.append(waiter)
            return lookUp
        }
        let entry = Entry()
        entry.waiters.append(waiter)
        entries[query] = entry
        ask(query, entry, on: loop)
        return lookUp
    }

    private func ask(_ query: Query, _ entry: Entry, on loop: isolated EventLoop) {
        let progress = entry.progress
        let function = function
        let pool = pool
        let waitingMax = waitingMax
        systemLookUps += 1
        loop.spawn {
            let outcome: Result<[SocketAddress], ResolutionError>
            do {
                outcome = try await loop.offload(to: pool, waitingMax: waitingMax) {
                    guard progress.start() else { return .failure(.cancelled(query.host)) }
                    do {
                        return .success(try function(query.host, query.family))
                    } catch {
                        return .failure(
                            error as? ResolutionError
                                ?? ResolutionError(host: query.host, message: "\(error)"))
                    }
                }
            } catch {
                outcome = .failure(
                    ResolutionError(
                        host: query.host, message: "too many look-ups wait", code: .overloaded))
            }
            self.finish(query, entry, outcome)
        }
    }

    private func finish(
        _ query: Query, _ entry: Entry, _ outcome: Result<[SocketAddress], ResolutionError>
    ) {
        // An abandoned entry may have had a successor.
        if entries[query] === entry { entries[query] = nil }
        let waiters = entry.waiters
        entry.waiters = []
        for waiter in waiters where queries.removeValue(forKey: waiter.lookUp) != nil {
            waiter.answer(outcome.map { $0.map { $0.with(port: waiter.port) } })
        }
    }

    /// Forgets a look-up. One that still waits for a thread is not made if nobody else wants it.
    public func cancel(_ lookUp: LookUp, on loop: isolated EventLoop) {
        guard let query = queries.removeValue(forKey: lookUp), let entry = entries[query] else {
            return
        }
        entry.waiters.removeAll { $0.lookUp == lookUp }
        // One that runs may still be of use to somebody who asks the same.
        if entry.waiters.isEmpty, entry.progress.abandon() { entries[query] = nil }
    }

    func loopStops(_ loop: isolated EventLoop) {
        for (query, entry) in entries {
            _ = entry.progress.abandon()
            finish(query, entry, .failure(.cancelled(query.host)))
        }
    }
}

extension ResolutionError {
    static func cancelled(_ host: String) -> ResolutionError {
        ResolutionError(host: host, message: "cancelled", code: .cancelled)
    }
}

extension SocketAddress {
    fileprivate func with(port: UInt16) -> SocketAddress {
        switch self {
        case .ipv4(let host, _): .ipv4(host, port: port)
        case .ipv6(let host, _, let scope): .ipv6(host, port: port, scope: scope)
        case .unix: self
        }
    }
}
