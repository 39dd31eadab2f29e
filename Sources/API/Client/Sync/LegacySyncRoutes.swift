public import HTTPServer
import HTTPWire
import JSON
import Matrix
import Reactor
import Services
import Storage

/// What there was before /sync, for clients that still ask so: in the main process and in synchrotrons.
public enum LegacySyncRoutes {
    /// An endpoint of a ``SyncContext``.
    struct Endpoint: Sendable {
        let path: String
        let isOpenToGuests: Bool
        let handler:
            @Sendable (ClientRequest, SyncContext, AccessTokens.Owner, isolated EventLoop)
                async throws -> JSON
    }

    /// Adds every endpoint to a router, under every prefix that it has had.
    public static func register<Context: SyncServing>(into router: inout Router<Context>) {
        for endpoint in endpoints {
            for prefix in ClientEndpoint.Era.first.prefixes {
                router.onAsync(.get, prefix + endpoint.path, name: endpoint.path) {
                    request, context, loop in
                    let client = ClientRequest(http: request)
                    let owner = try await owner(of: client, context.sync, on: loop)
                    if owner.isGuest, !endpoint.isOpenToGuests { throw MatrixError.guestsMayNot }
                    return .json(
                        try await endpoint.handler(client, context.sync, owner, loop))
                }
            }
        }
    }

    private static func owner(
        of request: ClientRequest, _ context: SyncContext, on loop: isolated EventLoop
    ) async throws -> AccessTokens.Owner {
        let token = try request.accessToken()
        let owner = try await context.tokens.owner(of: token, on: loop)
        context.sightings.seen(
            owner, token: token, from: request.http.clientAddress,
            userAgent: request.http.headers["User-Agent"], on: loop)
        return owner
    }

    static let endpoints: [Endpoint] = [events, event, initialSync, roomInitialSync]

    /// `GET /_matrix/client/{r0|v3|api/v1}/events`
    private static let events = Endpoint(path: "/events", isOpenToGuests: true) {
        request, context, owner, loop in
        var from: StreamToken?
        if let text = request.query("from"), !text.isEmpty { from = try StreamToken(parsing: text) }
        let timeout = try request.integer("timeout") ?? 30_000
        let roomID = try request.query("room_id").map { text in
            guard let roomID = RoomID(text) else {
                throw MatrixError.invalidParameter("room_id is not a room id")
            }
            return roomID.text
        }
        let query = LegacyEventsQuery(
            from: from, timeout: .milliseconds(min(max(timeout, 0), 86_400_000)),
            limit: try limit(of: request, default: 100), roomID: roomID)
        return try await context.legacy.events(query, for: owner, on: loop)
    }

    /// `GET /_matrix/client/{r0|v3|api/v1}/events/{eventId}`
    private static let event = Endpoint(path: "/events/{eventId}", isOpenToGuests: false) {
        request, context, owner, loop in
        try await context.legacy.event(request.path("eventId"), for: owner, on: loop)
    }

    /// `GET /_matrix/client/{r0|v3|api/v1}/initialSync`
    private static let initialSync = Endpoint(path: "/initialSync", isOpenToGuests: false) {
        request, context, owner, loop in
        let archived: Bool
        switch request.query("archived") {
        case nil, "false": archived = false
        case "true": archived = true
        default: throw MatrixError.invalidParameter("archived must be true or false")
        }
        return try await context.legacy.initial(
            limit: try limit(of: request, default: 10), archived: archived, for: owner, on: loop)
    }

    /// `GET /_matrix/client/{r0|v3|api/v1}/rooms/{roomId}/initialSync`
    private static let roomInitialSync = Endpoint(
        path: "/rooms/{roomId}/initialSync", isOpenToGuests: true
    ) { request, context, owner, loop in
        try await context.legacy.room(
            try request.roomID(), limit: try limit(of: request, default: 10), for: owner, on: loop)
    }

    private static func limit(
        of request: ClientRequest, default standard: Int64
    ) throws(MatrixError) -> Int {
        let limit = try request.integer("limit") ?? standard
        guard limit >= 0 else { throw .invalidParameter("limit must not be negative") }
        // More than the engine puts into an answer.
        return Int(min(limit, 1000))
    }
}
