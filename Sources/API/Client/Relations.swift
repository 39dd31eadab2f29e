import HTTPServer
import HTTPWire
import JSON
import Reactor
import Services

extension ClientEndpoint {
    /// `GET /_matrix/client/v1/rooms/{roomId}/relations/{eventId}`
    static let relations = ClientEndpoint(.get, "/rooms/{roomId}/relations/{eventId}", .own) {
        request, context, loop in
        try await find(nil, nil, request, context, loop)
    }

    /// `GET /_matrix/client/v1/rooms/{roomId}/relations/{eventId}/{relType}`
    static let relationsOfType = ClientEndpoint(
        .get, "/rooms/{roomId}/relations/{eventId}/{relType}", .own
    ) { request, context, loop in
        try await find(request.path("relType"), nil, request, context, loop)
    }

    /// `GET /_matrix/client/v1/rooms/{roomId}/relations/{eventId}/{relType}/{eventType}`
    static let relationsOfTypes = ClientEndpoint(
        .get, "/rooms/{roomId}/relations/{eventId}/{relType}/{eventType}", .own
    ) { request, context, loop in
        try await find(request.path("relType"), request.path("eventType"), request, context, loop)
    }

    /// `GET /_matrix/client/v1/rooms/{roomId}/threads`
    static let threads = ClientEndpoint(.get, "/rooms/{roomId}/threads", .own) {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        let participatedOnly: Bool
        switch request.query("include") {
        case nil, "all": participatedOnly = false
        case "participated": participatedOnly = true
        default: throw MatrixError.invalidParameter("include must be all or participated")
        }
        let page = try await context.services.rooms.threads(
            in: request.path("roomId"), from: request.query("from"),
            participatedOnly: participatedOnly, limit: try pageLimit(of: request),
            for: requester.owner, on: loop)
        return .json(page.body(previous: nil))
    }

    private static func find(
        _ relationType: String?, _ type: String?, _ request: ClientRequest,
        _ context: ClientContext, _ loop: isolated EventLoop
    ) async throws -> HTTPResponse {
        let requester = try await context.requester(of: request, on: loop)
        var query = RelationsQuery(limit: try pageLimit(of: request))
        query.relationType = relationType
        query.type = type
        query.from = request.query("from")
        query.to = request.query("to")
        query.isBackwards = try request.isBackwards() ?? true
        switch request.query("recurse") {
        case nil, "false": break
        case "true": query.recurses = true
        default: throw MatrixError.invalidParameter("recurse must be true or false")
        }
        let page = try await context.services.rooms.relations(
            to: request.path("eventId"), in: request.path("roomId"), query,
            for: requester.owner, on: loop)
        return .json(page.body(previous: query.from))
    }

    private static func pageLimit(of request: ClientRequest) throws(MatrixError) -> Int {
        let limit = try request.integer("limit") ?? 20
        guard limit > 0 else { throw MatrixError.invalidParameter("limit must be positive") }
        return Int(clamping: limit)
    }
}

extension RelationsPage {
    /// The body of the response; `previous` is the token that the page was asked for with.
    fileprivate func body(previous: String?) -> [UInt8] {
        var bytes: [UInt8] = [UInt8(ascii: "{")]
        bytes.appendMember("chunk", list: events)
        bytes.appendMembers([("next_batch", next), ("prev_batch", previous)])
        if let depth { bytes.append(contentsOf: ",\"recursion_depth\":\(depth)".utf8) }
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }
}
