import HTTPServer
import HTTPWire
import JSON
public import Postgres
import Reactor
public import Services
import Storage

/// What /sync works with: in the main process and in a synchrotron alike. Lives on the process's loop.
public final class SyncContext {
    /// What computes and delivers the answers.
    public let engine: SyncEngine
    /// What answers those who ask as one did before /sync.
    public let legacy: LegacySync
    /// Whose the access tokens are.
    public let tokens: TokenCache
    /// Notes from where clients come.
    public let sightings: SightingFilter
    let pool: PostgresPool
    // Clients repeat the same filter with every request. A stored filter never changes.
    private var filters: [FilterKey: SyncFilter] = [:]
    private let filtersMax = 10_000

    private struct FilterKey: Hashable {
        /// Nil for a filter that is written out in the request.
        let userID: String?
        let text: String
    }

    /// A context over these.
    public init(
        engine: SyncEngine, tokens: TokenCache, pool: PostgresPool,
        sightings: SightingFilter = SightingFilter()
    ) {
        self.sightings = sightings
        self.engine = engine
        legacy = LegacySync(engine: engine, pool: pool)
        self.tokens = tokens
        self.pool = pool
    }

    /// The filter that a request names or holds, if that needs no look at the database.
    func knownFilter(_ text: String?, userID: String) throws(MatrixError) -> SyncFilter? {
        guard let text, !text.isEmpty else { return .everything }
        let isInline = text.hasPrefix("{")
        let key = FilterKey(userID: isInline ? nil : userID, text: text)
        if let filter = filters[key] { return filter }
        guard isInline else { return nil }
        let filter = try Self.parse(Array(text.utf8))
        keep(filter, key)
        return filter
    }

    /// The filter with an id. Throws M_INVALID_PARAM.
    func storedFilter(
        _ text: String, userID: String, on loop: isolated EventLoop
    ) async throws -> SyncFilter {
        guard let id = Int64(text),
            let bytes = try await UserFilters.filter(
                userID: userID, filterID: id, in: pool, on: loop)
        else { throw MatrixError.invalidParameter("There is no such filter") }
        let filter = try Self.parse(bytes)
        keep(filter, FilterKey(userID: userID, text: text))
        return filter
    }

    private func keep(_ filter: SyncFilter, _ key: FilterKey) {
        guard key.text.utf8.count <= 4096 else { return }
        if filters.count >= filtersMax { filters.removeAll(keepingCapacity: true) }
        filters[key] = filter
    }

    private static func parse(_ bytes: [UInt8]) throws(MatrixError) -> SyncFilter {
        guard bytes.count <= SyncFilter.bytesMax, let json = try? JSON(parsing: bytes) else {
            throw .invalidParameter("The filter is not JSON")  // Why, the client knows better.
        }
        return try SyncFilter(json)
    }
}

/// A server's context that has a ``SyncContext`` beside what other APIs need.
public protocol SyncServing: SendableMetatype {
    /// The part for /sync.
    var sync: SyncContext { get }
}

extension SyncContext: SyncServing {
    /// Itself.
    public var sync: SyncContext { self }
}
