import Bytes
import HTTPServer
import HTTPWire
import JSON
import Matrix
import Reactor
import Services
import Storage

/// A request with the questions that the endpoints ask of it.
struct ClientRequest: Sendable {
    let http: HTTPRequest
    /// Whether guests may make it.
    var isOpenToGuests = false

    /// Where it comes from, for limits and the list of devices.
    var address: String { http.clientAddress?.host ?? "local" }

    /// The request with its body, for what has to be proved.
    func interactive(mayBeEmpty: Bool = false) throws(MatrixError) -> InteractiveRequest {
        InteractiveRequest(
            method: http.method.name, path: http.path, body: try body(mayBeEmpty: mayBeEmpty),
            address: address)
    }

    /// A part of the path.
    func path(_ name: String) -> String { http.parameters.text(name) }

    /// A part of the path that must be a room id. Throws M_INVALID_PARAM.
    func roomID(_ name: String = "roomId") throws(MatrixError) -> String {
        guard let roomID = RoomID(path(name)) else {
            throw .invalidParameter("\(name) is not a room id")
        }
        return roomID.text
    }

    /// A parameter of the query.
    func query(_ name: String) -> String? { http.query.first(named: name) }

    /// A whole number of the query. Throws M_INVALID_PARAM.
    func integer(_ name: String) throws(MatrixError) -> Int64? {
        try ClientRequest.integer(query(name), of: name)
    }

    /// The whole number that a parameter's text is. Throws M_INVALID_PARAM.
    static func integer(_ text: String?, of name: String) throws(MatrixError) -> Int64? {
        guard let text else { return nil }
        guard let number = Int64(text) else {
            throw .invalidParameter("Query parameter \(name) must be an integer")
        }
        return number
    }

    /// The direction of the query's `dir`, if there is one. Throws M_INVALID_PARAM.
    func isBackwards() throws(MatrixError) -> Bool? {
        switch query("dir") {
        case "b": true
        case "f": false
        case nil: nil
        default: throw .invalidParameter("dir must be b or f")
        }
    }

    /// The query's filter, which must be a JSON object. Throws M_NOT_JSON.
    func filter() throws(MatrixError) -> JSON? {
        guard let text = query("filter") else { return nil }
        guard let json = try? JSON(parsing: text), json.objectValue != nil else {
            throw MatrixError(400, "M_NOT_JSON", "Unable to parse filter")
        }
        return json
    }

    /// The body, which must be a JSON object. Some clients send nothing where nothing is asked for.
    func body(mayBeEmpty: Bool = false) throws(MatrixError) -> JSON {
        if http.body.isEmpty, mayBeEmpty { return JSON([:]) }
        let json: JSON
        do throws(JSON.ParseError) {
            json = try JSON(parsing: http.body)
        } catch {
            if error.reason == .tooLong {
                throw MatrixError(413, "M_TOO_LARGE", "Content is larger than this server takes")
            }
            throw MatrixError(400, "M_NOT_JSON", "Content not JSON.")
        }
        guard json.objectValue != nil else {
            throw .badJSON("Content must be a JSON object.")
        }
        return json
    }

    /// The access token: of the header, or of the query as older clients send it.
    func accessToken() throws(MatrixError) -> String {
        guard let index = http.headers.firstIndex(of: "authorization") else {
            guard let token = query("access_token"), !token.isEmpty else { throw .missingToken }
            return token
        }
        // `Bearer`, spaces, the token, and perhaps spaces around.
        let header = http.headers.value(at: index)
        let scheme = ClientRequest.word(header, from: 0)
        let token = ClientRequest.word(header, from: scheme.upperBound)
        guard header.extracting(scheme).equalsIgnoringCase("bearer"), !token.isEmpty,
            ClientRequest.word(header, from: token.upperBound).isEmpty
        else { throw MatrixError(401, "M_MISSING_TOKEN", "Invalid Authorization header") }
        return header.extracting(token).string
    }
}

extension ClientRequest {
    /// The next word of a header's value; empty if there is none.
    private static func word(_ text: RawSpan, from start: Int) -> Range<Int> {
        var begin = start
        while begin < text.byteCount, text.byte(begin) == UInt8(ascii: " ") { begin += 1 }
        return begin..<(text.firstIndex(of: UInt8(ascii: " "), from: begin) ?? text.byteCount)
    }
}

extension MatrixError {
    static let guestsMayNot = MatrixError(
        403, "M_GUEST_ACCESS_FORBIDDEN", "Guest access not allowed")
}

/// Who makes a request.
struct Requester: Sendable {
    let token: String
    let owner: AccessTokens.Owner

    var userID: String { owner.userID }

    /// The requester as the limits see it.
    var subject: ClientLimits.Subject {
        ClientLimits.Subject(userID: owner.userID, isExempt: owner.isAdmin)
    }

    /// The requester as the sender of an event.
    func sender(transaction: String? = nil) -> EventSender {
        var sender = EventSender(
            userID: owner.userID, deviceID: owner.deviceID, tokenID: owner.tokenID,
            transactionID: transaction)
        sender.isGuest = owner.isGuest
        return sender
    }
}

extension ClientContext {
    /// Who makes the request. Throws M_MISSING_TOKEN, M_UNKNOWN_TOKEN or M_GUEST_ACCESS_FORBIDDEN.
    func requester(
        of request: ClientRequest, on loop: isolated EventLoop
    ) async throws -> Requester {
        let token = try request.accessToken()
        let tokens = services.accounts.tokens
        let owner: AccessTokens.Owner
        if let known = tokens.cachedOwner(of: token, on: loop) {
            owner = known
        } else {
            owner = try await tokens.owner(of: token, on: loop)
        }
        services.sightings.seen(
            owner, token: token, from: request.http.clientAddress,
            userAgent: request.http.headers["User-Agent"], on: loop)
        if owner.isGuest, !request.isOpenToGuests {
            throw MatrixError.guestsMayNot
        }
        return Requester(token: token, owner: owner)
    }

    /// Who makes the request, who must be the user that the path names.
    func requester(
        of request: ClientRequest, being userID: String, on loop: isolated EventLoop
    ) async throws -> Requester {
        let requester = try await requester(of: request, on: loop)
        guard requester.userID == userID else {
            throw MatrixError.forbidden("Cannot act for another user")
        }
        return requester
    }
}

extension [UInt8] {
    /// Appends `[a,b]`.
    mutating func append(list items: [[UInt8]]) {
        append(UInt8(ascii: "["))
        for (index, item) in items.enumerated() {
            if index > 0 { append(UInt8(ascii: ",")) }
            append(contentsOf: item)
        }
        append(UInt8(ascii: "]"))
    }

    /// Appends `"key":[a,b]`.
    mutating func appendMember(_ key: String, list items: [[UInt8]]) {
        appendJSONString(key)
        append(UInt8(ascii: ":"))
        append(list: items)
    }

    /// Appends `,"key":"value"` for each value that there is.
    mutating func appendMembers(_ members: [(key: String, value: String?)]) {
        for (key, value) in members {
            guard let value else { continue }
            append(UInt8(ascii: ","))
            appendJSONString(key)
            append(UInt8(ascii: ":"))
            appendJSONString(value)
        }
    }
}

extension HTTPResponse {
    /// `{}`.
    static var emptyObject: HTTPResponse { .json(Array("{}".utf8)) }

    /// A list of rendered values under one key.
    static func list(_ key: String, _ items: [[UInt8]]) -> HTTPResponse {
        var bytes: [UInt8] = [UInt8(ascii: "{")]
        bytes.appendMember(key, list: items)
        bytes.append(UInt8(ascii: "}"))
        return .json(bytes)
    }

    /// A JSON body.
    static func json(_ json: JSON, status: HTTPStatus = .ok) -> HTTPResponse {
        .json(json.bytes, status: status)
    }
}
