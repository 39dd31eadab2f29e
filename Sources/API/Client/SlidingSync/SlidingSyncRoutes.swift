public import HTTPServer
import HTTPWire
import Reactor
import Services
import Storage

/// `POST /_matrix/client/unstable/org.matrix.simplified_msc3575/sync`
public enum SlidingSyncRoutes {
    static let path = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync"

    /// Adds the endpoint to a router.
    public static func register<Context: SyncServing>(into router: inout Router<Context>) {
        router.on(.post, path, bodyBytesMax: 1 << 18) { exchange, context, loop in
            let context = context.sync
            loop.spawn {
                do {
                    try await handle(exchange, context, on: loop)
                } catch {
                    exchange.respond(throwing: error, on: loop)
                }
            }
        }
    }

    private static func handle(
        _ exchange: HTTPExchange, _ context: SyncContext, on loop: isolated EventLoop
    ) async throws {
        let http = ClientRequest(http: exchange.request)
        let token = try http.accessToken()
        let owner = try await context.tokens.owner(of: token, on: loop)
        context.sightings.seen(
            owner, token: token, from: http.http.clientAddress,
            userAgent: http.http.headers["User-Agent"], on: loop)
        let asked = try SlidingRequest(try http.body(mayBeEmpty: true))
        let wait = try http.integer("timeout") ?? 0
        // The engine bounds it; this keeps the sum within a number.
        let timeout = Duration.milliseconds(min(max(wait, 0), 86_400_000))
        let presence = try SyncQuery.presence(http.query("set_presence"))
        var request = SyncRequest(
            userID: owner.userID, deviceID: owner.deviceID, timeout: timeout,
            affectsPresence: presence != .offline)
        request.presence = presence
        let position = http.query("pos").flatMap { $0.isEmpty ? nil : $0 }
        context.engine.sync(asked, from: position, request, answering: exchange, on: loop)
    }
}
