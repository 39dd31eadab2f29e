import HTTPServer
import HTTPWire
import Services

extension ClientEndpoint {
    /// `GET /_matrix/client/{r0|v3}/notifications`
    static let notifications = ClientEndpoint(.get, "/notifications") {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        let only = request.query("only")?.split(separator: ",").contains("highlight") ?? false
        let page = try await context.services.rooms.notifications(
            for: requester.owner, from: request.query("from"),
            limit: try request.integer("limit"), onlyHighlights: only, on: loop)
        return .json(page)
    }
}
