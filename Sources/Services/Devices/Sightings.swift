import Postgres
public import Reactor
public import Storage

/// Is told from where users' devices come: in the main process it ends in the database, from workers it goes to the main
/// process.
public protocol SightingSink: AnyObject {
    /// A device made a request.
    func seen(_ sighting: UserIPs.Sighting, on loop: isolated EventLoop)
}

/// Passes on one sighting per place in two minutes, so that requests cost a look into memory.
public final class SightingFilter {
    private struct Place: Hashable {
        let token: String
        let host: SocketAddress
    }

    /// Where the sightings go. Whoever makes the filter keeps it alive.
    public weak var sink: (any SightingSink)?
    private let clock: WallClock
    private let periodMilliseconds: Int64 = 120_000
    private let placesMax = 100_000
    private var passed: [Place: Int64] = [:]

    /// A filter that has passed nothing on.
    public init(clock: WallClock = .system) {
        self.clock = clock
    }

    /// A device made a request from an address, whose port does not matter.
    public func seen(
        _ owner: AccessTokens.Owner, token: String, from address: SocketAddress?,
        userAgent: @autoclosure () -> String?, on loop: isolated EventLoop
    ) {
        guard let sink, let address else { return }
        let place = Place(token: token, host: address.withoutPort)
        let now = clock.now
        if let last = passed[place], now - last < periodMilliseconds, now >= last { return }
        if passed.count >= placesMax {
            passed = passed.filter { now - $0.value < periodMilliseconds }
            // So many within two minutes: rather tell some twice than remember them all.
            if passed.count >= placesMax { passed.removeAll(keepingCapacity: true) }
        }
        passed[place] = now
        sink.seen(
            UserIPs.Sighting(
                userID: owner.userID, accessToken: token, deviceID: owner.deviceID,
                address: address.host, userAgent: String((userAgent() ?? "").prefix(512)), time: now
            ),
            on: loop)
    }
}

extension SocketAddress {
    /// The same host, whatever the port.
    fileprivate var withoutPort: SocketAddress {
        switch self {
        case .ipv4(let host, _): .ipv4(host, port: 0)
        case .ipv6(let host, _, let scope): .ipv6(host, port: 0, scope: scope)
        case .unix: self
        }
    }
}

/// Writes sightings into the database, many at once. On the main process's loop.
public final class SightingWriter: SightingSink {
    private struct Key: Hashable {
        let userID: String
        let token: String
        let address: String
    }

    private let pool: PostgresPool
    private let pause: Duration
    private let pendingMax = 20_000
    private var pending: [Key: UserIPs.Sighting] = [:]
    private var isWriting = false

    init(pool: PostgresPool, pause: Duration = .seconds(5)) {
        self.pool = pool
        self.pause = pause
    }

    /// Notes a sighting; it is written within some seconds.
    public func seen(_ sighting: UserIPs.Sighting, on loop: isolated EventLoop) {
        let key = Key(
            userID: sighting.userID, token: sighting.accessToken, address: sighting.address)
        // While the database is away, the oldest news is as good as the newest.
        guard pending.count < pendingMax || pending[key] != nil else { return }
        pending[key] = sighting
        guard !isWriting else { return }
        isWriting = true
        _ = loop.schedule(after: pause) {
            loop.spawn { await self.write(on: loop) }
        }
    }

    /// Writes what is pending now.
    public func write(on loop: isolated EventLoop) async {
        let batch = pending.values.sorted {
            ($0.userID, $0.accessToken, $0.address) < ($1.userID, $1.accessToken, $1.address)
        }
        pending.removeAll(keepingCapacity: true)
        isWriting = false
        // A sighting that is lost is told again in two minutes.
        try? await pool.transaction(on: loop) { connection in
            try await UserIPs.store(batch, in: connection, on: loop)
        }
    }
}
