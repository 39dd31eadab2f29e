import HTTPServer
import HTTPWire
import JSON
import Reactor
import Services
import Storage

extension ClientEndpoint {
    /// `GET /_matrix/client/{r0|v3}/publicRooms`
    static let publicRooms = ClientEndpoint(.get, "/publicRooms") { request, context, loop in
        _ = try await context.requester(of: request, on: loop)
        var query = DirectoryQuery(limit: try pageSize(try request.integer("limit")))
        query.skipped = try skipped(request.query("since"))
        return try await find(query, request, context, loop)
    }

    /// `POST /_matrix/client/{r0|v3}/publicRooms`
    static let searchPublicRooms = ClientEndpoint(.post, "/publicRooms") {
        request, context, loop in
        _ = try await context.requester(of: request, on: loop)
        let body = try request.body(mayBeEmpty: true)
        var query = DirectoryQuery(limit: try pageSize(body["limit"]?.intValue))
        query.skipped = try skipped(body["since"]?.stringValue)
        if let filter = body["filter"], !filter.isNull {
            guard filter.objectValue != nil else {
                throw MatrixError.badJSON("filter must be an object")
            }
            query.term = filter["generic_search_term"]?.stringValue
            query.roomTypes = try roomTypes(filter["room_types"])
        }
        if body["third_party_instance_id"]?.stringValue != nil {
            // There are no networks of application services here, so no rooms of theirs.
            query.limit = 0
        }
        return try await find(query, request, context, loop)
    }

    /// `GET /_matrix/client/{r0|v3}/directory/list/room/{roomId}`
    static let getListing = ClientEndpoint(.get, "/directory/list/room/{roomId}") {
        request, context, loop in
        let isPublished = try await context.services.rooms.isPublished(
            request.path("roomId"), on: loop)
        return .json(["visibility": isPublished ? "public" : "private"])
    }

    /// `PUT /_matrix/client/{r0|v3}/directory/list/room/{roomId}`
    static let putListing = ClientEndpoint(.put, "/directory/list/room/{roomId}") {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        let isPublic: Bool
        switch try request.body()["visibility"] {
        case nil, "public": isPublic = true
        case "private": isPublic = false
        default: throw MatrixError.invalidParameter("visibility must be public or private")
        }
        try await context.services.rooms.publish(
            isPublic, roomID: request.path("roomId"), by: requester.userID,
            isAdministrator: requester.owner.isAdmin, on: loop)
        return .emptyObject
    }

    private static func find(
        _ query: DirectoryQuery, _ request: ClientRequest, _ context: ClientContext,
        _ loop: isolated EventLoop
    ) async throws -> HTTPResponse {
        if let server = request.query("server"), server != context.serverName {
            throw MatrixError.notFound("There is no federation with \(server)")
        }
        let page = try await context.services.rooms.publishedRooms(query, on: loop)
        var answer: JSON = [
            "chunk": .array(page.rooms),
            "total_room_count_estimate": .integer(Int64(page.total)),
        ]
        let end = query.skipped + page.rooms.count
        if end < page.total, !page.rooms.isEmpty { answer["next_batch"] = .string("n\(end)") }
        if query.skipped > 0 {
            answer["prev_batch"] = .string("n\(max(0, query.skipped - query.limit))")
        }
        return .json(answer)
    }

    /// A page's size: what is asked for, within bounds.
    private static func pageSize(_ limit: Int64?) throws(MatrixError) -> Int {
        guard let limit else { return 100 }
        guard limit >= 0 else { throw .invalidParameter("limit must not be negative") }
        // Zero is what some clients send for no limit.
        return limit == 0 ? 500 : Int(clamping: min(limit, 500))
    }

    private static func skipped(_ token: String?) throws(MatrixError) -> Int {
        guard let token, !token.isEmpty else { return 0 }
        guard token.first == "n", let skipped = Int(token.dropFirst()),
            (0...1_000_000_000).contains(skipped)
        else { throw .invalidParameter("'\(token)' is not a valid token") }
        return skipped
    }

    private static func roomTypes(_ json: JSON?) throws(MatrixError) -> [String?]? {
        guard let json, !json.isNull else { return nil }
        guard let list = json.arrayValue, list.allSatisfy({ $0.isNull || $0.stringValue != nil })
        else { throw .badJSON("room_types must be a list of strings and nulls") }
        return list.map(\.stringValue)
    }
}
