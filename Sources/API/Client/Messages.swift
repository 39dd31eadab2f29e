import HTTPServer
import HTTPWire
import JSON
import Services

extension ClientEndpoint {
    /// `GET /_matrix/client/{r0|v3}/rooms/{roomId}/messages`
    static let messages = ClientEndpoint(.get, "/rooms/{roomId}/messages") {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        guard let isBackwards = try request.isBackwards() else {
            throw MatrixError.missingParameter("dir")
        }
        let limit = try request.integer("limit") ?? 10
        guard limit >= 0 else { throw MatrixError.invalidParameter("limit must not be negative") }
        let page = try await context.services.rooms.messages(
            in: request.path("roomId"),
            MessagesQuery(
                from: request.query("from"), to: request.query("to"), isBackwards: isBackwards,
                limit: Int(clamping: limit), filter: try request.filter()),
            for: requester.owner, on: loop)
        return .json(page.body)
    }
}

extension MessagesPage {
    /// The body of the response.
    fileprivate var body: [UInt8] {
        var bytes: [UInt8] = [UInt8(ascii: "{")]
        bytes.appendMember("chunk", list: events)
        if !state.isEmpty {
            bytes.append(UInt8(ascii: ","))
            bytes.appendMember("state", list: state)
        }
        bytes.appendMembers([("start", start), ("end", end)])
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }
}
