import HTTPServer
import HTTPWire
import JSON
import Services

extension ClientEndpoint {
    /// `GET /_matrix/client/{r0|v3}/rooms/{roomId}/messages`
    static let messages = ClientEndpoint(.get, "/rooms/{roomId}/messages") {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        let isBackwards: Bool
        switch request.query("dir") {
        case "b": isBackwards = true
        case "f": isBackwards = false
        case nil: throw MatrixError.missingParameter("dir")
        default: throw MatrixError.invalidParameter("dir must be b or f")
        }
        let limit = try request.integer("limit") ?? 10
        guard limit >= 0 else { throw MatrixError.invalidParameter("limit must not be negative") }
        var filter: JSON?
        if let text = request.query("filter") {
            guard let json = try? JSON(parsing: text), json.objectValue != nil else {
                throw MatrixError(400, "M_NOT_JSON", "Unable to parse filter")
            }
            filter = json
        }
        let page = try await context.services.rooms.messages(
            in: request.path("roomId"),
            MessagesQuery(
                from: request.query("from"), to: request.query("to"), isBackwards: isBackwards,
                limit: Int(clamping: limit), filter: filter),
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
        for (key, token) in [("start", start), ("end", end)] {
            guard let token else { continue }
            bytes.append(UInt8(ascii: ","))
            bytes.appendJSONString(key)
            bytes.append(UInt8(ascii: ":"))
            bytes.appendJSONString(token)
        }
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }
}
