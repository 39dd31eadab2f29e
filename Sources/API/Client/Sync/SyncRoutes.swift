public import HTTPServer
import HTTPWire
import Reactor
import Services
import Storage

/// `GET /_matrix/client/{r0|v3|unstable|v2_alpha}/sync`
public enum SyncRoutes {
    /// Adds the endpoint, and that of sliding sync, to a router.
    public static func register<Context: SyncServing>(into router: inout Router<Context>) {
        router.on(
            .get, "/_matrix/client/{version:r0|v3|unstable|v2_alpha}/sync", name: "/sync"
        ) { exchange, context, loop in
            handle(exchange, context.sync, on: loop)
        }
        SlidingSyncRoutes.register(into: &router)
    }

    /// Answers at once, or parks, without a task, when token and filter are known already.
    private static func handle(
        _ exchange: HTTPExchange, _ context: SyncContext, on loop: isolated EventLoop
    ) {
        do {
            let http = ClientRequest(http: exchange.request)
            let token = try http.accessToken()
            if let owner = context.tokens.cachedOwner(of: token, on: loop) {
                try handle(exchange, http, owner, context, on: loop)
                return
            }
            loop.spawn {
                do {
                    let owner = try await context.tokens.owner(of: token, on: loop)
                    try handle(exchange, http, owner, context, on: loop)
                } catch {
                    exchange.respond(throwing: error, on: loop)
                }
            }
        } catch {
            exchange.respond(throwing: error, on: loop)
        }
    }

    private static func handle(
        _ exchange: HTTPExchange, _ http: ClientRequest, _ owner: AccessTokens.Owner,
        _ context: SyncContext, on loop: isolated EventLoop
    ) throws {
        context.sightings.seen(
            owner, token: try http.accessToken(), from: http.http.clientAddress,
            userAgent: http.http.headers["User-Agent"], on: loop)
        let query = try SyncQuery(http)
        var request = query.request(of: owner)
        let filterText = query.filter
        if let filter = try context.knownFilter(filterText, userID: owner.userID) {
            request.filter = filter
            context.engine.sync(request, answering: exchange, on: loop)
            return
        }
        loop.spawn { [request] in
            do {
                var request = request
                request.filter = try await context.storedFilter(
                    filterText ?? "", userID: owner.userID, on: loop)
                context.engine.sync(request, answering: exchange, on: loop)
            } catch {
                exchange.respond(throwing: error, on: loop)
            }
        }
    }
}

/// The query of a request, checked.
struct SyncQuery {
    let since: StreamToken?
    let timeout: Duration
    let fullState: Bool
    let stateKind: SyncStateKind
    let presence: PresenceState
    let filter: String?

    init(_ http: ClientRequest) throws(MatrixError) {
        // Taken out once: each look would copy it.
        let query = http.http.query
        guard query.first(named: "from") == nil else {
            throw .invalidParameter("/sync takes since, not from")
        }
        if let text = query.first(named: "since"), !text.isEmpty {
            since = try StreamToken(parsing: text)
        } else {
            since = nil
        }
        // The engine bounds it; this keeps the sum within a number.
        let wait = try ClientRequest.integer(query.first(named: "timeout"), of: "timeout") ?? 0
        let milliseconds = min(max(wait, 0), 86_400_000)
        timeout = .milliseconds(milliseconds)
        fullState = try Self.flag("full_state", in: query)
        if try Self.flag("use_state_after", in: query) {
            stateKind = .after
        } else if try Self.flag("org.matrix.msc4222.use_state_after", in: query) {
            stateKind = .afterUnstable
        } else {
            stateKind = .before
        }
        presence = try Self.presence(query.first(named: "set_presence"))
        filter = query.first(named: "filter")
    }

    /// Where the user is, as a request says.
    static func presence(_ text: String?) throws(MatrixError) -> PresenceState {
        switch text {
        case nil, "online": return .online
        case "unavailable": return .unavailable
        case "offline": return .offline
        default: throw .invalidParameter("set_presence must be online, unavailable or offline")
        }
    }

    private static func flag(_ name: String, in query: HTTPQuery) throws(MatrixError) -> Bool {
        switch query.first(named: name) {
        case nil, "false": return false
        case "true": return true
        default: throw .invalidParameter("\(name) must be true or false")
        }
    }

    func request(of owner: AccessTokens.Owner) -> SyncRequest {
        var request = SyncRequest(
            userID: owner.userID, deviceID: owner.deviceID, since: since, timeout: timeout,
            fullState: fullState, affectsPresence: presence != .offline)
        request.presence = presence
        request.stateKind = stateKind
        return request
    }
}
