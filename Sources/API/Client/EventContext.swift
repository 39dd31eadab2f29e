import HTTPServer
import HTTPWire
import JSON
import Services

extension ClientEndpoint {
    /// `GET /_matrix/client/{r0|v3}/rooms/{roomId}/context/{eventId}`
    static let eventContext = ClientEndpoint(.get, "/rooms/{roomId}/context/{eventId}") {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        let limit = try request.integer("limit") ?? 10
        guard limit >= 0 else { throw MatrixError.invalidParameter("limit must not be negative") }
        let found = try await context.services.rooms.context(
            of: request.path("eventId"), in: request.path("roomId"), limit: Int(clamping: limit),
            filter: try request.filter(), for: requester.owner, on: loop)
        return .json(found.body)
    }
}

extension EventContext {
    /// The body of the response.
    fileprivate var body: [UInt8] {
        var bytes: [UInt8] = [UInt8(ascii: "{")]
        bytes.appendJSONString("event")
        bytes.append(UInt8(ascii: ":"))
        bytes.append(contentsOf: event)
        let lists = [("events_before", before), ("events_after", after), ("state", state)]
        for (key, events) in lists {
            bytes.append(UInt8(ascii: ","))
            bytes.appendMember(key, list: events)
        }
        bytes.appendMembers([("start", start), ("end", end)])
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }
}
